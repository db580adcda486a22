// SPDX-License-Identifier: LGPL-2.1-or-later
// cam over HTTP on loopback: our clients against our server, and what else may call there.
#include "http_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

namespace {
std::vector<MessageRef> some_frames ()
{
  return {big_frame (1, 1), big_frame (100000, 2), big_frame (0, 3), big_frame (5000, 4),
      big_frame (300001, 5)};
}

void assert_arrives (End &from, End &to, std::size_t already)
{
  const auto frames = some_frames ();
  for (const auto &m : frames)
    from.send (m);
  fail_unless (to.wait_got (already + frames.size ()), "only %zu messages (%s)",
      to.seen.get ().got.size (), to.seen.get ().detail.c_str ());
  const auto got = to.seen.get ().got;
  for (std::size_t i = 0; i < frames.size (); i++)
    fail_unless (got[already + i] == wire (frames[i]), "message %zu differs", i);
}
// The next connection to a server that the test itself plays, and the request on it.
GSocketConnection *next_request (GSocketListener *listener, std::string &request)
{
  GSocketConnection *c = g_socket_listener_accept (listener, nullptr, nullptr, nullptr);
  fail_unless (c != nullptr);
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (c));
  char bytes[4096];
  while (request.find ("\r\n\r\n") == std::string::npos) {
    const gssize n = g_input_stream_read (in, bytes, sizeof bytes, nullptr, nullptr);
    fail_unless (n > 0);
    request.append (bytes, static_cast<std::size_t> (n));
  }
  return c;
}

std::string chunk (const std::string &bytes)
{
  char size[20];
  g_snprintf (size, sizeof size, "%zx\r\n", bytes.size ());
  return size + bytes + "\r\n";
}

void answer (GSocketConnection *c, const std::string &text)
{
  fail_unless (g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (c)),
      text.data (), text.size (), nullptr, nullptr, nullptr));
}
} // namespace

GST_START_TEST (test_pull)
{
  Server server (pull_config ());
  Client client;
  client.start (true, server.port);
  End &s = server.end (0);
  fail_unless (client.end.wait_got (1), "%s", client.end.seen.get ().detail.c_str ());
  fail_unless (client.end.seen.get ().got[0] == wire (server.welcome));
  fail_unless (s.seen.get ().got[0] == wire (message (Kind::hello, "hello")));
  assert_arrives (s, client.end, 1);

  // And up, in order.
  for (const char *text : {"a", "b", "c"})
    client.end.send (message (Kind::request, text));
  fail_unless (s.wait_got (4));
  fail_unless (s.seen.get ().got[3] == wire (message (Kind::request, "c")));

  client.end.send (message (Kind::bye, "bye"));
  client.end.close (true);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::local);
  fail_unless (s.wait_closed ());
  fail_unless (s.seen.get ().got.back () == wire (message (Kind::bye, "bye")));
  fail_unless_equals_int (client.end.seen.get ().opened, 1);
  fail_unless_equals_int (s.seen.get ().opened, 1);
}
GST_END_TEST;

GST_START_TEST (test_pull_ended_by_the_sender)
{
  Server server (pull_config ());
  Client client;
  client.start (true, server.port);
  fail_unless (client.end.wait_got (1));
  End &s = server.end (0);
  s.send (big_frame (400000, 1));
  s.close (true);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::orderly);
  fail_unless_equals_int (static_cast<int> (client.end.seen.get ().got.size ()), 2);
  fail_unless (s.wait_closed () && s.why () == CloseReason::local);

  Client second;
  second.start (true, server.port);
  fail_unless (second.end.wait_got (1));
  server.end (1).close (false);
  // Between two chunks libsoup does not tell a cut from an end.
  fail_unless (second.end.wait_closed ());
  fail_unless (
      second.end.why () == CloseReason::reset || second.end.why () == CloseReason::orderly);
}
GST_END_TEST;

GST_START_TEST (test_pull_by_polling)
{
  Server server (pull_config ());
  Client client;
  HttpClientConfig c;
  c.host = "127.0.0.1";
  c.port = server.port;
  c.poll_interval = milliseconds (20);
  client.start (true, c);
  End &s = server.end (0);
  fail_unless (client.end.wait_got (1));
  assert_arrives (s, client.end, 1);
  client.end.send (message (Kind::pong, "up"));
  fail_unless (s.wait_got (2));
  s.send (big_frame (2000000, 9));
  s.close (true);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::orderly);
  fail_unless (client.end.seen.get ().got.back () == wire (big_frame (2000000, 9)));
  fail_unless (s.wait_closed ());

  Client second;
  second.start (true, c);
  fail_unless (second.end.wait_got (1));
  second.end.close (true);
  fail_unless (server.end (1).wait_closed () && server.end (1).why () == CloseReason::orderly);
}
GST_END_TEST;

GST_START_TEST (test_push)
{
  Server server (push_config ());
  Client client;
  client.start (false, server.port);
  End &s = server.end (0);
  fail_unless (client.end.wait_got (1), "%s", client.end.seen.get ().detail.c_str ());
  fail_unless (client.end.seen.get ().got[0] == wire (server.welcome));
  assert_arrives (client.end, s, 1);
  // The receiver speaks while nothing is sent.
  s.send (message (Kind::key_unit, "key"));
  fail_unless (client.end.wait_got (2));
  // And while it was asked for something else: the sender does not wait for the answer.
  assert_arrives (client.end, s, 1 + some_frames ().size ());

  client.end.send (message (Kind::bye, "bye"));
  client.end.close (true);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::local);
  fail_unless (s.wait_closed () && s.why () == CloseReason::orderly);
  fail_unless (s.seen.get ().got.back () == wire (message (Kind::bye, "bye")));
}
GST_END_TEST;

GST_START_TEST (test_push_refused_by_the_receiver)
{
  Server server (push_config ());
  server.welcome = message (Kind::refuse, "no");
  Client client;
  client.start (false, server.port);
  End &s = server.end (0);
  fail_unless (client.end.wait_got (1));
  s.close (true);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::orderly);
  fail_unless (s.wait_closed ());

  server.refuse_all = true;
  Client second;
  second.start (false, server.port);
  fail_unless (second.end.wait_closed () && second.end.why () == CloseReason::refused);
}
GST_END_TEST;

GST_START_TEST (test_nobody_there)
{
  for (bool pull : {false, true}) {
    Client client;
    client.start (pull, unused_port ());
    fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::refused);
    Client nowhere;
    HttpClientConfig c;
    c.host = "no such host";
    c.port = 80;
    nowhere.start (pull, c);
    fail_unless (nowhere.end.wait_closed () && nowhere.end.why () == CloseReason::unreachable);
    // The other kind of server: the path is not there.
    Server other (pull ? push_config () : pull_config ());
    Client lost;
    lost.start (pull, other.port);
    fail_unless (lost.end.wait_closed () && lost.end.why () == CloseReason::refused);
    fail_unless (lost.end.seen.get ().detail.find ("404") != std::string::npos);
  }
}
GST_END_TEST;

GST_START_TEST (test_close_at_any_time)
{
  Server server (pull_config ());
  for (int i = 0; i < 20; i++) {
    Client client;
    client.start (true, server.port);
    if (i % 2)
      fail_unless (client.end.wait_got (1));
    client.end.close (i % 4 < 2);
    fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::local);
    Client gone; // destroyed without a word
    gone.start (true, server.port);
  }
}
GST_END_TEST;

GST_START_TEST (test_curl)
{
  g_autofree gchar *curl = g_find_program_in_path ("curl");
  if (!curl) {
    g_print ("SKIP: curl is not installed\n");
    return;
  }
  Server server (pull_config ());
  const std::string url = "http://" + server.address () + "/cam/v1/pull/video";
  GError *error = nullptr;
  GSubprocess *p = g_subprocess_new (static_cast<GSubprocessFlags> (G_SUBPROCESS_FLAGS_STDOUT_PIPE),
      &error, curl, "-sS", "--noproxy", "*", "--max-time", "30", url.c_str (), nullptr);
  fail_unless (p != nullptr);
  End &s = server.end (0);
  fail_unless (s.wait_got (1));
  fail_unless (s.seen.get ().got[0] == wire (message (Kind::hello, "anyone")));
  std::string want = wire (server.welcome);
  for (const auto &m : some_frames ()) {
    s.send (m);
    want += wire (m);
  }
  s.close (true);
  GBytes *out = nullptr;
  fail_unless (g_subprocess_communicate (p, nullptr, nullptr, &out, nullptr, nullptr));
  gsize n = 0;
  const auto *data = static_cast<const char *> (g_bytes_get_data (out, &n));
  fail_unless (std::string (data, n) == want);
  fail_unless_equals_int (g_subprocess_get_exit_status (p), 0);
  fail_unless (s.wait_closed ());
  g_bytes_unref (out);
  g_object_unref (p);
}
GST_END_TEST;

GST_START_TEST (test_stalled_client)
{
  Server server (pull_config ());
  Raw stalled (server.port);
  stalled.request ("GET", "/cam/v1/pull/video");
  End &s = server.end (0);
  fail_unless (s.wait_got (1));
  // Never reads. The transport stops taking more, and holds a bounded amount.
  std::size_t sent = 0;
  bool full = false;
  for (int i = 0; i < 2000 && !full; i++)
    s.loop.call ([&] {
      if ((full = s.transport->room () == 0))
        return;
      s.transport->send (big_frame (50000, 1));
      s.transport->flush ();
      sent += 50000;
    });
  fail_unless (full);
  fail_unless (!s.seen.get ().closed);
  Client other;
  other.start (true, server.port);
  fail_unless (other.end.wait_got (1));
  assert_arrives (server.end (1), other.end, 1);
  // It reads again, and there is room again.
  std::size_t got = 0;
  while (got < sent && stalled.more ())
    got += std::exchange (stalled.in, {}).size ();
  fail_unless (s.seen.wait ([] (const End::Seen &v) { return v.rooms > 0; }));
  stalled.shut ();
  fail_unless (s.wait_closed () && s.why () == CloseReason::reset);
}
GST_END_TEST;

GST_START_TEST (test_resources_come_back)
{
  auto config = pull_config ();
  config.channels = 2;
  Server server (config);
  for (int i = 0; i < 5; i++) {
    Client a, b;
    a.start (true, server.port);
    b.start (true, server.port);
    fail_unless (a.end.wait_got (1) && b.end.wait_got (1));
    Raw third (server.port);
    third.request ("GET", "/cam/v1/pull/video");
    fail_unless_equals_int (static_cast<int> (third.answer ().status), 503);
    third.shut ();
    a.end.close (false);
    b.end.close (true);
    server.end (static_cast<std::size_t> (2 * i)).wait_closed ();
    server.end (static_cast<std::size_t> (2 * i + 1)).wait_closed ();
    server.loop.call ([&] {
      for (const auto &e : server.owned)
        e->transport.reset ();
      fail_unless_equals_int (static_cast<int> (server.service->n_channels ()), 0);
    });
  }
}
GST_END_TEST;

// A busy machine looks like a proxy that withholds the endless answer. When the server cannot begin
// it anew, the client goes on with the one that it has, whichever of the two came first.
GST_START_TEST (test_pull_late_answer)
{
  GSocketListener *listener = g_socket_listener_new ();
  HttpClientConfig config;
  config.host = "127.0.0.1";
  config.port = g_socket_listener_add_any_inet_port (listener, nullptr, nullptr);
  config.patience = milliseconds (20);
  fail_unless (config.port != 0);
  Client client;
  client.start (true, config);
  std::string endless, complete;
  GSocketConnection *stream = next_request (listener, endless);
  GSocketConnection *again = next_request (listener, complete);
  fail_unless (endless.find ("mode=complete") == std::string::npos);
  fail_unless (complete.find ("mode=complete") != std::string::npos);
  const std::string first = wire (message (Kind::welcome, "welcome"));
  const std::string second = wire (message (Kind::bye, "bye"));
  const auto send_first = [&] {
    answer (stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    answer (stream, chunk (first));
  };
  if (__i__ == 0)
    send_first ();
  answer (again, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
  if (__i__ == 1)
    send_first ();
  fail_unless (client.end.wait_got (1), "%s", client.end.seen.get ().detail.c_str ());
  fail_unless (client.end.seen.get ().got[0] == first);
  answer (stream, chunk (second) + chunk (""));
  fail_unless (client.end.wait_closed ());
  fail_unless (client.end.seen.get ().got.back () == second);
  fail_unless (client.end.why () == CloseReason::orderly);
  g_object_unref (stream);
  g_object_unref (again);
  g_socket_listener_close (listener);
  g_object_unref (listener);
}
GST_END_TEST;

static Suite *http_transport_suite ()
{
  Suite *s = suite_create ("http_transport");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pull);
  tcase_add_test (tc, test_pull_ended_by_the_sender);
  tcase_add_test (tc, test_pull_by_polling);
  tcase_add_loop_test (tc, test_pull_late_answer, 0, 2);
  tcase_add_test (tc, test_push);
  tcase_add_test (tc, test_push_refused_by_the_receiver);
  tcase_add_test (tc, test_nobody_there);
  tcase_add_test (tc, test_close_at_any_time);
  tcase_add_test (tc, test_curl);
  tcase_add_test (tc, test_stalled_client);
  tcase_add_test (tc, test_resources_come_back);
  return s;
}
GST_CHECK_MAIN (http_transport)
