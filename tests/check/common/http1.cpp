// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/proto/http1.h"
#include "../check.h"
#include "common/proto/http1_text.h"
#include "common/proto/http1_write.h"

using namespace reach;
using namespace reach::http;
using Event = RequestParser::Event;

namespace {
// What a server would see, as one comparable string.
struct Reader {
  explicit Reader (Limits limits = {}) : parser (limits) {}

  void feed (std::string_view s)
  {
    Bytes in = as_bytes (s);
    for (;;) {
      switch (parser.next (in)) {
      case Event::need_more:
        fail_unless (in.empty ());
        return;
      case Event::head:
        log += parser.request ().method + " " + parser.request ().target + "\n";
        for (const Header &h : parser.request ().headers)
          log += h.name + "=" + h.value + "\n";
        break;
      case Event::body:
        fail_unless (!parser.data ().empty ());
        body.append (
            reinterpret_cast<const char *> (parser.data ().data ()), parser.data ().size ());
        break;
      case Event::end:
        log += "[" + body + "]\n";
        body.clear ();
        n_requests++;
        break;
      case Event::fault:
        fault = parser.fault ();
        return;
      }
    }
  }

  RequestParser parser;
  std::string log, body;
  int n_requests = 0;
  Fault fault = Fault::none;
};

Fault fault_of (std::string_view s, Limits limits = {})
{
  Reader whole (limits), bytewise (limits);
  whole.feed (s);
  for (std::size_t i = 0; i < s.size () && bytewise.fault == Fault::none; i++)
    bytewise.feed (s.substr (i, 1));
  fail_unless_equals_int (static_cast<int> (whole.fault), static_cast<int> (bytewise.fault));
  return whole.fault;
}

// A request with these header lines and, behind the head, this body.
Fault with (std::string_view lines, std::string_view body = "", std::string_view version = "1.1")
{
  return fault_of ("POST / HTTP/" + std::string (version) + "\r\nHost: a\r\n" +
                   std::string (lines) + "\r\n" + std::string (body));
}

#define assert_fault(got, want)                                                                    \
  do {                                                                                             \
    const Fault g = (got);                                                                         \
    fail_unless (g == Fault::want, "got \"%s\"", fault_name (g));                                  \
  } while (0)
} // namespace

GST_START_TEST (test_split_at_every_byte)
{
  const std::string wire = "POST /a/b?c=d HTTP/1.1\r\nHost: x:80\r\nContent-Length: 5\r\n\r\nhello"
                           "\r\nGET / HTTP/1.1\r\nHost:x\r\nX-Empty:\r\nY: \t a b \t\r\n\r\n"
                           "PUT /c HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
                           "3\r\nabc\r\nA;ext=\"1\"\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
                           "HEAD /last HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string want = "POST /a/b?c=d\nhost=x:80\ncontent-length=5\n[hello]\n"
                           "GET /\nhost=x\nx-empty=\ny=a b\n[]\n"
                           "PUT /c\nhost=x\ntransfer-encoding=Chunked\n[abc0123456789]\n"
                           "HEAD /last\nhost=x\n[]\n";
  for (std::size_t cut = 0; cut <= wire.size (); cut++) {
    Reader r;
    r.feed (std::string_view (wire).substr (0, cut));
    r.feed (std::string_view (wire).substr (cut));
    fail_unless_equals_string (r.log.c_str (), want.c_str ());
    fail_unless_equals_int (r.n_requests, 4);
    fail_unless (r.parser.at_rest ());
  }
  Reader r;
  for (std::size_t i = 0; i < wire.size (); i++)
    r.feed (std::string_view (wire).substr (i, 1));
  fail_unless_equals_string (r.log.c_str (), want.c_str ());
}
GST_END_TEST;

GST_START_TEST (test_body_is_not_copied)
{
  const std::string wire =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
  Bytes in = as_bytes (wire);
  RequestParser p;
  fail_unless (p.next (in) == Event::head);
  fail_unless (p.next (in) == Event::body);
  fail_unless (p.data ().data () == as_bytes (wire).data () + wire.find ("body"));
  fail_unless (p.next (in) == Event::end);
}
GST_END_TEST;

GST_START_TEST (test_smuggling)
{
  assert_fault (with ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), ambiguous_length);
  assert_fault (with ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), ambiguous_length);
  assert_fault (with ("Content-Length: 5\r\nContent-Length: 5\r\n"), ambiguous_length);
  assert_fault (with ("Content-Length: 5\r\nContent-Length: 6\r\n"), ambiguous_length);
  assert_fault (
      with ("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n"), ambiguous_length);
  assert_fault (with ("Transfer-Encoding: chunked\r\n", "", "1.0"), ambiguous_length);
  for (const char *length : {"5, 5", "+5", "-1", "0x5", "", "5 5", "99999999999999999999"})
    assert_fault (with ("Content-Length: " + std::string (length) + "\r\n"), bad_length);
  for (const char *coding :
      {"gzip, chunked", "chunked, identity", "xchunked", "\"chunked\"", "identity", ""})
    assert_fault (with ("Transfer-Encoding: " + std::string (coding) + "\r\n"), bad_coding);
  for (const char *line : {"Content-Length : 5\r\n", "Content-Length\t: 5\r\n", " X: folded\r\n",
           "A: b\r\n folded\r\n", "A: b\r\n\tfolded\r\n", ": empty\r\n", "no colon\r\n",
           "A: b\nB: c\r\n", "A: b\rB: c\r\n", "A: b\x01\r\n", "A\x80: b\r\n"})
    assert_fault (with (line), bad_header);
  using namespace std::string_view_literals;
  assert_fault (with ("A: b\0c\r\n"sv), bad_header);
}
GST_END_TEST;

GST_START_TEST (test_bad_chunks)
{
  const auto chunks = [] (std::string_view body) {
    return with ("Transfer-Encoding: chunked\r\n", body);
  };
  for (const char *body : {"\r\n", "g\r\n", "-1\r\n", "0x1\r\n", " 1\r\na", "1 \r\na", "1\na",
           "1\r\nab", "1\r\na\n0\r\n\r\n", "1\r\na0\r\n\r\n", "1;\x01\r\n", ";a\r\n", "1\rx",
           "0000000000000001\r\n"})
    assert_fault (chunks (body), bad_chunk);
  assert_fault (chunks ("fffffffffffffff\r\n"), body_too_large);
  assert_fault (chunks (std::string (200, '0')), bad_chunk);
  assert_fault (chunks ("0\r\nbad trailer\r\n\r\n"), bad_header);
  assert_fault (chunks ("000001\r\na\r\n0\r\n\r\n"), none);
}
GST_END_TEST;

GST_START_TEST (test_request_line)
{
  const auto line = [] (const std::string &s) { return fault_of (s + "\r\nHost: a\r\n\r\n"); };
  for (const char *s : {"GET", "GET /", "GET / HTTP/1.1 ", "GET  / HTTP/1.1", " GET / HTTP/1.1",
           "GET / http/1.1", "GET / HTTP/11", "GET / HTTP/1.x", "G@T / HTTP/1.1", "GET a HTTP/1.1",
           "GET /a#b HTTP/1.1", "GET /\x80 HTTP/1.1", "GET * HTTP/1.1", "GET http:///a HTTP/1.1",
           "GET ftp://h/a HTTP/1.1", "CONNECT /a HTTP/1.1", "GET /a b HTTP/1.1", "\r\n"})
    assert_fault (line (s), bad_request_line);
  assert_fault (line ("GET / HTTP/2.0"), bad_version);
  assert_fault (line ("GET / HTTP/0.9"), bad_version);
  assert_fault (line ("GET / HTTP/1.7"), none);
  assert_fault (line ("OPTIONS * HTTP/1.1"), none);
  assert_fault (line ("CONNECT a:1 HTTP/1.1"), none);
  assert_fault (line ("\r\nGET / HTTP/1.1"), none);
  assert_fault (fault_of ("GET / HTTP/1.1\n\n"), bad_header);
  assert_fault (fault_of ("GET / HTTP/1.1\r\n\r\n"), bad_host);
  assert_fault (fault_of ("GET / HTTP/1.0\r\n\r\n"), none);
  assert_fault (line ("GET / HTTP/1.1\r\nHost: b"), bad_host);
  assert_fault (fault_of ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), bad_host);

  Reader r;
  r.feed ("GET http://h:1/p%20q?x=1?y HTTP/1.1\r\nHost: a\r\n\r\n");
  fail_unless_equals_string (r.parser.request ().path.c_str (), "/p%20q");
  fail_unless_equals_string (r.parser.request ().query.c_str (), "x=1?y");
  r.feed ("GET https://h HTTP/1.1\r\nHost: a\r\n\r\n");
  fail_unless_equals_string (r.parser.request ().path.c_str (), "/");
  fail_unless_equals_string (r.parser.request ().query.c_str (), "");
}
GST_END_TEST;

GST_START_TEST (test_limits)
{
  Limits l;
  l.request_line = 20;
  l.header_count = 3;
  l.header_bytes = 40;
  l.body = 8;
  const std::string ok = "GET /1234567 HTTP/1.1\r\n"; // 21 bytes
  assert_fault (fault_of (ok, l), uri_too_long);
  l.request_line = 21;
  assert_fault (fault_of (ok + "Host: a\r\n\r\n", l), none);
  assert_fault (fault_of (ok + "Host: a\r\nB: 1\r\nC: 1\r\n\r\n", l), none);
  assert_fault (fault_of (ok + "Host: a\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", l), headers_too_large);
  assert_fault (fault_of (ok + "Host: a\r\nB: " + std::string (26, 'x') + "\r\n\r\n", l), none);
  assert_fault (fault_of (ok + "Host: a\r\nB: " + std::string (29, 'x'), l), headers_too_large);
  assert_fault (fault_of (ok + "Host: a\r\nContent-Length: 8\r\n\r\n12345678", l), none);
  assert_fault (fault_of (ok + "Host: a\r\nContent-Length: 9\r\n\r\n", l), body_too_large);
  l.header_bytes = 100;
  const std::string chunked = ok + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert_fault (fault_of (chunked + "4\r\nabcd\r\n4\r\nabcd\r\n0\r\n\r\n", l), none);
  assert_fault (fault_of (chunked + "4\r\nabcd\r\n5\r\n", l), body_too_large);
  assert_fault (fault_of (chunked + "0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n", l), headers_too_large);
  assert_fault (fault_of (chunked + "0\r\nA: " + std::string (101, 'x'), l), headers_too_large);
}
GST_END_TEST;

GST_START_TEST (test_body_limit_per_request)
{
  RequestParser p;
  const std::string wire = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789";
  Bytes in = as_bytes (wire);
  fail_unless (p.next (in) == Event::head);
  fail_unless (p.limit_body (8) == Event::fault);
  fail_unless (p.next (in) == Event::fault);
  fail_unless_equals_int (static_cast<int> (fault_status (p.fault ())), 413);
}
GST_END_TEST;

GST_START_TEST (test_connection_fields)
{
  const auto request = [] (const char *version, const char *lines) {
    Reader r;
    r.feed ("POST / HTTP/" + std::string (version) + "\r\nHost: a\r\n" + lines + "\r\n");
    fail_unless (r.fault == Fault::none);
    return r.parser.request ();
  };
  fail_unless (request ("1.1", "").keep_alive);
  fail_unless (!request ("1.1", "Connection: foo, CLOSE\r\n").keep_alive);
  fail_unless (!request ("1.0", "").keep_alive);
  fail_unless (request ("1.0", "Connection: Keep-Alive\r\n").keep_alive);
  fail_unless (!request ("1.0", "Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  fail_unless (request ("1.1", "Expect: 100-Continue\r\nContent-Length: 3\r\n").expect_continue);
  fail_unless (!request ("1.1", "Expect: 100-continue\r\n").expect_continue);
  fail_unless (!request ("1.0", "Expect: 100-continue\r\nContent-Length: 3\r\n").expect_continue);
  assert_fault (with ("Expect: other\r\n"), bad_expectation);
}
GST_END_TEST;

GST_START_TEST (test_upgrade_leaves_the_rest)
{
  const std::string wire = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
                           "Upgrade: websocket\r\n\r\n\x81\x05hello";
  Bytes in = as_bytes (wire);
  RequestParser p;
  fail_unless (p.next (in) == Event::head);
  fail_unless (p.request ().upgrade && p.request ().has_token ("upgrade", "websocket"));
  fail_unless (p.next (in) == Event::end);
  fail_unless_equals_int (static_cast<int> (in.size ()), 7);
  fail_unless_equals_int (in.front (), 0x81);
}
GST_END_TEST;

GST_START_TEST (test_percent_and_query)
{
  fail_unless (percent_decode ("a%2Fb%c3%A9+") == "a/b\xc3\xa9+");
  fail_unless (percent_decode ("a+b", true) == "a b");
  for (const char *bad : {"%", "%1", "%g1", "%1g", "%00", "a%0"})
    fail_unless (!percent_decode (bad).has_value ());
  fail_unless (percent_decode (percent_encode ("a/ %\x01\xff~")) == "a/ %\x01\xff~");

  const auto q = Query::parse ("a=1&b=x%26y&&c&d=18446744073709551615&e=18446744073709551616");
  fail_unless (q.has_value ());
  fail_unless (*q->get ("b") == "x&y" && q->get ("c")->empty () && !q->get ("z"));
  fail_unless (q->number ("a", 7) == 1u && q->number ("z", 7) == 7u && !q->number ("b", 7));
  fail_unless (!q->number ("a", 7, 0) && q->number ("d", 0) == UINT64_MAX && !q->number ("e", 0));
  fail_unless (!Query::parse ("a=1&a=2") && !Query::parse ("a=%zz"));
  std::string many;
  for (std::size_t i = 0; i <= Query::max_fields; i++)
    many += "f" + std::to_string (i) + "&";
  fail_unless (!Query::parse (many));
}
GST_END_TEST;

GST_START_TEST (test_base64url)
{
  fail_unless (base64url_encode (as_bytes ("\xfb\xff\xfe")) == "-__-");
  for (const char *s : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    const auto back = base64url_decode (base64url_encode (as_bytes (s)));
    fail_unless (back && std::string (back->begin (), back->end ()) == s);
  }
  fail_unless (base64url_decode ("Zm8=").has_value () && base64url_decode ("Zg==").has_value ());
  for (const char *bad : {"A", "Zg=", "Zh", "Zm9", "Z+8", "====", "Zg==Zg=="})
    fail_unless (!base64url_decode (bad).has_value (), "%s", bad);
}
GST_END_TEST;

GST_START_TEST (test_responses)
{
  const std::string head = ResponseHead (200)
                               .header ("X", "a\r\nEvil: 1")
                               .header ("Y Z", "1")
                               .header ("Y", "1")
                               .chunked ()
                               .close (false)
                               .done ();
  fail_unless_equals_string (head.c_str (),
      "HTTP/1.1 200 OK\r\nY: 1\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
  fail_unless (short_response (404, "Nothing here.", false)
                   .ends_with ("Content-Length: 14\r\nConnection: close\r\n\r\nNothing here.\n"));
  fail_unless (short_response (404, "Nothing here.", true, true).ends_with ("keep-alive\r\n\r\n"));

  // What the writer makes is what the parser takes.
  std::string wire = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", want;
  for (std::size_t n : {1u, 15u, 16u, 255u, 256u, 70000u}) {
    const ChunkHead h (n);
    wire.append (reinterpret_cast<const char *> (h.bytes ().data ()), h.bytes ().size ());
    wire.append (n, 'x');
    wire += chunk_end;
    want.append (n, 'x');
  }
  wire += last_chunk;
  Reader r;
  r.feed (wire);
  fail_unless_equals_int (r.n_requests, 1);
  fail_unless (r.log.ends_with ("[" + want + "]\n"));
  const ChunkHead big (UINT64_MAX);
  fail_unless_equals_int (static_cast<int> (big.bytes ().size ()), 18);
}
GST_END_TEST;

static Suite *http1_suite ()
{
  Suite *s = suite_create ("http1");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_split_at_every_byte);
  tcase_add_test (tc, test_body_is_not_copied);
  tcase_add_test (tc, test_smuggling);
  tcase_add_test (tc, test_bad_chunks);
  tcase_add_test (tc, test_request_line);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_body_limit_per_request);
  tcase_add_test (tc, test_connection_fields);
  tcase_add_test (tc, test_upgrade_leaves_the_rest);
  tcase_add_test (tc, test_percent_and_query);
  tcase_add_test (tc, test_base64url);
  tcase_add_test (tc, test_responses);
  return s;
}
GST_CHECK_MAIN (http1)
