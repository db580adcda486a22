// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of a rtcpoolserver's pools over WebSocket, socket.io and the application's own way; and
// servers that do not behave.
#include "../tls_files.h"
#include "pool_member.h"
#include "rtc/signalling/web_socket_client.h"
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
    fail_unless (there.ends_with (" garden " + one + "={ \"name\":\"Gate ü\" }"), "%s",
        there.c_str ());
    g_signal_emit_by_name (server.element, "describe", "garden", one.c_str (), "null", &done);
    fail_unless (b.saw ("described " + one + " "));
    g_signal_emit_by_name (
        server.element, "broadcast", "garden", "{\"type\":\"news\",\"data\":{\"a\":1}}", &done);
    fail_unless (a.saw ("app news {\"a\":1}"));
    fail_unless (b.saw ("app news {\"a\":1}"));

    Watched<std::string> got;
    g_signal_connect (server.element, "app-message",
        G_CALLBACK (+[] (GstElement *, const char *, const char *, const char *type,
                         const char *json, gpointer to) {
          static_cast<Watched<std::string> *> (to)->set (std::string (type) + " " + json);
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
    const std::string new_one = a.joined (), new_two = b.joined ();
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
  const std::string uris[] = {"ftp://x", "ws", "ws://", "ws:///x", "http://", "rubbish", "ws://[::1",
      "http://x/a,b", "http://x/" + std::string (200, 'n')};
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

namespace {
class SocketWatcher final : public rtc::WebSocketClient::Owner {
public:
  void on_socket_open (rtc::WebSocketClient &) override { open.set (true); }
  void on_socket_text (rtc::WebSocketClient &, std::string_view) override {}
  void on_socket_over (rtc::WebSocketClient &, const rtc::WebSocketClient::Failure &f) override
  {
    over.set (f.why);
  }
  Watched<bool> open;
  Watched<std::string> over;
};

// Answers each connection with this, reads on or does not, and never closes.
class RudeServer {
public:
  explicit RudeServer (std::string answer) : answer_ (std::move (answer))
  {
    service_ = g_socket_service_new ();
    port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service_), nullptr, nullptr);
    g_signal_connect (service_, "incoming",
        G_CALLBACK (+[] (GSocketService *, GSocketConnection *c, GObject *, RudeServer *self) {
          self->accept (c);
          return TRUE;
        }),
        this);
  }
  ~RudeServer ()
  {
    for (GSocketConnection *c : held_)
      g_object_unref (c);
    g_object_unref (service_);
  }
  guint16 port = 0;

private:
  // The request's key is not random enough to be looked for: it is read to its end.
  void accept (GSocketConnection *c)
  {
    held_.push_back (static_cast<GSocketConnection *> (g_object_ref (c)));
    char request[2048] = {};
    GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (c));
    g_input_stream_read (in, request, sizeof request - 1, nullptr, nullptr);
    std::string text = answer_;
    const std::string key = between (request, "Sec-WebSocket-Key: ", "\r\n");
    if (const std::size_t at = text.find ("KEY"); at != std::string::npos)
      text.replace (at, 3, accept_key (key));
    g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (c)), text.data (),
        text.size (), nullptr, nullptr, nullptr);
  }
  static std::string accept_key (const std::string &key)
  {
    const std::string all = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::uint8_t digest[20];
    gsize n = sizeof digest;
    GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA1);
    g_checksum_update (sum, reinterpret_cast<const guchar *> (all.data ()), gssize (all.size ()));
    g_checksum_get_digest (sum, digest, &n);
    g_checksum_free (sum);
    const CharPtr text (g_base64_encode (digest, n));
    return text.get ();
  }
  const std::string answer_;
  GSocketService *service_ = nullptr;
  std::vector<GSocketConnection *> held_;
};

std::string http_answer (const char *line)
{
  return std::string ("HTTP/1.1 ") + line + "\r\nContent-Length: 0\r\n\r\n";
}
const char *const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n";
} // namespace

// HTTP's refusals in words; others are tried again.
GST_START_TEST (http_refusals)
{
  Fixture f;
  const struct {
    const char *answer, *told;
  } cases[] = {{"400 Bad Request", "fatal "}, {"401 Unauthorized", "fatal "},
      {"403 Forbidden", "fatal "}, {"404 Not Found", "fatal "}, {"503 Busy", "lost "},
      {"200 OK", "lost "}};
  for (const auto &c : cases)
    for (const char *scheme : {"ws", "http"}) {
      RudeServer server (http_answer (c.answer));
      PoolMember a (f.loop,
          PoolMember::to (std::string (scheme) + "://127.0.0.1:" + std::to_string (server.port)));
      std::string told;
      fail_unless (iterate_until ([&] {
        if (a.times ("fatal ") + a.times ("lost ") > 0)
          told = a.saw_from (c.told);
        return !told.empty ();
      }), "%s", c.answer);
      fail_unless (told.find (std::string (c.answer, 3)) != std::string::npos, "%s", told.c_str ());
    }
}
GST_END_TEST

// A server that hangs, at each stage, is noticed. The limits are the shortest that libsoup can.
GST_START_TEST (silent_servers)
{
  Fixture f;
  for (const char *answer : {"", switching}) {
    RudeServer server (answer);
    SocketWatcher w;
    std::unique_ptr<rtc::WebSocketClient> client;
    f.loop.call ([&] {
      rtc::WebSocketClient::Limits l;
      l.connect = *answer ? seconds (15) : milliseconds (200);
      l.ping = 1;
      l.silence = seconds (2);
      rtc::Signaller::Config c;
      client = std::make_unique<rtc::WebSocketClient> (
          f.loop, w, c, "ws://127.0.0.1:" + std::to_string (server.port) + "/", l);
    });
    fail_unless (iterate_until ([&] { return !w.over.get ().empty (); }));
    fail_unless_equals_int (w.open.get (), *answer != 0);
    fail_unless_equals_string (
        w.over.get ().c_str (), *answer ? "the server is silent" : "the server does not answer");
    f.loop.call ([&] { client.reset (); });
  }
}
GST_END_TEST

// What it is sent and does not read has a limit.
GST_START_TEST (server_that_does_not_read)
{
  Fixture f;
  RudeServer server (switching);
  SocketWatcher w;
  std::unique_ptr<rtc::WebSocketClient> client;
  f.loop.call ([&] {
    client = std::make_unique<rtc::WebSocketClient> (f.loop, w, rtc::Signaller::Config{},
        "ws://127.0.0.1:" + std::to_string (server.port) + "/");
  });
  fail_unless (iterate_until ([&] { return w.open.get (); }));
  f.loop.call ([&] {
    for (int i = 0; i < 17; i++)
      client->send (std::string (1 << 20, 'x'));
  });
  fail_unless (iterate_until ([&] { return !w.over.get ().empty (); }));
  fail_unless_equals_string (w.over.get ().c_str (), "the server does not read");
  f.loop.call ([&] { client.reset (); });
}
GST_END_TEST

// It answers our pings, so its silence is none.
GST_START_TEST (quiet_server_stays)
{
  Fixture f;
  PoolServer server;
  SocketWatcher w;
  std::unique_ptr<rtc::WebSocketClient> client;
  f.loop.call ([&] {
    rtc::WebSocketClient::Limits l;
    l.ping = 1;
    l.silence = milliseconds (1800);
    client = std::make_unique<rtc::WebSocketClient> (
        f.loop, w, rtc::Signaller::Config{}, server.uri (""), l);
  });
  fail_unless (w.open.wait ([] (bool o) { return o; }));
  fail_if (w.over.wait ([] (const std::string &t) { return !t.empty (); }, milliseconds (4000)));
  f.loop.call ([&] { client.reset (); });
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
  tcase_add_test (tc, http_refusals);
  tcase_add_test (tc, silent_servers);
  tcase_add_test (tc, server_that_does_not_read);
  tcase_add_test (tc, quiet_server_stays);
  return s;
}

GST_CHECK_MAIN (pool_signaller)
