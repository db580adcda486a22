// SPDX-License-Identifier: LGPL-2.1-or-later
// Two clients of a rtcpoolserver; and clients that do not behave.
#include "../tcp_relay.h"
#include "signaller.h"
#include <filesystem>
#include <fstream>

using namespace reach;
using namespace reach::test;

namespace {
struct Fixture {
  Loop loop{"test-signalling"};
};

const char *const upgrade = "GET /room HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                            "Sec-WebSocket-Protocol: reach-pair\r\n\r\n";

std::string get (guint port, const std::string &target)
{
  RawSocket s = RawSocket::connect (static_cast<guint16> (port));
  s.send ("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string all;
  fail_unless (s.wait_closed (&all));
  return all;
}

// What came until there is `end` in it.
std::string until (RawSocket &s, const std::string &end)
{
  std::string all;
  char c;
  while (all.find (end) == std::string::npos && ::recv (s.fd (), &c, 1, 0) == 1)
    all += c;
  return all;
}

// A text frame of a client; the mask is zero.
std::string frame (const std::string &payload, bool masked = true)
{
  std::string f = "\x81";
  const auto bit = static_cast<char> (masked ? 0x80 : 0);
  if (payload.size () < 126) {
    f += static_cast<char> (bit | static_cast<char> (payload.size ()));
  } else {
    f += static_cast<char> (bit | 126);
    f += static_cast<char> (payload.size () >> 8);
    f += static_cast<char> (payload.size ());
  }
  return f + (masked ? std::string (4, '\0') : std::string ()) + payload;
}
} // namespace

GST_START_TEST (two_meet)
{
  Fixture f;
  PoolServer server;
  SignalledPeer a (f.loop, server.uri ("garden%20gate"));
  fail_unless (server.wait_joined (1));
  SignalledPeer b (f.loop, server.uri ("garden%20gate"));
  fail_unless (a.saw ("peer offers"));
  fail_unless (b.saw ("peer polite"));
  a.send_description ("offer", "v=0\r\nümlaut \"quoted\"\r\n");
  fail_unless (b.saw ("offer v=0\r\nümlaut \"quoted\"\r\n"));
  b.send_description ("answer", "v=0");
  fail_unless (a.saw ("answer v=0"));
  a.send_candidate ({"candidate:1 1 udp 1 192.0.2.7 5 typ host", "0", 0, "abcd"});
  fail_unless (b.saw ("candidate candidate:1 1 udp 1 192.0.2.7 5 typ host|0|0|abcd"));
  a.send_candidate ({});
  fail_unless (b.saw ("candidate ||-1|"));
  fail_unless (b.send_message ("{\"zoom\":3}"));
  fail_unless (a.saw ("message {\"zoom\":3}"));
  b.goodbye ();
  fail_unless (a.saw ("left closed"));
  fail_if (a.send_message ("{}"));
  SignalledPeer c (f.loop, server.uri ("garden%20gate"));
  fail_unless (a.saw ("peer offers"));
  fail_unless (c.saw ("peer polite"));
}
GST_END_TEST

GST_START_TEST (third_is_refused)
{
  Fixture f;
  PoolServer server;
  SignalledPeer a (f.loop, server.uri ("room")), b (f.loop, server.uri ("room"));
  fail_unless (a.saw_peer ());
  SignalledPeer c (f.loop, server.uri ("room"));
  fail_unless (c.saw ("fatal"));
  SignalledPeer d (f.loop, server.uri ("other"));
  fail_unless (server.wait_joined (3));
  fail_unless_equals_uint64 (server.stat ("pools"), 2);
}
GST_END_TEST

GST_START_TEST (comes_back_after_the_server)
{
  Fixture f;
  auto server = std::make_unique<PoolServer> ();
  const guint port = server->port ();
  SignalledPeer a (f.loop, server->uri ("room")), b (f.loop, server->uri ("room"));
  fail_unless (a.saw_peer ());
  fail_unless (b.saw_peer ());
  server.reset ();
  fail_unless (a.saw ("lost"));
  fail_unless (b.saw ("lost"));
  server = std::make_unique<PoolServer> ("", port);
  fail_unless (a.saw_peer ());
  a.send_description ("offer", "again");
  fail_unless (b.saw ("offer again"));
}
GST_END_TEST

GST_START_TEST (application_decides)
{
  Fixture f;
  PoolServer server;
  g_signal_connect (server.element, "join-request",
      G_CALLBACK (+[] (GstElement *, const char *pool, const char *, gpointer) -> gboolean {
        return g_str_equal (pool, "open");
      }),
      nullptr);
  SignalledPeer a (f.loop, server.uri ("shut"));
  fail_unless (a.saw ("fatal"));
  SignalledPeer b (f.loop, server.uri ("open"));
  fail_unless (server.wait_joined (1));
}
GST_END_TEST

GST_START_TEST (files)
{
  gchar *folder = g_dir_make_tmp ("reach-files-XXXXXX", nullptr);
  const std::filesystem::path root = std::filesystem::path (folder) / "site";
  g_free (folder);
  std::filesystem::create_directories (root / "sub");
  std::ofstream (root / "index.html") << "<p>hello";
  std::ofstream (root / "sub" / "a b.js") << "let x";
  std::ofstream (root / ".secret") << "hidden";
  std::ofstream (root.parent_path () / "outside.txt") << "outside";
  std::filesystem::create_symlink (root.parent_path () / "outside.txt", root / "link.txt");
  PoolServer server ("folder=" + root.string ());
  fail_unless (get (server.port (), "/").find ("text/html") != std::string::npos);
  fail_unless (get (server.port (), "/").ends_with ("<p>hello"));
  fail_unless (get (server.port (), "/sub/a%20b.js").ends_with ("let x"));
  for (const char *path : {"/none", "/../outside.txt", "/%2e%2e/outside.txt",
           "/sub/../../outside.txt", "/.secret", "/link.txt", "/sub", "//etc/passwd", "/%00"})
    fail_unless (get (server.port (), path).starts_with ("HTTP/1.1 4"), "%s", path);
  std::filesystem::remove_all (root.parent_path ());
}
GST_END_TEST

GST_START_TEST (bad_requests)
{
  PoolServer server;
  const std::string good = upgrade;
  const auto answer = [&] (std::string text, const char *from, const char *to) {
    const std::size_t at = text.find (from);
    text.replace (at, strlen (from), to);
    RawSocket s = RawSocket::connect (static_cast<guint16> (server.port ()));
    s.send (text);
    return until (s, "\r\n");
  };
  fail_unless (answer (good, "x", "x").starts_with ("HTTP/1.1 101"));
  fail_unless (answer (good, ": 13", ": 12").starts_with ("HTTP/1.1 426"));
  fail_unless (answer (good, "reach-pair", "chat").starts_with ("HTTP/1.1 400"));
  fail_unless (answer (good, "dGhlIHNhbXBsZSBub25jZQ==", "short").starts_with ("HTTP/1.1 400"));
  fail_unless (answer (good, "/room", "/").starts_with ("HTTP/1.1 400"));
  fail_unless (answer (good, "/room", "/%ff").starts_with ("HTTP/1.1 400"));
  fail_unless (answer (good, "GET", "POST").starts_with ("HTTP/1.1 400"));
  fail_unless (answer (good, "Host: x", "Host : x").starts_with ("HTTP/1.1 400"));
}
GST_END_TEST

// What comes behind the request, before the application has decided, is not lost.
GST_START_TEST (early_frames)
{
  PoolServer server;
  RawSocket s = RawSocket::connect (static_cast<guint16> (server.port ()));
  s.send (upgrade + frame ("no message"));
  std::string all;
  fail_unless (s.wait_closed (&all));
  const std::size_t told = all.find ("\"malformed\"");
  fail_unless (told < all.find ("\x88"), "%zu", told);
}
GST_END_TEST

GST_START_TEST (goodbye_is_told_once)
{
  Fixture f;
  for (int i = 0; i < 20; i++) {
    PoolServer server;
    SignalledPeer a (f.loop, server.uri ("room"));
    if (i % 2)
      server.wait_joined (1);
    a.goodbye (); // connecting or connected
    f.loop.call ([] {});
    fail_unless_equals_int (a.times ("goodbye"), 0);
  }
}
GST_END_TEST

// While peers come in and handlers run.
GST_START_TEST (stops_at_any_time)
{
  Fixture f;
  for (int i = 0; i < 30; i++) {
    PoolServer server;
    std::vector<std::unique_ptr<SignalledPeer>> peers;
    for (int n = 0; n < 6; n++)
      peers.push_back (
          std::make_unique<SignalledPeer> (f.loop, server.uri (std::to_string (n).c_str ())));
    server.wait_joined (static_cast<unsigned> (i % 4));
  }
}
GST_END_TEST

// Each gets a close frame with its code, and an honest pair beside it goes on.
GST_START_TEST (bad_frames)
{
  Fixture f;
  PoolServer server ("max-message-size=4096 message-rate=10");
  SignalledPeer a (f.loop, server.uri ("fine")), b (f.loop, server.uri ("fine"));
  fail_unless (a.saw_peer ());
  const std::string flood = [] {
    std::string all;
    for (int i = 0; i < 60; i++)
      all += frame ("{\"type\":\"x\",\"data\":{}}");
    return all;
  }();
  const struct {
    std::string sent;
    unsigned code;
  } cases[] = {
      {frame ("not json"), 1002},
      {frame ("[1]"), 1002},
      {frame ("{\"type\":1,\"data\":{}}"), 1002},
      {frame ("{\"type\":\"message\",\"data\":null}"), 1002},
      {frame ("{\"type\":\"message\",\"data\":" + std::string (2000, '[')), 1002},
      {frame (std::string (5000, ' ')), 1009},
      {frame ("{}", false), 1002},                 // not masked
      {std::string ("\xf1\x80\0\0\0\0", 6), 1002}, // reserved bits
      {frame ("\xff\xfe"), 1007},                  // no UTF-8
      {std::string ("\x82\x80\0\0\0\0", 6), 1003},
      {flood, 1008},
  };
  for (const auto &c : cases) {
    RawSocket s = RawSocket::connect (static_cast<guint16> (server.port ()));
    s.send (upgrade);
    until (s, "\r\n\r\n");
    s.send (c.sent);
    std::string rest;
    fail_unless (s.wait_closed (&rest), "case %zu", std::size_t (&c - cases));
    const std::string code{static_cast<char> (c.code >> 8), static_cast<char> (c.code & 0xff)};
    const std::size_t at = rest.find ('\x88');
    fail_unless (at != std::string::npos, "case %zu", std::size_t (&c - cases));
    fail_unless (rest.substr (at + 2, 2) == code, "case %zu: %s", std::size_t (&c - cases),
        g_strescape (rest.c_str (), nullptr));
  }
  a.send_description ("offer", "still");
  fail_unless (b.saw ("offer still"));
}
GST_END_TEST

// Who does not read is cut off; memory is bounded.
GST_START_TEST (slow_reader)
{
  Fixture f;
  PoolServer server ("message-rate=0");
  RawSocket s = RawSocket::connect (static_cast<guint16> (server.port ()), 4096);
  s.send (upgrade);
  fail_unless (server.wait_joined (1));
  SignalledPeer b (f.loop, server.uri ("room"));
  fail_unless (b.saw ("peer polite"));
  const std::string text (200000, 'x');
  for (int i = 0; i < 40; i++)
    b.send_description ("offer", text.c_str ());
  fail_unless (b.saw ("left lost"));
}
GST_END_TEST

static Suite *signalling_suite ()
{
  Suite *s = suite_create ("signalling");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, two_meet);
  tcase_add_test (tc, third_is_refused);
  tcase_add_test (tc, comes_back_after_the_server);
  tcase_add_test (tc, application_decides);
  tcase_add_test (tc, files);
  tcase_add_test (tc, bad_requests);
  tcase_add_test (tc, early_frames);
  tcase_add_test (tc, goodbye_is_told_once);
  tcase_add_test (tc, stops_at_any_time);
  tcase_add_test (tc, bad_frames);
  tcase_add_test (tc, slow_reader);
  return s;
}

GST_CHECK_MAIN (signalling)
