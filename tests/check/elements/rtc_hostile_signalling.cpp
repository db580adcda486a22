// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer and a signalling server that floods it, does not read, or talks nonsense; and what is
// said to users and programs that are wrong.
#include "../bus_error.h"
#include "rtc_hostile.h"

using namespace reach;
using namespace reach::test;

namespace {
std::string peer (const std::string &uri, const std::string &more = {})
{
  return "rtcpeer name=peer signalling-uri=" + uri + " " + more + " ";
}
std::string rtcpeer (const std::string &uri)
{
  return peer (uri) + small_video + " ! peer.video_0";
}
std::string member (const char *id)
{
  return std::string (R"({"id":")") + id + R"(","polite":true})";
}

std::string text_of (GstMessage *m)
{
  return error_of (m)->message;
}

// What is told when the pipeline is to play: the first message of that type.
std::string told (const std::string &line, GstMessageType type)
{
  Caller c (line);
  gst_element_set_state (c.pipeline, GST_STATE_PLAYING);
  const Owned<GstBus, gst_object_unref> bus (gst_element_get_bus (c.pipeline));
  const Owned<GstMessage, gst_message_unref> m (gst_bus_timed_pop_filtered (
      bus.get (), GstClockTime (long_enough.count ()) * GST_MSECOND, type));
  return m ? text_of (m.get ()) : "nothing";
}
void expect_told (const std::string &line, GstMessageType type, const char *part)
{
  const std::string what = told (line, type);
  fail_unless (what.find (part) != std::string::npos, "%s", what.c_str ());
}
} // namespace

// Each needs a connection of its own, with sockets and timers.
GST_START_TEST (test_flood_of_peers)
{
  const std::string offer = HostileSdp{}.json ();
  flood (rtcpeer, [&] (HostileSocket &s, unsigned i) {
    return s.send ("peer", member (std::to_string (i).c_str ())) && s.send ("description", offer);
  });
}
GST_END_TEST

// Each restarts ICE, and has names that nobody knows.
GST_START_TEST (test_flood_of_restarts)
{
  flood (rtcpeer, [&] (HostileSocket &s, unsigned i) {
    const std::string n = std::to_string (100000 + i);
    HostileSdp sdp;
    sdp.ufrag = "uf" + n;
    for (int k = 0; k < 20; k++)
      sdp.extra += "a=candidate:1 1 udp 2122260223 " + n + "-0000-4000-8000-" + std::to_string (k) +
                   ".local 5000 typ host\r\n";
    return (i > 0 || s.send ("peer", member ("x"))) && s.send ("description", sdp.json ());
  });
}
GST_END_TEST

// Answers that nobody reads must not wait here.
GST_START_TEST (test_flood_of_offers_without_reading)
{
  flood (
      rtcpeer,
      [&] (HostileSocket &s, unsigned i) {
        HostileSdp sdp;
        sdp.lines = 1 + i % 2;
        return (i > 0 || s.send ("peer", member ("x"))) && s.send ("description", sdp.json ());
      },
      false);
}
GST_END_TEST

// Pads come and go with each.
GST_START_TEST (test_flood_of_changes)
{
  HostileSdp on, off;
  on.lines = off.lines = 20;
  off.direction = "inactive";
  const std::string offers[] = {on.json (), off.json ()};
  flood (rtcpeer, [&] (HostileSocket &s, unsigned i) {
    return (i > 0 || s.send ("peer", member ("x"))) && s.send ("description", offers[i % 2]);
  });
}
GST_END_TEST

// The application is told, but not of each, and then of how many.
GST_START_TEST (test_flood_of_nonsense)
{
  HostileServer server ([&] (HostileSocket &s) {
    s.send ("peer", member ("x"));
    for (int i = 0; i < 2000; i++)
      if (!s.send ("description", R"({"type":"offer","sdp":"nonsense"})"))
        return;
    s.send ("left", R"({"reason":"closed"})");
    s.wait_end ();
  });
  Caller c (peer (server.uri ()));
  c.play ();
  unsigned warnings = 0;
  const Owned<GstBus, gst_object_unref> bus (gst_element_get_bus (c.pipeline));
  for (bool left = false; !left;) {
    const Owned<GstMessage, gst_message_unref> m (
        gst_bus_timed_pop (bus.get (), GstClockTime (long_enough.count ()) * GST_MSECOND));
    fail_unless (m != nullptr, "%u warnings", warnings);
    warnings += GST_MESSAGE_TYPE (m.get ()) == GST_MESSAGE_WARNING;
    left = gst_message_has_name (m.get (), "rtc-peer-left");
  }
  fail_unless (warnings >= 10 && warnings < 40, "%u", warnings);
}
GST_END_TEST

// It ends the connection as soon as it is there, each time.
GST_START_TEST (test_ends_at_once)
{
  HostileServer server ([] (HostileSocket &s) { s.send ("peer", member ("x")); });
  Caller c (peer (server.uri ()));
  const gint64 begin = g_get_monotonic_time ();
  c.play ();
  fail_unless (server.connections.wait ([] (unsigned n) { return n >= 5; }));
  // 100 ms, 200 ms, 400 ms, 800 ms between them, up to 30 % less.
  fail_unless (g_get_monotonic_time () - begin > 1000 * 1000);
  fail_unless (time_to_end (c) < longest_end);
}
GST_END_TEST

GST_START_TEST (test_errors_say_what_to_do)
{
  SignallingServer server;
  expect_told (peer (server.uri ("")), GST_MESSAGE_ERROR, "names no channel");
  expect_told (peer ("http://127.0.0.1/x"), GST_MESSAGE_ERROR, "is no way to signal");
  expect_told (peer (server.uri ("x"), "video-codecs=VP8,MP5"), GST_MESSAGE_ERROR,
      "\"MP5\" in video-codecs");
  expect_told (peer (server.uri ("x"), "audio-codecs=mp3"), GST_MESSAGE_ERROR, "opus, PCMU, PCMA");
  expect_told (peer (server.uri ("x"), "ice-transport-policy=relay") + small_video +
                   " ! peer.video_0 " + peer (server.uri ("x")).replace (13, 4, "rest"),
      GST_MESSAGE_WARNING, "there is no TURN server");
  auto *closed =
      GST_ELEMENT (gst_object_ref_sink (gst_element_factory_make ("rtcpoolserver", nullptr)));
  guint port = 0;
  g_object_set (closed, "port", 0u, "bind-address", "127.0.0.1", "token", "secret", nullptr);
  gst_element_set_state (closed, GST_STATE_PLAYING);
  g_object_get (closed, "current-port", &port, nullptr);
  expect_told (
      peer ("ws://127.0.0.1:" + std::to_string (port) + "/x"), GST_MESSAGE_ERROR, "wants a token");
  gst_element_set_state (closed, GST_STATE_NULL);
  gst_object_unref (closed);
}
GST_END_TEST

// gst-inspect-1.0 shows what a factory said when GStreamer looked at the plugin first, and knew no
// other: what pads take must not depend on it.
GST_START_TEST (test_templates_say_what_goes_in)
{
  for (const char *name : {"rtcpeer", "rtcpool"}) {
    const Owned<GstElement, gst_object_unref> e (
        GST_ELEMENT (gst_object_ref_sink (gst_element_factory_make (name, nullptr))));
    for (const auto &[templ, caps] :
        {std::pair ("video_%u", "video/x-raw"), std::pair ("video_%u", "video/x-av1"),
            std::pair ("audio_%u", "audio/x-raw"), std::pair ("audio_%u", "audio/x-opus")}) {
      GstPadTemplate *t = gst_element_get_pad_template (e.get (), templ);
      const auto has = Ref<GstCaps>::adopt (gst_pad_template_get_caps (t));
      const auto one = Ref<GstCaps>::adopt (gst_caps_from_string (caps));
      fail_unless (gst_caps_can_intersect (has.get (), one.get ()), "%s %s", name, caps);
    }
  }
}
GST_END_TEST

// Who waits for a promise is not forgotten: there is no session, or the element is stopped.
GST_START_TEST (test_promises_are_answered)
{
  SignallingServer server;
  for (const std::string &line : {std::string ("rtcpeer name=peer"), peer (server.uri ("alone"))}) {
    Caller c (line);
    for (const bool playing : {false, true}) {
      if (playing)
        c.play ();
      for (const char *action : {"create-offer", "create-answer"})
        for (int i = 0; i < 20; i++) {
          GstPromise *p = gst_promise_new ();
          g_signal_emit_by_name (c.peer, action, nullptr, p);
          g_signal_emit_by_name (c.peer, action, nullptr, nullptr);
          if (i == 19)
            c.end ();
          fail_unless_equals_int (gst_promise_wait (p), GST_PROMISE_RESULT_REPLIED);
          gst_promise_unref (p);
        }
      if (playing)
        c.end ();
    }
  }
}
GST_END_TEST

static Suite *rtc_hostile_signalling_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_hostile_signalling");
  TCase *tc = tcase_create ("server");
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, test_flood_of_peers);
  tcase_add_test (tc, test_flood_of_restarts);
  tcase_add_test (tc, test_flood_of_offers_without_reading);
  tcase_add_test (tc, test_flood_of_changes);
  tcase_add_test (tc, test_flood_of_nonsense);
  tcase_add_test (tc, test_ends_at_once);
  tcase_add_test (tc, test_errors_say_what_to_do);
  tcase_add_test (tc, test_templates_say_what_goes_in);
  tcase_add_test (tc, test_promises_are_answered);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_hostile_signalling)
