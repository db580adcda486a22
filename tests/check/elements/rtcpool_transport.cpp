// SPDX-License-Identifier: LGPL-2.1-or-later
// An application that carries the messages of pools itself: a test for each row of
// docs/protocol-signalling.md by signaller-send and signaller-receive, in both versions.
#include "../pool_hub.h"
#include "rtc_call.h"

using namespace reach;
using namespace reach::test;

namespace {
std::string member (unsigned version, const std::string &more = "")
{
  return "rtcpool name=peer pool=garden latency=50 protocol-version=" + std::to_string (version) +
         " " + more;
}

std::string id_of (Caller &c)
{
  const CharPtr id (c.get<gchar *> ("id"));
  return id ? id.get () : "";
}

// The hub goes on until there is a message of this name; others before it are dropped.
MessagePtr wait_for (PoolHub &hub, Caller &c, const char *name)
{
  const auto bus = Ref<GstBus>::adopt (gst_element_get_bus (c.pipeline));
  MessagePtr found;
  hub.until ([&] {
    while (
        GstMessage *m = found ? nullptr : gst_bus_pop_filtered (bus.get (), GST_MESSAGE_ELEMENT)) {
      MessagePtr owned (m);
      if (gst_message_has_name (m, name))
        found = std::move (owned);
    }
    return bool (found);
  });
  fail_unless (bool (found), "no %s", name);
  return found;
}

std::string field (const MessagePtr &m, const char *name)
{
  const char *text = gst_structure_get_string (gst_message_get_structure (m.get ()), name);
  return text ? text : "(none)";
}

bool polite (const MessagePtr &m)
{
  gboolean is = FALSE;
  fail_unless (gst_structure_get_boolean (gst_message_get_structure (m.get ()), "polite", &is));
  return is;
}

// Two in one pool, neither of whom has anything to send.
struct Two {
  explicit Two (unsigned version = 0) : a (member (version)), b (member (version))
  {
    for (Caller *c : {&a, &b}) {
      hub.add (c->peer);
      c->play ();
      const MessagePtr joined = wait_for (hub, *c, "rtc-pool-joined");
      fail_unless_equals_string (field (joined, "id").c_str (), id_of (*c).c_str ());
      fail_unless_equals_string (field (joined, "pool").c_str (), "garden");
    }
  }
  bool describe (Caller &c, const char *json)
  {
    return hub.act ([&] (rtc::pool::Pools &p) { return p.describe ("garden", id_of (c), json); });
  }
  PoolHub hub;
  Caller a, b;
};
} // namespace

// rtc:join, rtc:joined; rtc:peer and rtc:request_offers.
GST_START_TEST (test_join)
{
  const unsigned version = static_cast<unsigned> (__i__);
  Two s (version);
  fail_unless_equals_int (s.hub.times ("rtc:join"), 2);
  fail_unless_equals_int (s.hub.times ("rtc:joined"), 2);
  const MessagePtr to_a = wait_for (s.hub, s.a, "rtc-pool-peer-added");
  fail_unless_equals_string (field (to_a, "peer-id").c_str (), id_of (s.b).c_str ());
  fail_unless (!polite (to_a));
  fail_unless (s.hub.until (
      [&] { return s.hub.times ("rtc:peer") == 1 && s.hub.times ("rtc:request_offers") == 1; }));
  fail_unless_equals_int (s.a.get<guint> ("n-connections"), 1);
  fail_unless_equals_int (s.b.get<guint> ("n-connections"), 1);
}
GST_END_TEST

// rtc:offers, rtc:offer, rtc:answer of version 1, rtc:sdp of version 2, rtc:candidate of both:
// media need all of them.
GST_START_TEST (test_descriptions)
{
  const auto version = static_cast<unsigned> (__i__);
  PoolHub hub;
  Caller a (member (version, small_h264 + " ! peer.video_0")), b (member (version));
  for (Caller *c : {&a, &b}) {
    hub.add (c->peer);
    c->play ();
  }
  fail_unless (hub.until ([&] { return b.decoded ("video/x-raw") > 10; }));
  fail_unless (hub.times ("rtc:candidate") >= 4); // up and down, from both
  for (const char *type : {"rtc:offers", "rtc:offer", "rtc:answer"})
    fail_unless (version == 1 ? hub.times (type) > 0 : hub.sent (type) == 0, "%s", type);
  fail_unless (version == 2 ? hub.times ("rtc:sdp") >= 4 : hub.sent ("rtc:sdp") == 0);
}
GST_END_TEST

// rtc:describe, and what is in rtc:joined: byte for byte.
GST_START_TEST (test_describe)
{
  Two s;
  const char *const json = "{ \"n\" : \"\\u00fc ü\\n\", \"x\":[ 1.0,1e3,null ],\"n\":{} }";
  const auto description = [&] (Caller &c, const std::string &peer) {
    gchar *text = nullptr;
    g_signal_emit_by_name (c.peer, "get-description", peer.c_str (), &text);
    const CharPtr owned (text);
    return std::string (text ? text : "(none)");
  };
  fail_unless_equals_string (description (s.a, id_of (s.b)).c_str (), "(none)");
  fail_unless (s.describe (s.b, json));
  const MessagePtr told = wait_for (s.hub, s.a, "rtc-pool-peer-described");
  fail_unless_equals_string (field (told, "peer-id").c_str (), id_of (s.b).c_str ());
  fail_unless_equals_string (field (told, "description").c_str (), json);
  fail_unless_equals_string (description (s.a, id_of (s.b)).c_str (), json);
  Caller late (member (0));
  s.hub.add (late.peer);
  late.play ();
  wait_for (s.hub, late, "rtc-pool-joined");
  fail_unless_equals_string (description (late, id_of (s.b)).c_str (), json);
  fail_unless_equals_string (description (late, id_of (s.a)).c_str (), "(none)");
  fail_unless_equals_string (description (late, "nobody").c_str (), "(none)");
  fail_unless (s.describe (s.b, "null"));
  fail_unless_equals_string (
      field (wait_for (s.hub, s.a, "rtc-pool-peer-described"), "description").c_str (), "(none)");
  fail_unless_equals_string (description (s.a, id_of (s.b)).c_str (), "(none)");
}
GST_END_TEST

// rtc:close.
GST_START_TEST (test_close)
{
  Two s;
  const std::string gone = id_of (s.b);
  s.hub.leave (s.b.peer);
  fail_unless_equals_string (
      field (wait_for (s.hub, s.a, "rtc-pool-peer-closed"), "peer-id").c_str (), gone.c_str ());
  fail_unless_equals_int (s.a.get<guint> ("n-connections"), 0);
  g_signal_emit_by_name (s.b.peer, "join", "garden");
  fail_unless (polite (wait_for (s.hub, s.b, "rtc-pool-peer-added")));
  fail_unless (field (wait_for (s.hub, s.a, "rtc-pool-peer-added"), "peer-id") != gone);
}
GST_END_TEST

// rtc:stop; then into another pool.
GST_START_TEST (test_stop)
{
  Two s;
  fail_unless (s.hub.act ([] (rtc::pool::Pools &p) { return p.close_pool ("garden"); }));
  for (Caller *c : {&s.a, &s.b}) {
    fail_unless_equals_string (
        field (wait_for (s.hub, *c, "rtc-pool-stopped"), "pool").c_str (), "garden");
    fail_unless_equals_int (c->get<guint> ("n-connections"), 0);
    fail_unless_equals_string (id_of (*c).c_str (), "");
    g_signal_emit_by_name (c->peer, "join", "house");
    fail_unless_equals_string (
        field (wait_for (s.hub, *c, "rtc-pool-joined"), "pool").c_str (), "house");
  }
}
GST_END_TEST

// rtc:error, and messages of the application both ways.
GST_START_TEST (test_errors_and_others)
{
  Two s;
  const auto receive = [&] (const char *type, const char *json) {
    g_signal_emit_by_name (s.a.peer, "signaller-receive", type, json);
  };
  receive ("rtc:error", R"({"message":"no","reason":"unknown-peer"})");
  const MessagePtr error = wait_for (s.hub, s.a, "rtc-pool-error");
  fail_unless (field (error, "message").find ("no") != std::string::npos);
  gboolean fatal = TRUE, sent = FALSE;
  gst_structure_get_boolean (gst_message_get_structure (error.get ()), "fatal", &fatal);
  fail_unless (!fatal);
  receive ("news", R"({ "a":1.0 })");
  const MessagePtr news = wait_for (s.hub, s.a, "rtc-pool-app-message");
  fail_unless_equals_string (field (news, "type").c_str (), "news");
  fail_unless_equals_string (field (news, "json").c_str (), R"({ "a":1.0 })");
  g_signal_emit_by_name (s.a.peer, "send-app-message", "chat", "{}", &sent);
  fail_unless (sent && s.hub.until ([&] { return s.hub.sent ("chat") == 1; }));
  for (const char *bad : {"", "{", "[]", "null", "7", R"({"id":7})"}) // costs nothing
    for (const char *type : {"rtc:joined", "rtc:peer", "rtc:sdp", "rtc:offer", "rtc:answer",
             "rtc:candidate", "rtc:describe", "rtc:close", "rtc:request_offers", "rtc:none", ""})
      receive (type, bad);
  fail_unless (s.describe (s.b, "{}"));
  wait_for (s.hub, s.a, "rtc-pool-peer-described");
  fail_unless_equals_int (s.a.get<guint> ("n-connections"), 1);
}
GST_END_TEST

static Suite *rtcpool_transport_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtcpool_transport");
  TCase *tc = tcase_create ("rows");
  tcase_set_timeout (tc, 60);
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_join, 0, 3);
  tcase_add_loop_test (tc, test_descriptions, 1, 3);
  tcase_add_test (tc, test_describe);
  tcase_add_test (tc, test_close);
  tcase_add_test (tc, test_stop);
  tcase_add_test (tc, test_errors_and_others);
  return s;
}

GST_CHECK_MAIN (rtcpool_transport)
