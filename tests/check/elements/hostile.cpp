// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers that are broken or mean it: each is closed with a counted reason, and a good stream that
// runs beside them loses nothing.
#include "besieged.h"

using namespace reach::test;
using namespace reach::cam;

// What is sent first, and the reason it is closed for.
struct Assault {
  const char *name, *reason;
  std::string (*bytes) (const Besieged &b);
};
static const Assault assaults[] = {
    {"garbage", "malformed", [] (const Besieged &) { return std::string (4096, '\xff'); }},
    {"zeroes", "malformed", [] (const Besieged &) { return std::string (4096, '\0'); }},
    {"TLS", "malformed",
        [] (const Besieged &) { return std::string ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9); }},
    {"HTTP", "malformed",
        [] (const Besieged &) { return std::string ("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }},
    {"oversized frame", "too-big",
        [] (const Besieged &) { return message (Kind::frame, "", 0xfffffff0u); }},
    {"oversized hello", "too-big",
        [] (const Besieged &) { return message (Kind::hello, "", 1u << 24); }},
    {"empty hello", "malformed", [] (const Besieged &) { return message (Kind::hello, "", 0); }},
    {"frame instead of hello", "malformed",
        [] (const Besieged &) { return message (Kind::frame, std::string (40, '\0'), 40); }},
    {"hello with a count of streams that are not there", "malformed",
        [] (const Besieged &b) {
          std::string s = hello_of (caller_role (b));
          s[s.size () - 1] = 100;
          return s;
        }},
    {"wrong role", "refused",
        [] (const Besieged &b) {
          return hello_of (b.way.push ? LinkRole::receiver : LinkRole::sender);
        }},
    {"a second hello", "malformed",
        [] (const Besieged &b) { return hello_of (caller_role (b)) + hello_of (caller_role (b)); }},
    {"a frame that is too short", "malformed",
        [] (const Besieged &b) {
          return hello_of (caller_role (b)) + message (Kind::frame, "abc", 3);
        }},
    {"a message of the other role", "malformed",
        [] (const Besieged &b) {
          return hello_of (caller_role (b)) +
                 (b.way.push ? message (Kind::request, std::string (4, '\1'), 4)
                             : message (Kind::frame, std::string (40, '\0'), 40));
        }},
};

GST_START_TEST (test_assaults)
{
  Besieged b (__i__);
  if (std::string (b.way.protocol) != "tcp")
    return;
  b.start ();
  for (const Assault &a : assaults) {
    const guint64 before = b.listener ().closed (a.reason);
    RawSocket s = b.attack ();
    fail_unless (s.valid ());
    s.send (a.bytes (b));
    fail_unless (
        b.wait_closed_for (a.reason, before + 1), "%s: %s was not counted", a.name, a.reason);
    fail_unless (s.wait_closed (), "%s: was not closed", a.name);
    b.good (3);
  }
}
GST_END_TEST

// A hello cut at any byte, and then the end of the connection.
GST_START_TEST (test_truncated_hello)
{
  Besieged b (__i__);
  if (std::string (b.way.protocol) != "tcp")
    return;
  b.start ();
  const std::string whole = hello_of (caller_role (b));
  for (std::size_t cut = 0; cut < whole.size (); cut += 7) {
    const guint64 before = b.closed_for_fault ();
    RawSocket s = b.attack ();
    s.send (whole.substr (0, cut));
    s.close ();
    fail_unless (iterate_until ([&] { return b.closed_for_fault () > before; }), "cut at %u",
        static_cast<unsigned> (cut));
  }
  b.good (10);
}
GST_END_TEST

GST_START_TEST (test_http_nonsense)
{
  Besieged b (__i__);
  if (!b.http ())
    return;
  b.start ();
  struct Row {
    const char *name;
    std::string request;
    const char *status; // of the answer; null: closing is enough
  };
  const std::string host = "Host: a\r\n";
  const Row rows[] = {
      {"no HTTP", "hello there\r\n\r\n", "400"},
      {"binary", std::string (300, '\xfe') + "\r\n\r\n", nullptr},
      {"unknown path", "GET /etc/passwd HTTP/1.1\r\n" + host + "\r\n", "404"},
      {"unknown type", "GET /cam/v1/pull/nothing HTTP/1.1\r\n" + host + "\r\n", "404"},
      {"unknown method", "BREW /cam/v1/pull/video HTTP/1.1\r\n" + host + "\r\n", nullptr},
      {"endless head", "GET / HTTP/1.1\r\n" + host + "X: " + std::string (100000, 'a'), nullptr},
      {"two lengths",
          "POST /cam/v1/push/video HTTP/1.1\r\n" + host +
              "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
          "400"},
      {"length and chunks",
          "POST /cam/v1/push/video HTTP/1.1\r\n" + host +
              "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "400"},
      {"negative length",
          "POST /cam/v1/push/video HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", "400"},
  };
  for (const Row &r : rows) {
    RawSocket s = b.attack ();
    s.send (r.request);
    ::shutdown (s.fd (), SHUT_WR);
    std::string answer;
    fail_unless (s.wait_closed (&answer), "%s: is still open", r.name);
    fail_unless (answer.empty () || answer.rfind ("HTTP/1.1 4", 0) == 0 ||
                     answer.rfind ("HTTP/1.1 5", 0) == 0,
        "%s: %s", r.name, answer.substr (0, 100).c_str ());
    if (r.status)
      fail_unless (answer.find (r.status) == 9, "%s: %s", r.name, answer.substr (0, 100).c_str ());
    b.good (2);
  }
  // A body that is no cam message, in the right place.
  const guint64 before = b.closed_for_fault ();
  RawSocket s = b.attack ();
  const std::string body (64, '\xff');
  s.send ((b.way.push ? "POST /cam/v1/push/video?channel=0123456789abcdef0123456789abcdef&seq=0"
                      : "GET /cam/v1/pull/video?hello=////&channel=abc") +
          std::string (" HTTP/1.1\r\n") + host +
          (b.way.push ? "Content-Length: 64\r\n\r\n" + body : std::string ("\r\n")));
  ::shutdown (s.fd (), SHUT_WR);
  fail_unless (s.wait_closed ());
  if (b.way.push)
    fail_unless (iterate_until ([&] { return b.closed_for_fault () > before; }));
  b.good (5);
}
GST_END_TEST

// Connections that say nothing, and one that says a byte now and then: the whole first message has
// one deadline. The good stream does not notice them.
GST_START_TEST (test_idle_and_slow_connections)
{
  Besieged b (__i__);
  if (!over_tcp (b.way))
    return;
  b.start ();
  std::vector<RawSocket> idle;
  for (int i = 0; i < 200; i++) {
    idle.push_back (b.attack ());
    fail_unless (idle.back ().valid ());
    if (i % 20 == 0)
      b.good (1);
  }
  RawSocket s = b.attack ();
  const std::string text = b.http ()
                               ? "GET /cam/v1/pull/video HTTP/1.1\r\nX-A: aaaaaaaaaaaaaaaaaaaaa"
                               : message (Kind::hello, std::string (500, '\0'), 16000);
  const gint64 start = g_get_monotonic_time ();
  std::size_t at = 0;
  while (!s.wait_closed (nullptr, milliseconds (200))) {
    s.send (text.substr (at++ % text.size (), 1));
    b.good (1);
    fail_unless (g_get_monotonic_time () - start < 25 * G_USEC_PER_SEC, "is still open");
  }
  for (auto &quiet : idle)
    fail_unless (quiet.wait_closed ());
  if (!b.http ())
    fail_unless (b.wait_closed_for ("timed-out", 201));
  b.good (5);
}
GST_END_TEST

GST_START_TEST (test_garbage_datagrams)
{
  Besieged b (__i__);
  if (over_tcp (b.way))
    return;
  b.start ();
  const int fd = ::socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = RawSocket::loopback (b.listener ().port ());
  fail_unless (::connect (fd, reinterpret_cast<const sockaddr *> (&to), sizeof to) == 0);
  std::size_t sent = 0;
  for (unsigned i = 0; i < 3000; i++) {
    const Buffer x = make_buffer (i % 1500, i);
    GstMapInfo map;
    fail_unless (gst_buffer_map (x.get (), &map, GST_MAP_READ));
    if (::send (fd, map.data, map.size, 0) < 0)
      fail_unless (errno == ECONNREFUSED || errno == ENOBUFS);
    sent += map.size;
    gst_buffer_unmap (x.get (), &map);
    if (i % 100 == 0)
      b.good (1);
  }
  // Nobody can be flooded through us: less is answered than was sent.
  char answer[2048];
  std::size_t answered = 0;
  for (ssize_t got = 0; (got = ::recv (fd, answer, sizeof answer, MSG_DONTWAIT)) > 0;)
    answered += static_cast<std::size_t> (got);
  fail_unless (answered <= sent, "%zu bytes were answered to %zu", answered, sent);
  ::close (fd);
  b.good (20);
  fail_unless_equals_int (b.listener ().open_channels (), 1);
}
GST_END_TEST

// Readers that ask for everything and then read nothing.
GST_START_TEST (test_peers_that_never_read)
{
  Besieged b (__i__);
  if (b.way.push || b.http ())
    return;
  g_object_set (b.sender.element, "audio-timeout", 3, nullptr);
  b.start ();
  Hello h;
  h.role = LinkRole::receiver;
  h.type = MediaType::audio;
  h.media_types = type_bit (h.type);
  h.session_key = h.link_key = 1;
  const auto v = encode (h);
  const std::string body (v.begin (), v.end ());
  const auto r = encode (Request{1u << 30});
  std::vector<RawSocket> peers;
  for (int i = 0; i < 10; i++) {
    peers.push_back (RawSocket::connect (b.sender.port (), 4096));
    peers.back ().send (message (Kind::hello, body, static_cast<guint32> (body.size ())) +
                        message (Kind::request, std::string (r.begin (), r.end ()), 4));
  }
  fail_unless (b.sender.wait_event ("connected", 15));
  b.n = 0;
  const std::size_t before = b.receiver.on ("audio_0").n_buffers ();
  for (unsigned i = 0; i < 200; i++) {
    b.audio->push (make_buffer (100000, i, i * 20 * GST_MSECOND));
    fail_unless (b.receiver.wait_buffers ("audio_0", before + i + 1), "frame %u", i);
  }
  // They are given up: silent, and taking nothing.
  fail_unless (b.wait_closed_for ("timed-out", 10));
  const auto all = b.receiver.on ("audio_0").buffers ();
  for (unsigned i = 0; i < 200; i++)
    fail_unless (same_bytes (all[before + i], make_buffer (100000, i).get ()));
}
GST_END_TEST

static Suite *hostile_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_assaults, 0, n_ways);
  tcase_add_loop_test (tc, test_truncated_hello, 0, n_ways);
  tcase_add_loop_test (tc, test_http_nonsense, 0, n_ways);
  tcase_add_loop_test (tc, test_idle_and_slow_connections, 0, n_ways);
  tcase_add_loop_test (tc, test_garbage_datagrams, 0, n_ways);
  tcase_add_loop_test (tc, test_peers_that_never_read, 0, n_ways);
  return s;
}

GST_CHECK_MAIN (hostile)
