// SPDX-License-Identifier: LGPL-2.1-or-later
// What get-stats says of a call whose packets were counted on their way.
#include "rtc_network.h"
#include <cmath>

using namespace reach;
using namespace reach::test;

namespace {
// What get-stats replies at one moment.
class Snapshot {
public:
  explicit Snapshot (GstElement *peer) : promise_ (gst_promise_new ())
  {
    g_signal_emit_by_name (peer, "get-stats", nullptr, promise_);
    fail_unless (gst_promise_wait (promise_) == GST_PROMISE_RESULT_REPLIED);
  }
  ~Snapshot () { gst_promise_unref (promise_); }
  Snapshot (const Snapshot &) = delete;
  Snapshot &operator= (const Snapshot &) = delete;

  // Of the object of this type and kind of media.
  double value (const char *type, const char *kind, const char *name) const
  {
    const GstStructure *all = gst_promise_get_reply (promise_);
    for (int i = 0; i < gst_structure_n_fields (all); i++) {
      const GValue *v =
          gst_structure_get_value (all, gst_structure_nth_field_name (all, static_cast<guint> (i)));
      const GstStructure *s = GST_VALUE_HOLDS_STRUCTURE (v) ? gst_value_get_structure (v) : nullptr;
      if (!s || !gst_structure_has_name (s, type) ||
          g_strcmp0 (gst_structure_get_string (s, "kind"), kind) != 0)
        continue;
      const GValue *field = gst_structure_get_value (s, name);
      fail_unless (field != nullptr, "%s of %s has no %s", type, kind, name);
      GValue number = G_VALUE_INIT;
      g_value_init (&number, G_TYPE_DOUBLE);
      fail_unless (g_value_transform (field, &number));
      return g_value_get_double (&number);
    }
    fail_unless (false, "no %s of %s", type, kind);
    return 0;
  }

private:
  GstPromise *promise_;
};
} // namespace

// Lost packets are sent again, so that frames wait for them in the jitter buffer.
GST_START_TEST (test_streams)
{
  Caller a ("rtcpeer name=peer " + small_h264 + " ! peer.video_0  " + small_audio +
            " ! opusenc ! peer.audio_0"),
      b ("rtcpeer name=peer latency=300");
  impair::Profile bad;
  bad.loss = 5;
  bad.delay = milliseconds (20);
  BadNetwork network (bad);
  Wiring w (a, b);
  network.carry (w);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 90) && b.wait_media ("audio/x-raw", 15), "%s",
      w.fault.get ().c_str ());
  // Reports come each second or so.
  fail_unless (iterate_until (
      [&] { return greatest_of_stats (a.peer, "round-trip-time-measurements") >= 1; }));
  fail_unless (iterate_until ([&] { return greatest_of_stats (b.peer, "reports-sent") >= 1; }));
  const Snapshot sent (a.peer), got (b.peer);
  for (const char *kind : {"video", "audio"}) {
    const double n = sent.value ("outbound-rtp", kind, "packets-sent"),
                 headers = sent.value ("outbound-rtp", kind, "header-bytes-sent") / n,
                 m = got.value ("inbound-rtp", kind, "packets-received"),
                 received = got.value ("inbound-rtp", kind, "header-bytes-received") / m;
    g_print ("%s: header bytes of each packet %.1f sent, %.1f received\n", kind, headers, received);
    // With the extensions of BUNDLE and congestion control; SRTP's tag is none of them.
    fail_unless (headers > 12 && headers < 50 && received > 12 && received < 50);
    fail_unless (std::abs (headers - received) < 4);
    fail_unless (got.value ("remote-outbound-rtp", kind, "packets-sent") > 0);
    fail_unless (got.value ("remote-outbound-rtp", kind, "bytes-sent") > 0);
    const double rtt = sent.value ("remote-inbound-rtp", kind, "total-round-trip-time") /
                       sent.value ("remote-inbound-rtp", kind, "round-trip-time-measurements");
    fail_unless (rtt > 0.035 && rtt < 2, "%g", rtt); // NaN: not yet of this one
  }
  const double frames = got.value ("inbound-rtp", "video", "jitter-buffer-emitted-count"),
               waited = got.value ("inbound-rtp", "video", "jitter-buffer-delay"),
               target = got.value ("inbound-rtp", "video", "jitter-buffer-target-delay"),
               samples = got.value ("inbound-rtp", "audio", "jitter-buffer-emitted-count");
  g_print ("%.0f frames waited for %.1f ms each, %.0f samples\n", frames, waited / frames * 1000,
      samples);
  const double packets = got.value ("inbound-rtp", "video", "packets-received") +
                         got.value ("inbound-rtp", "video", "packets-repaired");
  // One counts when the next begins to leave the buffer.
  fail_unless (frames >= 90 - 1 && frames <= packets, "of %g packets", packets);
  fail_unless (waited > 0.04 && waited / frames < 0.3); // one round trip at least
  fail_unless (std::abs (target / frames - 0.3) < 0.001);
  fail_unless (samples >= 960 * 15 && std::fmod (samples, 120) == 0);
}
GST_END_TEST

static Suite *rtc_statistics_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_statistics");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_streams);
  return s;
}

GST_CHECK_MAIN (rtc_statistics)
