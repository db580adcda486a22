// SPDX-License-Identifier: LGPL-2.1-or-later
// Applications that do in handlers of rtcpeer what they had better not, or from many threads.
#include "rtc_call.h"
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
std::string peer (const SignallingServer &s)
{
  return "rtcpeer name=peer signalling-uri=" + s.uri ("garden") + " ";
}

// The handler of `signal` stops the pipeline that it is told of.
class Stopper {
public:
  Stopper (Caller &c, const char *signal) : c_ (c)
  {
    GClosure *closure = g_closure_new_simple (sizeof (GClosure), nullptr);
    g_closure_ref (closure);
    g_closure_sink (closure);
    closure->data = this;
    g_closure_set_marshal (
        closure, [] (GClosure *me, GValue *result, guint, const GValue *, gpointer, gpointer) {
          static_cast<Stopper *> (me->data)->stop ();
          if (result && G_VALUE_HOLDS_BOOLEAN (result))
            g_value_set_boolean (result, TRUE);
        });
    id_ = g_signal_connect_closure (c.peer, signal, closure, FALSE);
    g_closure_unref (closure);
  }
  ~Stopper () { g_signal_handler_disconnect (c_.peer, id_); }
  Watched<unsigned> stopped;

private:
  void stop ()
  {
    c_.end ();
    stopped.update ([] (unsigned &n) { n++; });
  }
  Caller &c_;
  gulong id_ = 0;
};
} // namespace

GST_START_TEST (test_stopped_in_a_handler)
{
  for (const char *signal :
      {"peer-added", "pad-added", "connected", "pair-nominated", "local-candidate",
          "remote-candidate", "accept-pair", "local-description", "peer-left"}) {
    SignallingServer server;
    Caller camera (peer (server) + small_h264 + " ! peer.video_0");
    auto other = std::make_unique<Caller> (peer (server) + small_h264 + " ! peer.video_0");
    Stopper s (camera, signal);
    camera.play ();
    other->play ();
    if (g_str_equal (signal, "peer-left")) {
      fail_unless (other->wait_media ("video/x-raw", 5));
      other.reset ();
    }
    fail_unless (s.stopped.wait ([] (unsigned n) { return n > 0; }), "%s", signal);
    fail_unless (camera.pipeline && GST_STATE (camera.pipeline) == GST_STATE_NULL, "%s", signal);
  }
}
GST_END_TEST

// Pads are requested and released where pads are told of, and from other threads.
GST_START_TEST (test_pads_in_a_handler)
{
  SignallingServer server;
  Caller camera (peer (server) + small_h264 + " ! peer.video_0"),
      other (peer (server) + small_h264 + " ! peer.video_0");
  Watched<unsigned> done;
  const gulong id = g_signal_connect (camera.peer, "pad-added",
      G_CALLBACK (+[] (GstElement *e, GstPad *pad, gpointer n) {
        if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
          return;
        for (const char *templ : {"video_%u", "audio_%u", "data_%u"}) {
          GstPad *p = gst_element_request_pad_simple (e, templ);
          gst_element_release_request_pad (e, p);
          gst_object_unref (p);
        }
        static_cast<Watched<unsigned> *> (n)->update ([] (unsigned &v) { v++; });
      }),
      &done);
  camera.play ();
  other.play ();
  fail_unless (done.wait ([] (unsigned n) { return n > 0; }));
  fail_unless (other.wait_media ("video/x-raw", 15));
  fail_unless (camera.wait_media ("video/x-raw", 15));
  g_signal_handler_disconnect (camera.peer, id);
}
GST_END_TEST

// Everything at once, and the state goes up and down meanwhile.
GST_START_TEST (test_many_threads)
{
  SignallingServer server;
  for (const std::string &line : {std::string ("rtcpeer name=peer "), peer (server)}) {
    Caller c (line + small_h264 + " ! peer.video_0");
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
      threads.emplace_back ([&, t] {
        for (unsigned i = 0; !stop; i++) {
          GstPromise *p = gst_promise_new ();
          constexpr const char *actions[] = {"create-offer", "create-answer"};
          if (t % 2) {
            g_signal_emit_by_name (c.peer, actions[i % 2], nullptr, p);
          } else {
            g_signal_emit_by_name (c.peer, "get-stats", nullptr, p);
            g_signal_emit_by_name (c.peer, "restart-ice");
            g_signal_emit_by_name (c.peer, "add-ice-candidate", 0u, "nonsense");
            g_signal_emit_by_name (c.peer, "set-local-description", nullptr, nullptr);
            GstWebRTCDataChannel *channel = nullptr;
            g_signal_emit_by_name (c.peer, "create-data-channel", "x", nullptr, &channel);
            if (channel)
              gst_object_unref (channel);
          }
          fail_unless (gst_promise_wait (p) != GST_PROMISE_RESULT_PENDING);
          gst_promise_unref (p);
        }
      });
    for (int i = 0; i < 10; i++) {
      c.play ();
      fail_unless (
          gst_element_get_state (c.pipeline, nullptr, nullptr, 0) != GST_STATE_CHANGE_FAILURE);
      c.end ();
    }
    stop = true;
    for (std::thread &t : threads)
      t.join ();
  }
}
GST_END_TEST

// A handler that hangs holds up what is told after it, and no state change.
GST_START_TEST (test_handler_hangs)
{
  SignallingServer server;
  Caller camera (peer (server) + small_h264 + " ! peer.video_0"),
      other (peer (server) + small_h264 + " ! peer.video_0");
  struct Gate {
    Watched<bool> inside, open;
  } gate;
  const gulong id = g_signal_connect (camera.peer, "peer-added",
      G_CALLBACK (+[] (GstElement *, GstStructure *, gpointer g) {
        static_cast<Gate *> (g)->inside.set (true);
        static_cast<Gate *> (g)->open.wait ([] (bool b) { return b; });
      }),
      &gate);
  camera.play ();
  other.play ();
  fail_unless (gate.inside.wait ([] (bool b) { return b; }));
  const gint64 begin = g_get_monotonic_time ();
  camera.end ();
  fail_unless (g_get_monotonic_time () - begin < G_USEC_PER_SEC);
  gate.open.set (true);
  g_signal_handler_disconnect (camera.peer, id);
}
GST_END_TEST

// A server that cannot be used is an ERROR that says what to do, and nothing that is secret.
GST_START_TEST (test_ice_servers)
{
  struct Case {
    const char *servers, *text;
  };
  for (const Case &c : {Case{"turn:1796056624:me:secret@192.0.2.1", "%3A"},
           Case{"turn:user:se/cret@192.0.2.1", "%2F"}, Case{"turn:192.0.2.1", "needs a user name"},
           Case{"turn:user@192.0.2.1", "needs a user name"}, Case{"https://192.0.2.1", "RFC 7064"},
           Case{"stun:192.0.2.1, turn:user:secret@192.0.2.1:0x", "RFC 7064"}})
    for (const char *element : {"rtcpeer", "rtcpool"}) {
      Caller caller (std::string (element) + " name=peer");
      g_object_set (caller.peer, "ice-servers", c.servers, nullptr);
      fail_unless_equals_int (
          gst_element_set_state (caller.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
      const auto m = wait_message (caller.pipeline, GST_MESSAGE_ERROR);
      fail_unless (m != nullptr);
      GError *e = nullptr;
      gchar *debug = nullptr;
      gst_message_parse_error (m.get (), &e, &debug);
      const ErrorPtr owned (e);
      const CharPtr more (debug);
      const std::string said = std::string (e->message) + debug;
      fail_unless (said.find (c.text) != std::string::npos, "%s: %s", c.servers, said.c_str ());
      fail_unless (
          said.find ("secret") == std::string::npos && said.find ("cret") == std::string::npos,
          "%s", said.c_str ());
      g_object_set (caller.peer, "ice-servers", "turn:1796056624%3Ame:p%2Fq@192.0.2.1", nullptr);
      fail_unless (
          gst_element_set_state (caller.pipeline, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE);
    }
}
GST_END_TEST

static Suite *rtc_misuse_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_misuse");
  TCase *tc = tcase_create ("application");
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, test_stopped_in_a_handler);
  tcase_add_test (tc, test_ice_servers);
  tcase_add_test (tc, test_pads_in_a_handler);
  tcase_add_test (tc, test_many_threads);
  tcase_add_test (tc, test_handler_hangs);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_misuse)
