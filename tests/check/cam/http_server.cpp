// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP server of cam against clients that do as they like: other paths and methods, POSTs sent
// twice, cut or out of order, complete answers asked for again, garbage.
#include "common/proto/http1_text.h"
#include "http_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

namespace {
const std::string hello = wire (message (Kind::hello, "h"));
const std::string push = "/cam/v1/push/video?channel=abcdefgh&seq=";
const std::string pull =
    "/cam/v1/pull/video?channel=abcdefgh&hello=" + http::base64url_encode (as_bytes (hello)) +
    "&mode=complete";

unsigned status_of (
    Server &s, const std::string &method, const std::string &target, const std::string &body = "")
{
  Raw c (s.port);
  c.request (method, target, body);
  const Answer a = c.answer (method == "HEAD");
  if (a.status >= 400 && method != "HEAD")
    fail_unless (a.body.ends_with (".\n"), "%s", a.body.c_str ());
  return a.status;
}
#define assert_status(want, ...)                                                                   \
  fail_unless_equals_int (static_cast<int> (status_of (__VA_ARGS__)), want)
} // namespace

GST_START_TEST (test_paths_and_methods)
{
  Server s (pull_config ());
  assert_status (404, s, "GET", "/");
  assert_status (404, s, "GET", "/cam/v1/pull/pictures");
  assert_status (404, s, "POST", push + "0", hello);
  assert_status (405, s, "POST", "/cam/v1/pull/video", hello);
  assert_status (405, s, "PUT", "/cam/v1/pull/video");
  assert_status (200, s, "HEAD", "/cam/v1/pull/video");
  assert_status (404, s, "HEAD", "/cam/v1/pull/x");
  assert_status (410, s, "POST", "/cam/v1/up/nobodyknows", hello);
  assert_status (400, s, "GET", "/cam/v1/pull/video?hello=*");
  assert_status (400, s, "GET", "/cam/v1/pull/video?hello=");
  assert_status (400, s, "GET", "/cam/v1/pull/video?hello=" + std::string (6145, 'A'));
  assert_status (400, s, "GET", "/cam/v1/pull/video?channel=short");
  assert_status (400, s, "GET", "/cam/v1/pull/video?mode=complete");
  assert_status (400, s, "GET", "/cam/v1/pull/video?a=1&a=2");
  assert_status (410, s, "GET", pull + "&pos=5");
  fail_unless (s.ends.get ().empty ());
  Server r (push_config ());
  assert_status (404, r, "GET", "/cam/v1/pull/video");
  assert_status (405, r, "GET", push + "0");
  assert_status (400, r, "POST", "/cam/v1/push/video?seq=0", hello);
  assert_status (404, r, "POST", "/cam/v1/push/x?channel=abcdefgh", hello);
  assert_status (410, r, "POST", push + "1", hello);
  r.refuse_all = true;
  assert_status (403, r, "POST", push + "0", hello);
}
GST_END_TEST;

GST_START_TEST (test_one_connection_many_requests)
{
  Server s (push_config ());
  Raw c (s.port);
  // Pipelined, with a 100-continue in between.
  c.write ("GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n"
           "POST " +
           push +
           "0 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  fail_unless_equals_int (static_cast<int> (c.answer ().status), 404);
  fail_unless_equals_int (static_cast<int> (c.answer (true).status), 404);
  fail_unless_equals_int (static_cast<int> (c.answer ().status), 100);
  c.write ("9\r\n" + hello + "\r\n0\r\n\r\n");
  const Answer a = c.answer ();
  fail_unless_equals_int (static_cast<int> (a.status), 200);
  fail_unless (a.body == wire (s.welcome));
  c.write ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  fail_unless (c.answer ().has ("Connection: close"));
  fail_unless (c.at_end ());
}
GST_END_TEST;

GST_START_TEST (test_post_twice)
{
  Server s (push_config ());
  Raw a (s.port);
  a.request ("POST", push + "0", hello);
  const std::string opening = a.answer ().body;
  fail_unless (opening == wire (s.welcome));
  const std::string frame = wire (big_frame (5000, 1));
  a.request ("POST", push + "1", frame);
  a.answer ();
  // Both again: answered alike, and not taken again.
  Raw b (s.port);
  b.request ("POST", push + "0", hello);
  fail_unless (b.answer ().body == opening);
  b.request ("POST", push + "1", frame);
  fail_unless_equals_int (static_cast<int> (b.answer ().status), 200);
  // Cut in the middle of its body, then again as a whole.
  a.write ("POST " + push + "2 HTTP/1.1\r\nHost: x\r\nContent-Length: " +
           std::to_string (frame.size ()) + "\r\n\r\n" + frame.substr (0, 1234));
  a.shut ();
  b.request ("POST", push + "2", frame);
  fail_unless_equals_int (static_cast<int> (b.answer ().status), 200);
  b.request ("POST", push + "3", wire (message (Kind::bye, "end")));
  b.answer ();
  End &e = s.end (0);
  fail_unless (e.wait_got (4));
  const auto got = e.seen.get ().got;
  fail_unless_equals_int (static_cast<int> (got.size ()), 4);
  fail_unless (got[1] == frame && got[2] == frame && got[3] == wire (message (Kind::bye, "end")));
  fail_unless (!e.seen.get ().closed);
}
GST_END_TEST;

GST_START_TEST (test_posts_overtake_each_other)
{
  Server s (push_config ());
  Raw a (s.port), b (s.port), c (s.port);
  a.request ("POST", push + "0", hello);
  a.answer ();
  b.request ("POST", push + "2", wire (message (Kind::tags, "2")));
  c.request ("POST", push + "3&end=1", wire (message (Kind::tags, "3")));
  a.request ("POST", push + "9", "");
  fail_unless_equals_int (static_cast<int> (a.answer ().status), 409);
  a.request ("POST", push + "1", wire (message (Kind::tags, "1")));
  for (Raw *r : {&a, &b, &c})
    fail_unless_equals_int (static_cast<int> (r->answer ().status), 200);
  End &e = s.end (0);
  fail_unless (e.wait_closed () && e.why () == CloseReason::orderly);
  const auto got = e.seen.get ().got;
  fail_unless_equals_int (static_cast<int> (got.size ()), 4);
  for (int i = 1; i <= 3; i++)
    fail_unless (
        got[static_cast<std::size_t> (i)] == wire (message (Kind::tags, std::to_string (i))));
}
GST_END_TEST;

GST_START_TEST (test_held_post)
{
  Server s (push_config ());
  Raw a (s.port), b (s.port);
  a.request ("POST", push + "0", hello);
  a.answer ();
  // Held until there is something to say …
  a.request ("POST", push + "1&wait=30000", "");
  b.request ("POST", push + "0", hello);
  b.answer ();
  s.end (0).send (message (Kind::key_unit, "k"));
  fail_unless (a.answer ().body == wire (message (Kind::key_unit, "k")));
  // … or until the next one comes.
  a.request ("POST", push + "2&wait=30000", "");
  b.request ("POST", push + "3", "");
  fail_unless (a.answer ().body.empty () && b.answer ().status == 200);
  a.request ("POST", push + "4&wait=30000", "");
  a.shut (); // lost: its answer goes to whoever asks for it again
  b.request ("POST", push + "4&wait=30000", "");
  s.end (0).send (message (Kind::key_unit, "l"));
  fail_unless (b.answer ().body == wire (message (Kind::key_unit, "l")));
}
GST_END_TEST;

GST_START_TEST (test_complete_answers)
{
  Server s (pull_config ());
  Raw a (s.port);
  a.request ("GET", pull + "&wait=30000");
  std::string got = a.answer ().body;
  fail_unless (got == wire (s.welcome));
  const std::string frame = wire (big_frame (10000, 1));
  s.end (0).send (big_frame (10000, 1));
  const auto ask = [&] (Raw &c, std::size_t pos, const char *more) {
    c.request ("GET", pull + "&pos=" + std::to_string (pos) + more);
    return c.answer ();
  };
  const std::string part = ask (a, got.size (), "&max=3000").body;
  fail_unless_equals_int (static_cast<int> (part.size ()), 3000);
  // The same again, as if it had been lost, then from its middle.
  fail_unless (ask (a, got.size (), "&max=3000").body == part);
  fail_unless (ask (a, got.size () + 1000, "&max=500").body == part.substr (1000, 500));
  got += part.substr (0, 1500);
  Raw b (s.port);
  got += ask (b, got.size (), "").body;
  fail_unless (got == wire (s.welcome) + frame);
  fail_unless (ask (b, got.size (), "").body.empty ());
  fail_unless (ask (b, got.size (), "&wait=1").body.empty ());
  // Upwards.
  b.request ("POST", "/cam/v1/up/abcdefgh?seq=0", wire (message (Kind::pong, "p")));
  fail_unless_equals_int (static_cast<int> (b.answer ().status), 204);
  b.request ("POST", "/cam/v1/up/abcdefgh?seq=0", wire (message (Kind::pong, "p")));
  fail_unless_equals_int (static_cast<int> (b.answer ().status), 204);
  fail_unless_equals_int (static_cast<int> (s.end (0).seen.get ().got.size ()), 2);
  // What was acknowledged is gone.
  fail_unless_equals_int (static_cast<int> (ask (b, 3, "").status), 410);
  s.end (0).send (message (Kind::bye, "x"));
  s.end (0).close (true);
  const Answer last = ask (b, got.size (), "");
  fail_unless (last.has ("Cam-End: 1") && last.body == wire (message (Kind::bye, "x")));
  fail_unless (s.end (0).wait_closed ());
}
GST_END_TEST;

GST_START_TEST (test_withheld_stream_is_taken_up_again)
{
  Server s (pull_config ());
  Raw a (s.port);
  a.request ("GET", pull.substr (0, pull.find ("&mode")));
  fail_unless (a.wait_for ("welcome"));
  s.end (0).send (big_frame (100, 1));
  Raw b (s.port);
  b.request ("GET", pull + "&pos=0");
  fail_unless (b.answer ().body == wire (s.welcome) + wire (big_frame (100, 1)));
  while (a.more ())
    ;
  fail_unless_equals_int (static_cast<int> (s.ends.get ().size ()), 1);
  fail_unless (!s.end (0).seen.get ().closed);
}
GST_END_TEST;

GST_START_TEST (test_http_1_0)
{
  Server s (pull_config ());
  Raw a (s.port);
  a.write ("GET /cam/v1/pull/audio HTTP/1.0\r\n\r\n");
  End &e = s.end (0);
  fail_unless (e.wait_got (1));
  e.send (big_frame (3000, 1));
  e.close (true);
  while (a.more ())
    ;
  fail_unless (a.in.ends_with ("\r\n\r\n" + wire (s.welcome) + wire (big_frame (3000, 1))));
  fail_unless (a.in.find ("chunked") == std::string::npos);
  fail_unless (s.types[0] == MediaType::audio);
}
GST_END_TEST;

GST_START_TEST (test_channels_without_requests_end)
{
  auto config = push_config ();
  config.timeouts.fill (milliseconds (30));
  Server s (config);
  Raw a (s.port);
  a.request ("POST", push + "0", hello);
  a.answer ();
  fail_unless (s.end (0).wait_closed () && s.end (0).why () == CloseReason::timed_out);
  a.request ("POST", push + "1", "");
  fail_unless_equals_int (static_cast<int> (a.answer ().status), 410);
}
GST_END_TEST;

GST_START_TEST (test_slow_heads_and_many_connections)
{
  auto config = push_config ();
  config.connections = 3;
  config.connection.head = milliseconds (30);
  Server s (config);
  Raw a (s.port), b (s.port), c (s.port), d (s.port);
  d.write ("GET / HTTP/1.1\r\n");
  fail_unless (d.at_end ());
  a.write ("GET / HTTP/1.1\r\nHo");
  fail_unless (a.at_end () && b.at_end () && c.at_end ());
  assert_status (404, s, "GET", "/");
}
GST_END_TEST;

GST_START_TEST (test_garbage)
{
  Server s (push_config ());
  Raw junk (s.port);
  junk.write (std::string ("\x01\x02\x03\x00garbage\r\n\r\n", 14));
  fail_unless_equals_int (static_cast<int> (junk.answer ().status), 400);
  fail_unless (junk.at_end ());
  Raw both (s.port);
  both.write (
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
  fail_unless_equals_int (static_cast<int> (both.answer ().status), 400);
  Raw huge (s.port);
  huge.write ("POST " + push + "0 HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n");
  fail_unless_equals_int (static_cast<int> (huge.answer ().status), 413);
  Raw a (s.port);
  a.request ("POST", push + "0", hello);
  a.answer ();
  a.request ("POST", push + "1", "this is no message");
  fail_unless_equals_int (static_cast<int> (a.answer ().status), 400);
  fail_unless (s.end (0).wait_closed () && s.end (0).why () == CloseReason::malformed);
  Raw b (s.port);
  b.request ("POST", "/cam/v1/push/data?channel=ABCDEFGH&seq=0", hello);
  fail_unless (b.answer ().body == wire (s.welcome));
}
GST_END_TEST;

static Suite *http_server_suite ()
{
  Suite *s = suite_create ("http_server");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_paths_and_methods);
  tcase_add_test (tc, test_one_connection_many_requests);
  tcase_add_test (tc, test_post_twice);
  tcase_add_test (tc, test_posts_overtake_each_other);
  tcase_add_test (tc, test_held_post);
  tcase_add_test (tc, test_complete_answers);
  tcase_add_test (tc, test_withheld_stream_is_taken_up_again);
  tcase_add_test (tc, test_http_1_0);
  tcase_add_test (tc, test_channels_without_requests_end);
  tcase_add_test (tc, test_slow_heads_and_many_connections);
  tcase_add_test (tc, test_garbage);
  return s;
}
GST_CHECK_MAIN (http_server)
