// SPDX-License-Identifier: LGPL-2.1-or-later
// What an application decides, calls and is told.
#include "rtmp_client.h"
#include "rtmp_source.h"
#include <thread>

using namespace reach::test;

namespace {
using Lambda = std::function<GstStructure *(const GstStructure *, const GstStructure *)>;

GstStructure *on_call (
    GstElement *, const GstStructure *connection, const GstStructure *arguments, gpointer f)
{
  return (*static_cast<Lambda *> (f)) (connection, arguments);
}

guint64 id_of (const GstStructure *connection)
{
  guint64 id = 0;
  fail_unless (gst_structure_get_uint64 (connection, "id", &id));
  return id;
}

// The connection of the only client so far.
guint64 only_connection (const RtmpSource &s)
{
  const auto stats = s.stats ();
  const GValue *all = gst_structure_get_value (stats.get (), "connections");
  fail_unless_equals_int (gst_value_array_get_size (all), 1);
  return id_of (gst_value_get_structure (gst_value_array_get_value (all, 0)));
}
} // namespace

GST_START_TEST (test_connect_request)
{
  RtmpSource s;
  const auto decide = +[] (GstElement *, GstStructure *c, GstStructure *command, GstStructure *user,
                           gpointer) -> gboolean {
    fail_unless_equals_string (gst_structure_get_string (c, "application"), "live");
    const GValue *o = gst_structure_get_value (command, "command");
    fail_unless (o && gst_structure_has_name (gst_value_get_structure (o), "rtmp-object"));
    return g_strcmp0 (gst_structure_get_string (user, "argument-0"), "secret") == 0;
  };
  g_signal_connect (s.element, "connect-request", G_CALLBACK (decide), nullptr);
  s.play ();
  RtmpClient good (s.port ()), bad (s.port ()), none (s.port ());
  fail_unless_equals_string (
      good.connect ("live", {"secret"}).c_str (), "NetConnection.Connect.Success");
  fail_unless_equals_string (
      bad.connect ("live", {"guess"}).c_str (), "NetConnection.Connect.Rejected");
  fail_unless (bad.closed ());
  fail_unless_equals_string (none.connect ("other").c_str (), "NetConnection.Connect.InvalidApp");
  fail_unless (none.closed ());
  fail_unless_equals_uint64 (s.stat ("rejected"), 2);
}
GST_END_TEST

// Publish.Start does not come before the decision.
GST_START_TEST (test_publish_refused)
{
  RtmpSource s;
  g_signal_connect (s.element, "publish-request",
      G_CALLBACK (+[] (GstElement *, GstStructure *, GstStructure *r, gpointer) -> gboolean {
        return g_strcmp0 (gst_structure_get_string (r, "query"), "token=1") == 0;
      }),
      nullptr);
  s.set ("stream-key", "cam");
  s.play ();
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless_equals_string (c.publish ("cam").c_str (), "NetStream.Publish.Denied");
  fail_unless_equals_string (c.publish ("cam2?token=1").c_str (), "NetStream.Publish.Denied");
  fail_unless_equals_string (c.publish ("cam?token=1").c_str (), "NetStream.Publish.Start");
}
GST_END_TEST

// The element that has the name decides, whoever has claimed the connection.
GST_START_TEST (test_decision_of_another_element)
{
  RtmpSource claims, other;
  claims.set ("stream-key", "a");
  claims.play ();
  other.set ("stream-key", "b", "port", claims.port ());
  g_signal_connect (other.element, "publish-request",
      G_CALLBACK (+[] (GstElement *e, GstStructure *c, GstStructure *r, gpointer) -> gboolean {
        gboolean known = FALSE;
        g_signal_emit_by_name (e, "set-connection-property", id_of (c), "k", "v", &known);
        return known && g_strcmp0 (gst_structure_get_string (r, "query"), "yes") == 0;
      }),
      nullptr);
  other.play ();
  RtmpClient c (claims.port ());
  c.connect ();
  fail_unless_equals_string (c.publish ("b?no").c_str (), "NetStream.Publish.Denied");
  fail_unless_equals_string (c.publish ("b?yes").c_str (), "NetStream.Publish.Start");
  fail_unless_equals_uint64 (other.stat ("publishers"), 1);
}
GST_END_TEST

GST_START_TEST (test_deferred)
{
  RtmpSource s;
  gst_util_set_object_arg (G_OBJECT (s.element), "deferred-requests", "connect+call");
  s.play ();
  RtmpClient c (s.port ());
  std::thread app ([&s] {
    for (const char *name : {"rtmp-connect-request", "rtmp-remote-call"}) {
      const auto m = wait_element_message (s.pipeline, name);
      fail_unless (m != nullptr, "%s", name);
      guint64 request = 0;
      gst_structure_get_uint64 (gst_message_get_structure (m.get ()), "request", &request);
      GstStructure *reply = gst_structure_new ("r", "answer", G_TYPE_INT, 42, nullptr);
      gboolean ok = FALSE;
      g_signal_emit_by_name (s.element, "respond", request, TRUE, reply, &ok);
      fail_unless (ok);
      g_signal_emit_by_name (s.element, "respond", request, TRUE, reply, &ok);
      fail_if (ok); // once only
      gst_structure_free (reply);
    }
  });
  fail_unless_equals_string (c.connect ().c_str (), "NetConnection.Connect.Success");
  fail_unless (c.command (0, {"anything", 7.0, rtmp::Null{}, "x"}));
  const Values v = c.expect ("_result");
  fail_unless (v.size () > 3 && v[1] == Value (7.0) && v[3]["answer"] == Value (42.0));
  app.join ();
}
GST_END_TEST

GST_START_TEST (test_remote_call)
{
  RtmpSource s;
  Lambda move = [] (const GstStructure *, const GstStructure *a) {
    double x = 0;
    gst_structure_get_double (a, "argument-0", &x);
    return x < 0 ? nullptr : gst_structure_new ("reply", "x", G_TYPE_DOUBLE, 2 * x, nullptr);
  };
  g_signal_connect (s.element, "remote-call::move", G_CALLBACK (on_call), &move);
  s.play ();
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless (c.command (0, {"move", 5.0, rtmp::Null{}, 21.0}));
  Values v = c.expect ("_result");
  fail_unless (v.size () > 3 && v[3]["x"] == Value (42.0));
  fail_unless (c.command (0, {"move", 6.0, rtmp::Null{}, -1.0}));
  fail_unless (!c.expect ("_error").empty ());
  // A name that no handler has is no quark afterwards.
  fail_unless (c.command (0, {"no-such-procedure-here", 7.0, rtmp::Null{}}));
  v = c.expect ("_error");
  fail_unless (v.size () > 1 && v[1] == Value (7.0));
  fail_unless (g_quark_try_string ("no-such-procedure-here") == 0);
}
GST_END_TEST

// A handler that takes its time holds up neither another connection nor media.
GST_START_TEST (test_handler_blocks)
{
  RtmpSource s;
  Watched<bool> entered, release;
  Lambda wait = [&] (const GstStructure *, const GstStructure *) -> GstStructure * {
    entered.set (true);
    fail_unless (release.wait ([] (bool b) { return b; }));
    return gst_structure_new_empty ("late");
  };
  Lambda quick = [] (const GstStructure *, const GstStructure *) {
    return gst_structure_new_empty ("at-once");
  };
  g_signal_connect (s.element, "remote-call::wait", G_CALLBACK (on_call), &wait);
  g_signal_connect (s.element, "remote-call::quick", G_CALLBACK (on_call), &quick);
  s.play ();
  RtmpClient slow (s.port ()), other (s.port ());
  slow.connect ();
  other.connect ();
  fail_unless (slow.command (0, {"wait", 5.0, rtmp::Null{}}));
  fail_unless (entered.wait ([] (bool b) { return b; }));
  fail_unless (other.command (0, {"quick", 5.0, rtmp::Null{}}));
  fail_unless (!other.expect ("_result").empty ());
  const FlvFile file;
  Program publisher (file.ffmpeg (s.url ()));
  fail_unless (s.wait_eos (3));
  check_same (s.pads.get ().at ("video_0"), file.frames (true));
  release.set (true);
  fail_unless (!slow.expect ("_result").empty ());
}
GST_END_TEST

GST_START_TEST (test_actions)
{
  RtmpSource s;
  s.play ();
  RtmpClient c (s.port ());
  c.connect ("live", {}, {{"capsEx", 1.0}});
  const guint64 id = only_connection (s);
  gboolean ok = FALSE;

  GstPromise *promise = gst_promise_new ();
  GstStructure *arguments = gst_structure_new ("a", "argument-0", G_TYPE_STRING, "hello", nullptr);
  g_signal_emit_by_name (s.element, "call", id, "show", arguments, promise, &ok);
  gst_structure_free (arguments);
  fail_unless (ok);
  Values v = c.expect ("show");
  fail_unless (v.size () > 3 && v[3] == Value ("hello"));
  c.command (0, {"_result", v[1], rtmp::Null{}, 5.0});
  fail_unless_equals_int (gst_promise_wait (promise), GST_PROMISE_RESULT_REPLIED);
  double answer = 0;
  const GstStructure *reply = gst_promise_get_reply (promise);
  fail_unless (gst_structure_get_double (reply, "argument-0", &answer) && answer == 5);
  gst_promise_unref (promise);

  g_signal_emit_by_name (s.element, "send-status", id, 0u, "My.Code", "words", FALSE, &ok);
  fail_unless (ok);
  fail_unless_equals_string (c.expect_status ().c_str (), "My.Code");

  g_signal_emit_by_name (s.element, "set-connection-property", id, "user_key", "value", &ok);
  fail_unless (ok);
  gchar *value = nullptr;
  g_signal_emit_by_name (s.element, "get-connection-property", id, "user_key", &value);
  fail_unless_equals_string (value, "value");
  g_free (value);
  g_signal_emit_by_name (s.element, "set-connection-property", id + 1, "k", "v", &ok);
  fail_if (ok);

  g_signal_emit_by_name (s.element, "redirect", id, "rtmp://127.0.0.1:1/live", &ok);
  fail_unless (ok);
  v = c.expect ("onStatus");
  fail_unless_equals_string (
      std::string (v[3]["code"].string ()).c_str (), "NetConnection.Connect.ReconnectRequest");
  fail_unless (v[3]["tcUrl"] == Value ("rtmp://127.0.0.1:1/live"));

  g_signal_emit_by_name (s.element, "disconnect", id, "enough", &ok);
  fail_unless (ok);
  fail_unless_equals_string (c.expect_status ().c_str (), "NetConnection.Connect.Closed");
  fail_unless (c.closed ());
  const auto m = wait_element_message (s.pipeline, "rtmp-connection-closed");
  fail_unless (m != nullptr);
  fail_unless_equals_string (
      gst_structure_get_string (gst_message_get_structure (m.get ()), "cause"), "local");
  g_signal_emit_by_name (s.element, "disconnect", id, "again", &ok);
  fail_if (ok);
}
GST_END_TEST

// A ghost publisher: its connection looks alive and says nothing more.
GST_START_TEST (test_on_duplicate)
{
  RtmpSource s;
  gst_util_set_object_arg (G_OBJECT (s.element), "on-duplicate", __i__ ? "replace" : "reject");
  s.set ("stream-key", "cam");
  s.play ();
  RtmpClient ghost (s.port ()), next (s.port ());
  ghost.connect ();
  fail_unless_equals_string (ghost.publish ("cam").c_str (), "NetStream.Publish.Start");
  next.connect ();
  const std::string code = next.publish ("cam");
  if (__i__ == 0) {
    fail_unless_equals_string (code.c_str (), "NetStream.Publish.BadName");
    fail_unless (iterate_until ([&s] { // until it has been silent for long
      RtmpClient again (s.port ());
      again.connect ();
      return again.publish ("cam") == "NetStream.Publish.Start";
    }));
  } else {
    fail_unless_equals_string (code.c_str (), "NetStream.Publish.Start");
  }
  fail_unless_equals_string (ghost.expect_status ().c_str (), "NetStream.Publish.BadName");
  fail_unless (ghost.closed ());
  fail_unless_equals_uint64 (s.stat ("replaced"), 1);
}
GST_END_TEST

static Suite *rtmp_commands_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_commands");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_connect_request);
  tcase_add_test (tc, test_publish_refused);
  tcase_add_test (tc, test_decision_of_another_element);
  tcase_add_test (tc, test_deferred);
  tcase_add_test (tc, test_remote_call);
  tcase_add_test (tc, test_handler_blocks);
  tcase_add_test (tc, test_actions);
  tcase_add_loop_test (tc, test_on_duplicate, 0, 2);
  return s;
}

GST_CHECK_MAIN (rtmp_commands)
