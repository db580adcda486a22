// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpoolserver and members of pools over raw WebSocket, and what its application does.
#include "../rtc/signaller.h"
#include "../rtc/web_client.h"

using namespace reach::test;

namespace {
const char *const offer = R"({"type":"offer","sdp":"v=0\r\n"})";

std::string sdp_to (const std::string &peer)
{
  return "{\"to\":\"" + peer + "\",\"description\":" + offer + "}";
}

bool act (GstElement *e, const char *action, const std::string &pool)
{
  gboolean done = FALSE;
  g_signal_emit_by_name (e, action, pool.c_str (), &done);
  return done;
}

bool act (GstElement *e, const char *action, const std::string &pool, const std::string &json)
{
  gboolean done = FALSE;
  g_signal_emit_by_name (e, action, pool.c_str (), json.c_str (), &done);
  return done;
}

bool act (GstElement *e, const char *action, const std::string &pool, const std::string &peer,
    const std::string &json)
{
  gboolean done = FALSE;
  g_signal_emit_by_name (e, action, pool.c_str (), peer.c_str (), json.c_str (), &done);
  return done;
}

std::string field (GstMessage *m, const char *name)
{
  const char *s = gst_structure_get_string (gst_message_get_structure (m), name);
  return s ? s : "";
}
} // namespace

// The session of docs/protocol-signalling.md.
GST_START_TEST (session)
{
  PoolServer server;
  PoolClient a (server.port ()), b (server.port (), "/any/path?x=1");
  fail_unless (!a.join ("garden").empty ());
  fail_unless (!b.join ("garden").empty ());
  fail_unless (b.last.find ("\"peers\":[\"" + a.id + "\"]") != std::string::npos);
  fail_unless (a.got ("rtc:peer"));
  fail_unless (a.last.find (b.id) != std::string::npos);
  fail_unless (a.got ("rtc:request_offers"));
  a.send ("rtc:sdp", sdp_to (b.id));
  fail_unless (b.got ("rtc:sdp"));
  fail_unless (
      b.last.find ("\"peer\":\"" + a.id + "\",\"description\":" + offer) != std::string::npos);
  fail_unless (b.got ("rtc:offer")); // its version was not known
  a.send ("rtc:candidate", "{\"for\":\"" + b.id + "\",\"candidate\":null}");
  fail_unless (b.got ("rtc:candidate"));
  fail_unless (b.last.find ("{\"candidate\":null,\"from\":\"" + a.id) != std::string::npos);
  fail_unless (act (server.element, "describe", "garden", b.id, "{\"name\":\"Bo\"}"));
  fail_unless (a.got ("rtc:describe"));
  b.send_close (1000);
  fail_unless (a.got ("rtc:close"));
  fail_unless (act (server.element, "close-pool", "garden"));
  fail_unless (a.got ("rtc:stop"));
  fail_unless_equals_string (a.next ().c_str (), "close 1000");
  auto m = wait_element_message (server.element, "rtc-pool-peer-left");
  fail_unless (m && field (m.get (), "peer") == b.id && field (m.get (), "reason") == "closed");
  m = wait_element_message (server.element, "rtc-pool-peer-left");
  fail_unless (m && field (m.get (), "peer") == a.id && field (m.get (), "reason") == "stopped");
}
GST_END_TEST

GST_START_TEST (lost_member)
{
  PoolServer server;
  PoolClient a (server.port ()), b (server.port ());
  a.join ("garden");
  b.join ("garden");
  fail_unless (a.got ("rtc:peer") && a.got ("rtc:request_offers"));
  b.reset ();
  fail_unless (a.got ("rtc:close"));
  const auto m = wait_element_message (server.element, "rtc-pool-peer-left");
  fail_unless (m && field (m.get (), "reason") == "lost");
}
GST_END_TEST

// Who is silent is gone after two heartbeats; who answers pings stays.
GST_START_TEST (silent_member)
{
  PoolServer server ("heartbeat-interval=100");
  PoolClient a (server.port ()), b (server.port ());
  a.join ("garden");
  b.join ("garden");
  fail_unless (a.got ("rtc:peer") && a.got ("rtc:request_offers"));
  fail_unless (a.got ("rtc:close")); // a answers, b does not
  fail_unless (a.last.find (b.id) != std::string::npos);
  a.send ("rtc:sdp", "{}");
  fail_unless (a.got ("rtc:error"));
}
GST_END_TEST

// Its end is no error, and costs nobody else anything.
GST_START_TEST (hostile_members)
{
  PoolServer server ("max-message-size=4096 message-rate=10");
  PoolClient good (server.port ());
  good.join ("garden");
  for (const char *text : {"", "{", "[]", "\"rtc:join\"", "{\"type\":\"rtc:join\",\"data\":[]}"}) {
    PoolClient c (server.port ());
    c.send_text (text);
    fail_unless (c.got ("rtc:error"), "%s", text);
    fail_unless (!c.join (std::string ("pool ") + c.last[2]).empty ());
  }
  PoolClient deep (server.port ());
  deep.send ("rtc:join", std::string (2000, '[') + std::string (2000, ']'));
  fail_unless (deep.got ("rtc:error"));
  PoolClient large (server.port ());
  large.send_text (std::string (5000, ' '));
  fail_unless_equals_string (large.next ().c_str (), "close 1009");
  PoolClient binary (server.port ());
  binary.write (WebClient::frame (0x82, "x"));
  fail_unless_equals_string (binary.next ().c_str (), "close 1003");
  PoolClient flood (server.port ());
  for (int i = 0; i < 60; i++)
    flood.send ("chat", "{}");
  fail_unless (flood.got ("rtc:error"));
  fail_unless_equals_string (flood.next ().c_str (), "close 1008");
  good.send ("rtc:sdp", "{}");
  fail_unless (good.got ("rtc:error"));
}
GST_END_TEST

GST_START_TEST (token)
{
  PoolServer server ("token=open-sesame");
  const char *const pair = "Sec-WebSocket-Protocol: reach-pair\r\n";
  const struct {
    const char *target, *headers;
    int status;
  } cases[] = {
      {"/", "", 401},
      {"/?token=wrong", "", 401},
      {"/?token=open-sesam", "", 401},
      {"/?token=open-sesameopen-sesame", "", 401},
      {"/?token=", "", 401},
      {"/?token=open-sesame", "", 101},
      {"/", "Authorization: Bearer open-sesame\r\n", 101},
      {"/", "Authorization: Bearer open-sesame2\r\n", 401},
      {"/", "Authorization: Basic open-sesame\r\n", 401},
      {"/room", pair, 401},
      {"/room?token=open-sesame", pair, 101},
  };
  for (const auto &c : cases) {
    WebClient w (server.port ());
    fail_unless_equals_int (w.upgrade (c.target, c.headers), c.status);
  }
  WebClient w (server.port ());
  const auto a = w.request ("GET", "/",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  fail_unless (a.body.find ("A token is needed") != std::string::npos);
  fail_unless (a.head.find ("WWW-Authenticate: Bearer") != std::string::npos);
}
GST_END_TEST

GST_START_TEST (origins)
{
  PoolServer server ("allowed-origins=\"https://a.example, http://b.example:81\"");
  const auto status = [&] (const char *headers) {
    return WebClient (server.port ()).upgrade ("/", headers);
  };
  fail_unless_equals_int (status (""), 101);
  fail_unless_equals_int (status ("Origin: https://a.example\r\n"), 101);
  fail_unless_equals_int (status ("Origin: http://b.example:81\r\n"), 101);
  fail_unless_equals_int (status ("Origin: http://a.example\r\n"), 403);
  fail_unless_equals_int (status ("Origin: null\r\n"), 403);
}
GST_END_TEST

GST_START_TEST (application_decides)
{
  PoolServer server;
  g_signal_connect (server.element, "resolve-pool",
      G_CALLBACK (+[] (GstElement *, const char *pool, gpointer) -> gchar * {
        return g_str_equal (pool, "door") ? g_strdup ("garden") : nullptr;
      }),
      nullptr);
  // A handler can describe whom it lets in.
  g_signal_connect (server.element, "join-request",
      G_CALLBACK (+[] (GstElement *e, const char *pool, const char *peer, gpointer) -> gboolean {
        fail_unless (act (e, "describe", pool, peer, "{\"role\":\"guest\"}"));
        return !g_str_equal (pool, "shut");
      }),
      nullptr);
  PoolClient a (server.port ()), b (server.port ());
  fail_unless (a.join ("shut").empty ());
  fail_unless (a.last.find ("\"reason\":\"refused\"") != std::string::npos);
  fail_unless (!a.join ("garden").empty ());
  fail_unless (!b.join ("door").empty ());
  fail_unless (b.last.find ("\"pool\":\"garden\"") != std::string::npos);
  fail_unless (b.last.find ("\"" + a.id + "\":{\"role\":\"guest\"}") != std::string::npos);
  fail_unless (a.got ("rtc:peer") && a.got ("rtc:request_offers") && a.got ("rtc:describe"));
}
GST_END_TEST

GST_START_TEST (application_decides_later)
{
  PoolServer server ("deferred-requests=join");
  PoolClient a (server.port ()), b (server.port ());
  a.send ("rtc:join", "{\"pool\":\"door\"}");
  auto m = wait_element_message (server.element, "rtc-pool-join-request");
  fail_unless (m && field (m.get (), "pool") == "door");
  guint64 request = 0;
  gst_structure_get_uint64 (gst_message_get_structure (m.get ()), "request", &request);
  GstStructure *reply = gst_structure_new ("reply", "pool", G_TYPE_STRING, "garden", nullptr);
  gboolean done = FALSE;
  g_signal_emit_by_name (server.element, "respond", request, TRUE, reply, &done);
  gst_structure_free (reply);
  fail_unless (done);
  fail_unless (a.got ("rtc:joined"));
  fail_unless (a.last.find ("\"pool\":\"garden\"") != std::string::npos);
  g_signal_emit_by_name (server.element, "respond", request, TRUE, nullptr, &done);
  fail_if (done); // once
  // Pairs ask in the same way.
  WebClient pair (server.port ());
  pair.ask ("GET", "/room",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: reach-pair\r\n");
  m = wait_element_message (server.element, "rtc-pool-join-request");
  fail_unless (m && field (m.get (), "pool") == "room");
  gst_structure_get_uint64 (gst_message_get_structure (m.get ()), "request", &request);
  g_signal_emit_by_name (server.element, "respond", request, FALSE, nullptr, &done);
  fail_unless (done);
  fail_unless_equals_int (pair.answer ().status, 403);
}
GST_END_TEST

GST_START_TEST (actions)
{
  PoolServer server ("private=true max-pools=3 max-peers=1");
  GstElement *e = server.element;
  PoolClient a (server.port ()), b (server.port ());
  fail_unless (a.join ("garden").empty ());
  fail_unless (act (e, "add-pool", "garden"));
  fail_unless (!a.join ("garden").empty ());
  fail_unless (b.join ("garden").empty ());
  fail_unless (b.last.find ("\"reason\":\"full\"") != std::string::npos);
  fail_unless (act (e, "broadcast", "garden", "{\"type\":\"news\",\"data\":{}}"));
  fail_unless (a.got ("news"));
  fail_unless (act (e, "send", "garden", a.id, "{\"type\":\"you\",\"data\":{}}"));
  fail_unless (a.got ("you"));
  a.send ("chat", "{\"text\":\"x\"}");
  const auto m = wait_element_message (e, "rtc-pool-app-message");
  fail_unless (m && field (m.get (), "type") == "chat" && field (m.get (), "peer") == a.id &&
               field (m.get (), "data") == "{\"text\":\"x\"}" &&
               field (m.get (), "pool") == "garden");
  fail_unless (act (e, "remove-pool", "garden"));
  fail_if (act (e, "remove-pool", "garden"));
  fail_if (act (e, "close-pool", "none"));
  fail_if (act (e, "describe", "garden", a.id, "[]"));
  fail_if (act (e, "describe", "garden", "nobody", "{}"));
  fail_if (act (e, "broadcast", "garden", "{\"type\":\"rtc:stop\",\"data\":{}}"));
  fail_unless_equals_uint64 (server.stat ("pools"), 1);
  fail_unless_equals_uint64 (server.stat ("peers"), 1);
  fail_unless_equals_uint64 (server.stat ("joins"), 1);
  fail_unless_equals_uint64 (server.stat ("joins-refused"), 2);
  gst_element_set_state (e, GST_STATE_NULL);
  fail_if (act (e, "add-pool", "garden"));
  fail_if (act (e, "describe", "garden", a.id, "{}"));
}
GST_END_TEST

GST_START_TEST (broadcast_except)
{
  PoolServer server;
  PoolClient a (server.port ()), b (server.port ()), c (server.port ());
  for (PoolClient *p : {&a, &b, &c})
    fail_unless (!p->join ("garden").empty ());
  const auto tell = [&server] (const char *pool, const char *type, const char *const *peers) {
    gboolean done = FALSE;
    const std::string json = std::string ("{\"type\":\"") + type + "\",\"data\":{}}";
    g_signal_emit_by_name (server.element, "broadcast-except", pool, json.c_str (), peers, &done);
    return done;
  };
  const char *two[] = {a.id.c_str (), "nobody", c.id.c_str (), nullptr}, *none[] = {nullptr};
  fail_unless (tell ("garden", "first", two));
  fail_unless (tell ("garden", "second", none));
  fail_unless (tell ("garden", "third", nullptr));
  fail_if (tell ("house", "first", two));
  fail_if (tell ("garden", "rtc:stop", two));
  for (PoolClient *p : {&a, &b, &c}) // what comes first of them, behind the announcements
    do
      p->last = p->next ();
    while (p->last.starts_with ("{\"type\":\"rtc:"));
  for (PoolClient *p : {&a, &c})
    fail_unless_equals_string (p->last.c_str (), "{\"type\":\"second\",\"data\":{}}");
  fail_unless_equals_string (b.last.c_str (), "{\"type\":\"first\",\"data\":{}}");
  fail_unless (b.got ("second"));
  for (PoolClient *p : {&a, &b, &c})
    fail_unless (p->got ("third"));
}
GST_END_TEST

// While members come, talk and leave, and the application acts.
GST_START_TEST (stops_at_any_time)
{
  for (int i = 0; i < 20; i++) {
    PoolServer server;
    std::vector<std::unique_ptr<PoolClient>> all;
    for (int n = 0; n < 4; n++) {
      all.push_back (std::make_unique<PoolClient> (server.port ()));
      all.back ()->send ("rtc:join", "{\"pool\":\"p\"}");
    }
    server.wait_joined (static_cast<unsigned> (i % 5));
    act (server.element, i % 2 ? "close-pool" : "add-pool", "p");
    all.resize (static_cast<std::size_t> (i % 3));
  }
}
GST_END_TEST

static Suite *rtcpoolserver_suite ()
{
  Suite *s = suite_create ("rtcpoolserver");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, session);
  tcase_add_test (tc, lost_member);
  tcase_add_test (tc, silent_member);
  tcase_add_test (tc, hostile_members);
  tcase_add_test (tc, token);
  tcase_add_test (tc, origins);
  tcase_add_test (tc, application_decides);
  tcase_add_test (tc, application_decides_later);
  tcase_add_test (tc, actions);
  tcase_add_test (tc, broadcast_except);
  tcase_add_test (tc, stops_at_any_time);
  return s;
}

GST_CHECK_MAIN (rtcpoolserver)
