// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpoolserver and socket.io by hand-written requests and frames.
#include "../rtc/signaller.h"
#include "../rtc/web_client.h"

using namespace reach::test;

namespace {
const char *const polling = "/socket.io/?EIO=4&transport=polling";
const char *const web_socket = "/socket.io/?EIO=4&transport=websocket";

// A client that polls, with a connection for what it sends and one for what it fetches.
struct Poller {
  explicit Poller (guint port) : sends (port), fetches (port)
  {
    const auto a = fetches.request ("GET", polling);
    fail_unless_equals_int (a.status, 200);
    sid = between (a.body, "0{\"sid\":\"", "\"");
    target = std::string (polling) + "&sid=" + sid;
    fail_unless (!sid.empty (), "%s", a.body.c_str ());
  }
  void send (const std::string &packets)
  {
    const auto a = sends.request ("POST", target, {}, packets);
    fail_unless (a.status == 200 && a.body == "ok", "%d %s", a.status, a.body.c_str ());
  }
  std::string fetch ()
  {
    const auto a = fetches.request ("GET", target);
    return a.status == 200 ? a.body : std::to_string (a.status) + " " + a.body;
  }
  std::string join (const char *pool)
  {
    send ("40");
    fail_unless (fetch ().starts_with ("40{\"sid\":\""));
    send (std::string ("42[\"rtc:join\",{\"pool\":\"") + pool + "\"}]");
    last = fetch ();
    return between (last, "42[\"rtc:joined\",{\"client_id\":\"", "\"");
  }
  WebClient sends, fetches;
  std::string sid, target, last;
};

// One that uses a WebSocket alone.
struct Socket : WebClient {
  explicit Socket (guint port) : WebClient (port)
  {
    fail_unless_equals_int (upgrade (web_socket), 101);
    fail_unless (next ().starts_with ("0{\"sid\":\""));
  }
  std::string join (const std::string &pool, const std::string &name = {})
  {
    send_text ("40" + name);
    last = next ();
    fail_unless (last.starts_with ("40" + name + "{\"sid\":\""), "%s", last.c_str ());
    send_text ("42" + name + "[\"rtc:join\",{\"pool\":\"" + pool + "\"}]");
    last = next ();
    return between (last, "42" + name + "[\"rtc:joined\",{\"client_id\":\"", "\"");
  }
  std::string last;
};
} // namespace

// Polling, a WebSocket and a raw one are in the same pool.
GST_START_TEST (all_meet)
{
  PoolServer server;
  Poller a (server.port ());
  const std::string id_a = a.join ("garden");
  fail_unless (!id_a.empty (), "%s", a.last.c_str ());
  Socket b (server.port ());
  const std::string id_b = b.join ("garden");
  fail_unless (b.last.find ("\"peers\":[\"" + id_a + "\"]") != std::string::npos);
  const std::string told = a.fetch ();
  fail_unless (told.starts_with ("42[\"rtc:peer\",{\"id\":\"" + id_b), "%s", told.c_str ());
  PoolClient c (server.port ());
  fail_unless (!c.join ("garden").empty ());
  c.send ("rtc:candidate", "{\"for\":\"" + id_b + "\",\"candidate\":null}");
  fail_unless (b.next ().starts_with ("42[\"rtc:peer\""));
  fail_unless (b.next ().starts_with ("42[\"rtc:request_offers\""));
  fail_unless_equals_string (b.next ().c_str (),
      ("42[\"rtc:candidate\",{\"candidate\":null,\"from\":\"" + c.id + "\"}]").c_str ());
  b.send_text (
      "42[\"rtc:candidate\",{\"for\":\"" + c.id + "\",\"candidate\":{\"candidate\":\"\"}}]");
  fail_unless (c.got ("rtc:candidate"));
  fail_unless_equals_uint64 (server.stat ("peers"), 3);
  fail_unless_equals_uint64 (server.stat ("socket-io-sessions"), 2);
  b.send_text ("41");
  fail_unless (c.got ("rtc:close"));
  a.send ("1");
  fail_unless (c.got ("rtc:close"));
}
GST_END_TEST

GST_START_TEST (upgrade)
{
  PoolServer server;
  Poller a (server.port ());
  const std::string id = a.join ("garden");
  PoolClient c (server.port ());
  WebClient w (server.port ());
  fail_unless_equals_int (w.upgrade (web_socket + ("&sid=" + a.sid)), 101);
  a.fetches.ask ("GET", a.target); // waits
  w.send_text ("2probe");
  fail_unless_equals_string (w.next ().c_str (), "3probe");
  fail_unless_equals_string (a.fetches.answer ().body.c_str (), "6");
  w.send_text ("5");
  c.join ("garden");
  fail_unless (w.next ().starts_with ("42[\"rtc:peer\""));
  fail_unless (w.next ().starts_with ("42[\"rtc:request_offers\""));
  w.send_text ("42[\"rtc:candidate\",{\"for\":\"" + c.id + "\",\"candidate\":null}]");
  fail_unless (c.got ("rtc:candidate"));
  fail_unless (c.last.find (id) != std::string::npos);
  w.reset ();
  fail_unless (c.got ("rtc:close"));
}
GST_END_TEST

// Each namespace of a session is a member by itself.
GST_START_TEST (namespaces)
{
  PoolServer server;
  Socket a (server.port ());
  const std::string first = a.join ("one", "/a,"), second = a.join ("two", "/b,");
  fail_unless (!first.empty () && !second.empty () && first != second);
  gboolean done = FALSE;
  g_signal_emit_by_name (server.element, "close-pool", "one", &done);
  fail_unless_equals_string (a.next ().c_str (), "42/a,[\"rtc:stop\",{}]");
  fail_unless_equals_string (a.next ().c_str (), "41/a,");
  a.send_text ("42/a,[\"rtc:join\",{\"pool\":\"one\"}]"); // crossed it
  a.send_text ("42/b,5[\"rtc:sdp\",{}]");
  fail_unless_equals_string (a.next ().c_str (), "43/b,5[]");
  fail_unless (a.next ().starts_with ("42/b,[\"rtc:error\""));
  g_signal_emit_by_name (server.element, "close-pool", "two", &done);
  fail_unless_equals_string (a.next ().c_str (), "42/b,[\"rtc:stop\",{}]");
  fail_unless_equals_string (a.next ().c_str (), "41/b,");
  fail_unless_equals_string (a.next ().c_str (), "close 1000"); // nothing is left
}
GST_END_TEST

// rtc:stop reaches who polls, although it does not at that moment.
GST_START_TEST (stop_while_polling)
{
  PoolServer server;
  Poller a (server.port ());
  fail_unless (!a.join ("garden").empty ());
  gboolean done = FALSE;
  g_signal_emit_by_name (server.element, "close-pool", "garden", &done);
  fail_unless_equals_string (a.fetch ().c_str (), "42[\"rtc:stop\",{}]\x1e"
                                                  "41");
  fail_unless_equals_string (a.fetch ().c_str (), "1");
  fail_unless (a.fetch ().starts_with ("400 {\"code\":1"));
}
GST_END_TEST

GST_START_TEST (heartbeat)
{
  PoolServer server ("heartbeat-interval=100");
  Socket a (server.port ());
  a.join ("garden");
  for (int i = 0; i < 4; i++) {
    fail_unless_equals_string (a.next ().c_str (), "2");
    a.send_text ("3");
  }
  fail_unless_equals_string (a.next ().c_str (), "2"); // and no answer any more
  fail_unless_equals_string (a.next ().c_str (), "close 1000");
  const auto m = wait_element_message (server.element, "rtc-pool-peer-left");
  fail_unless (m && gst_structure_has_field (gst_message_get_structure (m.get ()), "reason"));
  fail_unless_equals_string (
      gst_structure_get_string (gst_message_get_structure (m.get ()), "reason"), "lost");
}
GST_END_TEST

// As Engine.IO's own server answers.
GST_START_TEST (bad_requests)
{
  PoolServer server;
  const struct {
    const char *method, *target, *code;
  } cases[] = {
      {"GET", "/socket.io/?EIO=3&transport=polling", "5"},
      {"GET", "/socket.io/?transport=polling", "5"},
      {"GET", "/socket.io/?EIO=4", "0"},
      {"GET", "/socket.io/?EIO=4&transport=websocket", "0"}, // no upgrade
      {"GET", "/socket.io/?EIO=4&transport=polling&sid=none", "1"},
      {"POST", "/socket.io/?EIO=4&transport=polling", "2"},
      {"DELETE", "/socket.io/?EIO=4&transport=polling", "2"},
  };
  for (const auto &c : cases) {
    WebClient w (server.port ());
    const auto a = w.request (c.method, c.target);
    fail_unless_equals_int (a.status, 400);
    fail_unless (a.body.starts_with (std::string ("{\"code\":") + c.code), "%s: %s", c.target,
        a.body.c_str ());
  }
  for (const char *target : {"/socket.io/?EIO=3&transport=websocket",
           "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=websocket&sid=none"})
    fail_unless_equals_int (WebClient (server.port ()).upgrade (target), 400);
  WebClient w (server.port ());
  const auto a = w.request ("OPTIONS", polling, "Origin: https://x.example\r\n");
  fail_unless_equals_int (a.status, 204);
  fail_unless (a.head.find ("Access-Control-Allow-Origin: *") != std::string::npos);
}
GST_END_TEST

GST_START_TEST (bad_packets)
{
  PoolServer server ("max-message-size=4096");
  Socket good (server.port ());
  fail_unless (!good.join ("garden").empty ());
  for (const char *text : {"", "x", "0", "5", "bAAEC", "451-[\"x\"]", "4", "47"}) {
    Socket s (server.port ());
    s.send_text (text);
    fail_unless_equals_string (s.next ().c_str (), "close 1000");
  }
  Socket twice (server.port ());
  twice.join ("garden");
  fail_unless (good.next ().starts_with ("42[\"rtc:peer\""));
  fail_unless (good.next ().starts_with ("42[\"rtc:request_offers\""));
  twice.send_text ("40"); // the same namespace again
  fail_unless_equals_string (twice.next ().c_str (), "close 1000");
  fail_unless (good.next ().starts_with ("42[\"rtc:close\""));
  for (const char *event : {"42", "42{}", "42[]", "42[1]", "42[\"rtc:join\"]",
           "42[\"rtc:join\",null]", "42[\"rtc:join\",{\"pool\":3}]"}) {
    Socket s (server.port ());
    s.send_text ("40");
    s.next ();
    s.send_text (event);
    const std::string t = s.next ();
    fail_unless (t.starts_with ("42[\"rtc:error\""), "%s: %s", event, t.c_str ());
    s.send_text ("42[\"rtc:join\",{\"pool\":\"other\"}]"); // it can go on
    fail_unless (s.next ().starts_with ("42[\"rtc:joined\""));
  }
  Poller p (server.port ());
  fail_unless_equals_int (
      p.sends.request ("POST", p.target, {}, std::string (5000, '4')).status, 413);
  fail_unless_equals_int (p.fetches.request ("POST", p.target, {}, "4\x1e").status, 400);
  WebClient once (server.port ());
  fail_unless_equals_int (once.request ("GET", p.target).status, 400); // it has ended
  // Two requests at a time would get what comes in any order.
  Poller two (server.port ());
  two.fetches.ask ("GET", two.target);
  // The first one waits when the second comes: a POST behind it is answered.
  two.send ("40");
  fail_unless (two.fetches.answer ().body.starts_with ("40{\"sid\""));
  good.send_text ("42[\"rtc:sdp\",{}]");
  fail_unless (good.next ().starts_with ("42[\"rtc:error\""));
}
GST_END_TEST

GST_START_TEST (token)
{
  PoolServer server ("token=open-sesame");
  // In the query or a header, at once …
  fail_unless_equals_int (
      WebClient (server.port ()).request ("GET", std::string (polling) + "&token=bad").status, 401);
  const auto let_in = [&] (const std::string &target, const std::string &headers,
                          const std::string &connect) {
    WebClient w (server.port ());
    fail_unless_equals_int (w.upgrade (target, headers), 101);
    fail_unless (w.next ().starts_with ("0{\"sid\":\""));
    w.send_text (connect);
    return w.next ();
  };
  const std::string target = web_socket;
  fail_unless (let_in (target + "&token=open-sesame", {}, "40").starts_with ("40{"));
  fail_unless (let_in (target, "Authorization: Bearer open-sesame\r\n", "40").starts_with ("40{"));
  // … or with CONNECT, as `auth` of the client does.
  fail_unless (let_in (target, {}, "40{\"token\":\"open-sesame\"}").starts_with ("40{"));
  const std::string none = let_in (target, {}, "40");
  fail_unless (none.starts_with ("44{\"message\":\"A token is needed"), "%s", none.c_str ());
  const std::string bad = let_in (target, {}, "40/x,{\"token\":\"open\"}");
  fail_unless (bad.starts_with ("44/x,{\"message\":\"This token"), "%s", bad.c_str ());
}
GST_END_TEST

static Suite *rtcpool_socket_io_suite ()
{
  Suite *s = suite_create ("rtcpool_socket_io");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, all_meet);
  tcase_add_test (tc, upgrade);
  tcase_add_test (tc, namespaces);
  tcase_add_test (tc, stop_while_polling);
  tcase_add_test (tc, heartbeat);
  tcase_add_test (tc, bad_requests);
  tcase_add_test (tc, bad_packets);
  tcase_add_test (tc, token);
  return s;
}

GST_CHECK_MAIN (rtcpool_socket_io)
