// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of a rtcpoolserver's pools over WebSocket, socket.io and the application's own way.
#include "../tls_files.h"
#include "pool_member.h"
#include "signaller.h"
#include "web_client.h"

using namespace reach;
using namespace reach::test;

namespace {
using Config = PoolMember::Config;

struct Fixture {
  Loop loop{"test-pool"};
};

Config config (const PoolServer &s, const char *scheme = "ws", unsigned version = 0)
{
  return PoolMember::to (
      std::string (scheme) + "://127.0.0.1:" + std::to_string (s.port ()), "garden", version);
}

gboolean act (const PoolServer &s, const char *action, const char *pool)
{
  gboolean done = FALSE;
  g_signal_emit_by_name (s.element, action, pool, &done);
  return done;
}

// Everything that two members can tell each other.
void talk (PoolMember &a, PoolMember &b)
{
  const std::string one = a.joined ();
  const std::string two = a.saw_from ("peer ").substr (5);
  fail_unless (b.saw ("joined " + two + " garden " + one + "="));
  const std::string sdp = "v=0\r\nümlaut \"quoted\"\r\n";
  a.with ([&] (auto &s) { s.send_description (two, "offer", sdp); });
  fail_unless (b.saw (one + " offer " + sdp));
  b.with ([&] (auto &s) { s.send_description (one, "answer", "v=0"); });
  fail_unless (a.saw (two + " answer v=0"));
  b.with ([&] (auto &s) { s.send_description (one, "offer", "v=1"); });
  fail_unless (a.saw (two + " offer v=1"));
  a.with ([&] (auto &s) {
    s.send_candidate (two, {"candidate:1 1 udp 1 192.0.2.7 5 typ host", "0", 0, "abcd"});
    s.send_candidate (two, {});
  });
  fail_unless (b.saw (one + " candidate candidate:1 1 udp 1 192.0.2.7 5 typ host|0|0|abcd"));
  fail_unless (b.saw (one + " candidate ||-1|"));
  fail_unless_equals_int (a.times (two + " offer") + a.times (two + " answer"), 0);
  fail_unless_equals_int (b.times (one + " offer"), 0);
  b.leave ();
  fail_unless (a.saw ("closed " + two));
}

void pair (const char *first, unsigned v1, const char *second, unsigned v2)
{
  Fixture f;
  PoolServer server;
  PoolMember a (f.loop, config (server, first, v1));
  fail_unless (server.wait_joined (1));
  PoolMember b (f.loop, config (server, second, v2));
  talk (a, b);
}
} // namespace

GST_START_TEST (web_sockets)
{
  pair ("ws", 0, "ws", 0);
  pair ("ws", 1, "ws", 2);
  pair ("ws", 2, "ws", 1);
  pair ("ws", 0, "ws", 1);
  pair ("ws", 1, "ws", 1);
}
GST_END_TEST

GST_START_TEST (socket_io)
{
  pair ("http", 0, "http", 0);
  pair ("http", 2, "ws", 1);
  pair ("ws", 0, "http", 0);
}
GST_END_TEST

GST_START_TEST (descriptions_and_messages)
{
  for (const char *scheme : {"ws", "http"}) {
    Fixture f;
    PoolServer server;
    PoolMember a (f.loop, config (server, scheme));
    const std::string one = a.joined ();
    gboolean done = FALSE;
    g_signal_emit_by_name (
        server.element, "describe", "garden", one.c_str (), "{ \"name\":\"Gate ü\" }", &done);
    fail_unless (done);
    PoolMember b (f.loop, config (server, scheme));
    const std::string there = b.saw_from ("joined ");
    fail_unless (
        there.ends_with (" garden " + one + "={ \"name\":\"Gate ü\" }"), "%s", there.c_str ());
    g_signal_emit_by_name (server.element, "describe", "garden", one.c_str (), "null", &done);
    fail_unless (b.saw ("described " + one + " "));
    g_signal_emit_by_name (
        server.element, "broadcast", "garden", "{\"type\":\"news\",\"data\":{\"a\":1}}", &done);
    fail_unless (done);
    fail_unless (a.saw ("app news {\"a\":1}"));
    fail_unless (b.saw ("app news {\"a\":1}"));

    Watched<std::string> got;
    g_signal_connect (server.element, "app-message",
        G_CALLBACK (+[] (GstElement *, GstStructure *m, gpointer to) {
          static_cast<Watched<std::string> *> (to)->set (
              std::string (gst_structure_get_string (m, "type")) + " " +
              gst_structure_get_string (m, "data"));
        }),
        &got);
    bool good = false, bad = true;
    a.with ([&] (auto &s) {
      good = s.send_app_message ("zoom", "{\"to\": 3}");
      bad = s.send_app_message ("rtc:zoom", "{}") || s.send_app_message ("zoom", "3") ||
            s.send_app_message ("", "{}") || s.send_app_message ("zoom", "{");
    });
    fail_unless (good && !bad);
    fail_unless (got.wait ([] (const std::string &t) { return t == "zoom {\"to\": 3}"; }));
  }
}
GST_END_TEST

// It comes again with a new id, into the same pool.
GST_START_TEST (server_returns)
{
  for (const char *scheme : {"ws", "http"}) {
    Fixture f;
    auto server = std::make_unique<PoolServer> ();
    const guint port = server->port ();
    PoolMember a (f.loop, config (*server, scheme)), b (f.loop, config (*server, scheme));
    const std::string one = a.joined (), two = b.joined ();
    server.reset ();
    fail_if (a.saw_from ("lost ").empty ());
    fail_if (b.saw_from ("lost ").empty ());
    server = std::make_unique<PoolServer> ("", port);
    const std::string told = a.saw_from ("joined "),
                      new_one = told.substr (7, told.find (' ', 7) - 7);
    const std::string new_two = b.joined ();
    if (told.find (new_two) == std::string::npos) // a was the first
      fail_unless (a.saw ("peer " + new_two));
    fail_unless (!new_one.empty () && new_one != one && !new_two.empty () && new_two != two);
    a.with ([&] (auto &s) { s.send_description (new_two, "offer", "again"); });
    fail_unless (b.saw (new_one + " offer again"));
  }
}
GST_END_TEST

// A stopped pool is not entered again but by the application's wish.
GST_START_TEST (stop)
{
  for (const char *scheme : {"ws", "http"}) {
    Fixture f;
    PoolServer server;
    PoolMember a (f.loop, config (server, scheme));
    fail_if (a.joined ().empty ());
    fail_unless (act (server, "close-pool", "garden"));
    fail_unless (a.saw ("stopped"));
    a.with ([] (auto &s) { s.join ("other"); });
    fail_unless (a.saw_from ("joined ").find (" other") != std::string::npos);
    fail_unless_equals_int (a.times ("lost") + a.times ("joined") + a.times ("fatal"), 0);
    fail_unless (server.wait_joined (2));
  }
}
GST_END_TEST

GST_START_TEST (another_pool)
{
  Fixture f;
  PoolServer server;
  PoolMember a (f.loop, config (server)), b (f.loop, PoolMember::to (server.uri (""), ""));
  const std::string one = a.joined ();
  b.with ([] (auto &s) { s.join ("garden"); });
  const std::string two = a.saw_from ("peer ").substr (5);
  fail_unless (b.saw ("joined " + two + " garden " + one + "="));
  b.with ([] (auto &s) { s.join ("house"); });
  fail_unless (a.saw ("closed " + two));
  fail_unless (b.saw_from ("joined ").ends_with (" house"));
  b.leave ();
  b.with ([] (auto &s) { s.join ("garden"); });
  fail_unless (b.saw_from ("joined ").ends_with (" garden " + one + "="));
  b.with ([] (auto &s) { s.join ("line\nend"); });
  fail_if (b.saw_from ("fatal a pool's name").empty ());
  b.with ([] (auto &s) { s.join (""); });
  fail_if (b.saw_from ("fatal a pool's name").empty ());
  fail_unless_equals_int (b.times ("lost"), 0);
}
GST_END_TEST

GST_START_TEST (refused)
{
  Fixture f;
  PoolServer server ("private=true token=secret");
  for (const char *scheme : {"ws", "http"}) {
    Config c = config (server, scheme);
    PoolMember none (f.loop, c);
    fail_if (none.saw_from ("fatal ").find ("oken") == std::string::npos);
    c.token = "wrong";
    PoolMember wrong (f.loop, c);
    fail_if (wrong.saw_from ("fatal ").find ("401") == std::string::npos);
    c.token = "secret";
    PoolMember unknown (f.loop, c);
    fail_if (unknown.saw_from ("fatal ").empty ());
    fail_unless_equals_int (unknown.times ("lost"), 0);
    fail_unless (act (server, "add-pool", "garden"));
    unknown.with ([] (auto &s) { s.join ("garden"); });
    fail_if (unknown.joined ().empty ());
    fail_unless (act (server, "remove-pool", "garden"));
    fail_unless (act (server, "close-pool", "garden"));
    fail_unless (unknown.saw ("stopped"));
  }
}
GST_END_TEST

// The pool is full only until the server has noticed that our old connection is dead.
GST_START_TEST (full_for_a_while)
{
  Fixture f;
  auto server = std::make_unique<PoolServer> ("max-peers=1");
  const guint port = server->port ();
  PoolMember a (f.loop, config (*server));
  fail_if (a.joined ().empty ());
  PoolMember late (f.loop, config (*server));
  fail_if (late.saw_from ("fatal ").empty ()); // it never was in
  server.reset ();
  server = std::make_unique<PoolServer> ("max-peers=1", port);
  PoolClient rival (port);
  const bool before = !rival.join ("garden").empty ();
  if (before) // else it was quicker
    fail_if (a.saw_from ("lost ").empty ());
  rival.reset ();
  fail_if (a.joined ().empty ());
  fail_unless_equals_int (a.times ("fatal"), 0);
}
GST_END_TEST

GST_START_TEST (tls)
{
  Fixture f;
  TlsFiles files;
  const auto id = files.issue ("localhost");
  PoolServer server ("tls-certificate=" + id.certificate + " tls-key=" + id.key);
  for (const char *scheme : {"wss", "https"}) {
    Config c = config (server, scheme);
    PoolMember stranger (f.loop, c);
    fail_if (stranger.saw_from ("fatal ").empty ());
    c.tls_ca_file = files.ca ();
    PoolMember a (f.loop, c);
    fail_if (a.joined ().empty ());
    c.tls_ca_file.clear ();
    c.tls_verify = false;
    PoolMember b (f.loop, c);
    fail_if (b.joined ().empty ());
  }
}
GST_END_TEST

GST_START_TEST (bad_configurations)
{
  Fixture f;
  PoolMember owner (f.loop, PoolMember::to ("", ""));
  const std::string uris[] = {"ftp://x", "ws", "ws://", "ws:///x", "http://", "rubbish",
      "ws://[::1", "http://x/a,b", "http://x/" + std::string (200, 'n')};
  f.loop.call ([&] {
    std::string error;
    for (const std::string &uri : uris) {
      error.clear ();
      fail_if (rtc::PoolSignaller::make (f.loop, owner, PoolMember::to (uri), error) != nullptr);
      fail_if (error.empty (), "%s", uri.c_str ());
    }
    error.clear ();
    fail_if (rtc::PoolSignaller::make (f.loop, owner, PoolMember::to ("ws://x", "p", 3), error));
    fail_if (error.empty ());
    error.clear ();
    fail_if (rtc::PoolSignaller::make (
        f.loop, owner, PoolMember::to ("ws://x", std::string (200, 'p')), error));
    fail_if (error.empty ());
  });
}
GST_END_TEST

// Each message goes out by on_send () and comes in by receive (), and nothing within a call.
GST_START_TEST (own_transport)
{
  Fixture f;
  PoolMember a (f.loop, PoolMember::to ("", "garden", 2));
  fail_unless (a.saw ("send rtc:join {\"pool\":\"garden\"}"));
  a.with ([&] (auto &s) {
    s.receive ("rtc:joined", R"({"client_id":"a","peers":["b"],"pool":"g"})");
    fail_unless_equals_int (a.times ("joined"), 0);
  });
  fail_unless (a.saw ("joined a g b="));
  a.with ([&] (auto &s) {
    s.send_description ("b", "offer", "v=0");
    fail_unless_equals_int (a.times ("send"), 0);
    s.send_candidate ("b", {});
    fail_unless (s.send_app_message ("zoom", "{}"));
    s.receive ("rtc:sdp", R"({"peer":"b","description":{"type":"answer","sdp":"v=1"}})");
    s.receive ("chat", "7");
    s.receive ("rtc:error", R"({"message":"no"})");
    s.receive ("rtc:stop", "{}");
  });
  fail_unless (a.saw (R"(send rtc:sdp {"to":"b","description":{"type":"offer","sdp":"v=0"}})"));
  fail_unless (a.saw (R"(send rtc:candidate {"from":"a","for":"b","candidate":null})"));
  fail_unless (a.saw ("send zoom {}"));
  fail_unless (a.saw ("b answer v=1"));
  fail_unless (a.saw ("app chat 7"));
  fail_unless (a.saw ("error no"));
  fail_unless (a.saw ("stopped"));
  a.with ([] (auto &s) { s.join ("garden"); });
  fail_unless (a.saw ("send rtc:join {\"pool\":\"garden\"}"));
  a.leave ();
  a.with ([] (auto &s) { s.receive ("rtc:joined", R"({"client_id":"z"})"); });
  f.loop.call ([] {});
  fail_unless_equals_int (a.times ("joined"), 0);
}
GST_END_TEST

GST_START_TEST (own_transport_flood)
{
  Fixture f;
  PoolMember a (f.loop, PoolMember::to ("", "garden"));
  fail_if (a.saw_from ("send rtc:join").empty ());
  a.with ([] (auto &s) {
    s.receive ("rtc:joined", R"({"client_id":"a"})");
    for (int i = 0; i < 20000; i++)
      s.receive ("chat", "7");
  });
  fail_if (a.saw_from ("error too many").empty ());
  fail_if (a.joined ().empty ());
  f.loop.call ([] {}); // all of it is told in one go
  fail_unless_equals_int (a.times ("app chat 7"), 9999);
}
GST_END_TEST

// The owner does at each event what it likes.
GST_START_TEST (destroyed_within_a_callback)
{
  for (const char *scheme : {"ws", "http"})
    for (const char *when : {"joined", "peer", "stopped", "lost"}) {
      Fixture f;
      auto server = std::make_unique<PoolServer> ();
      PoolMember a (f.loop, config (*server, scheme));
      f.loop.call ([&] {
        a.on_told = [&] (const std::string &t) {
          if (t.starts_with (when))
            a.take ().reset ();
        };
      });
      fail_unless (server->wait_joined (1));
      PoolMember b (f.loop, config (*server, scheme));
      fail_if (b.joined ().empty ());
      act (*server, "close-pool", "garden");
      fail_unless (b.saw ("stopped"));
      server.reset ();
      fail_unless (a.times ("fatal") == 0);
    }
}
GST_END_TEST

// At any stage; each goodbye is told once.
GST_START_TEST (leaves_at_any_time)
{
  Fixture f;
  PoolServer server;
  for (int i = 0; i < 30; i++) {
    PoolMember a (f.loop, config (server, i % 2 ? "ws" : "http"));
    if (i % 3 == 0)
      fail_if (a.joined ().empty ());
    a.with ([] (auto &) {});
    a.leave ();
    a.leave ();
    fail_unless_equals_int (a.times ("left") + a.times ("lost"), 0);
  }
}
GST_END_TEST

static Suite *pool_signaller_suite ()
{
  Suite *s = suite_create ("pool_signaller");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, web_sockets);
  tcase_add_test (tc, socket_io);
  tcase_add_test (tc, descriptions_and_messages);
  tcase_add_test (tc, server_returns);
  tcase_add_test (tc, stop);
  tcase_add_test (tc, another_pool);
  tcase_add_test (tc, refused);
  tcase_add_test (tc, full_for_a_while);
  tcase_add_test (tc, tls);
  tcase_add_test (tc, bad_configurations);
  tcase_add_test (tc, own_transport);
  tcase_add_test (tc, own_transport_flood);
  tcase_add_test (tc, destroyed_within_a_callback);
  tcase_add_test (tc, leaves_at_any_time);
  return s;
}

GST_CHECK_MAIN (pool_signaller)
