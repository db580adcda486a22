// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer calls rtcpeer, by a signalling server and by an application's code.
#include "rtc_call.h"
#include <ctime>

using namespace reach;
using namespace reach::test;

namespace {
std::string peer (const std::string &more)
{
  return "rtcpeer name=peer " + more + " ";
}
std::string by (const SignallingServer &s)
{
  return "signalling-uri=" + s.uri ("garden");
}
} // namespace

GST_START_TEST (test_by_server_both_ways)
{
  SignallingServer server;
  Caller a (peer (by (server)) + small_h264 + " ! peer.video_0  " + small_audio +
            " ! opusenc ! peer.audio_0");
  Caller b (
      peer (by (server)) + small_video + " ! peer.video_0  " + small_audio + " ! peer.audio_0");
  a.play ();
  b.play ();
  for (Caller *c : {&a, &b}) {
    fail_unless (c->wait_media ("video/x-raw", 30));
    fail_unless (c->wait_media ("audio/x-raw", 30));
    fail_unless_equals_int (c->tracks.get ().size (), 2);
  }
}
GST_END_TEST

// Who comes again finds the pads of the other side as they were.
GST_START_TEST (test_comes_again)
{
  SignallingServer server;
  Caller viewer (peer (by (server)));
  viewer.play ();
  for (int i = 0; i < 3; i++) {
    Caller camera (peer (by (server)) + small_h264 + " ! peer.video_0");
    camera.play ();
    fail_unless (viewer.wait_media ("video/x-raw", 15), "call %d", i);
  }
  const auto tracks = viewer.tracks.get ();
  fail_unless_equals_int (tracks.size (), 1);
  fail_unless (!tracks[0].gone);
}
GST_END_TEST

GST_START_TEST (test_by_application)
{
  Caller a (peer ("") + small_h264 + " ! peer.video_0"),
      b (peer ("") + small_audio + " ! peer.audio_0");
  Wiring w (a, b);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  fail_unless_equals_int (a.needed.get (), 1);
  fail_unless_equals_int (
      a.get<GstWebRTCSignalingState> ("signaling-state"), GST_WEBRTC_SIGNALING_STATE_STABLE);
  fail_unless_equals_int (a.get<GstWebRTCPeerConnectionState> ("connection-state"),
      GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED);
}
GST_END_TEST

// NULL in each state of a call, and again.
GST_START_TEST (test_cycles)
{
  SignallingServer server;
  Caller a (peer (by (server)) + small_h264 + " ! peer.video_0");
  for (int i = 0; i < 5; i++) {
    Caller b (peer (by (server)));
    a.play ();
    b.play ();
    if (i % 2 == 0)
      fail_unless (b.wait_media ("video/x-raw", 5));
    const gint64 begin = g_get_monotonic_time ();
    a.end ();
    b.end ();
    fail_unless (g_get_monotonic_time () - begin < 3 * G_USEC_PER_SEC);
  }
}
GST_END_TEST

// What a receiver still had to tell a peer that has closed does not keep it awake.
GST_START_TEST (test_closed_is_idle)
{
  Caller a (peer ("") + small_h264 + " ! peer.video_0"), b (peer (""));
  Wiring w (a, b);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  a.end ();
  fail_unless (iterate_until ([&] {
    return b.get<GstWebRTCPeerConnectionState> ("connection-state") ==
           GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED;
  }));
  const auto cpu = [] {
    timespec t{};
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double> (t.tv_sec) * 1e3 + static_cast<double> (t.tv_nsec) * 1e-6;
  };
  const double before = cpu ();
  iterate_until ([] { return false; }, nullptr, milliseconds (500));
  fail_unless (cpu () - before < 150, "%.0f ms of CPU in half a second", cpu () - before);
}
GST_END_TEST

// The application has the last word on who is answered.
GST_START_TEST (test_binding_requests)
{
  struct Asked {
    unsigned refused = 0, accepted = 0;
    bool open = false;
  };
  SignallingServer server;
  Caller viewer (peer (by (server)));
  Watched<Asked> asked;
  g_signal_connect (viewer.peer, "binding-request",
      G_CALLBACK (+[] (GstElement *, const char *address, gpointer a) -> gboolean {
        fail_unless (address && strchr (address, ':'));
        bool open = false;
        static_cast<Watched<Asked> *> (a)->update ([&] (Asked &x) {
          open = x.open;
          (open ? x.accepted : x.refused)++;
        });
        return open;
      }),
      &asked);
  Caller camera (peer (by (server)) + small_h264 + " ! peer.video_0");
  viewer.play ();
  camera.play ();
  fail_unless (asked.wait ([] (const Asked &a) { return a.refused >= 5; }));
  fail_unless_equals_int (viewer.decoded ("video/x-raw"), 0);
  asked.update ([] (Asked &a) { a.open = true; });
  fail_unless (viewer.wait_media ("video/x-raw", 15));
  fail_unless (asked.get ().accepted > 0);
}
GST_END_TEST

static Suite *rtc_call_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_call");
  TCase *tc = tcase_create ("call");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_by_server_both_ways);
  tcase_add_test (tc, test_comes_again);
  tcase_add_test (tc, test_by_application);
  tcase_add_test (tc, test_cycles);
  tcase_add_test (tc, test_closed_is_idle);
  tcase_add_test (tc, test_binding_requests);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_call)
