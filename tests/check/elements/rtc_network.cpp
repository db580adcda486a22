// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls over networks that lose, repeat and reorder packets, or become narrow.
#include "rtc_network.h"

using namespace reach;
using namespace reach::test;

namespace {
const std::string video = "videotestsrc is-live=true pattern=ball ! "
                          "video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! x264enc "
                          "name=enc tune=zerolatency speed-preset=ultrafast bitrate=800 "
                          "key-int-max=300 ! video/x-h264,profile=constrained-baseline";

// Of the medium, since the object was made.
struct Window {
  Caller &receiver;
  std::string media;
  unsigned before = 0;
  Window (Caller &c, const char *m) : receiver (c), media (m)
  {
    before = c.decoded (media);
    c.tracks.update ([&] (auto &all) {
      for (auto &t : all)
        t.longest = 0;
    });
  }
  unsigned frames () const { return receiver.decoded (media) - before; }
  milliseconds longest () const // pause
  {
    gint64 us = 0;
    for (const auto &t : receiver.tracks.get ())
      if (t.media == media)
        us = std::max ({us, t.longest, g_get_monotonic_time () - t.last});
    return milliseconds (us / 1000);
  }
};

unsigned wanted (unsigned plain)
{
  return g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0 ? plain / 3 : plain;
}
} // namespace

// 5 % lost, and some packets twice or late, in both directions: what was lost is sent again, and
// nobody sees it.
GST_START_TEST (test_loss)
{
  Caller a ("rtcpeer name=peer " + video + " ! peer.video_0  " + small_audio +
            " ! opusenc ! peer.audio_0"),
      b ("rtcpeer name=peer");
  impair::Profile bad;
  bad.loss = 5;
  bad.reorder = bad.duplicate = 2;
  bad.delay = milliseconds (15);
  BadNetwork network (bad);
  Wiring w (a, b);
  network.carry (w);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15) && b.wait_media ("audio/x-raw", 15), "%s",
      w.fault.get ().c_str ());
  const Sent pictures (a, "video_0"), sounds (a, "audio_0");
  const Window seen (b, "video/x-raw"), heard (b, "audio/x-raw");
  fail_unless (iterate_until ([&] { return pictures.count () >= wanted (150); }));
  const unsigned n_pictures = pictures.count (), n_sounds = sounds.count ();
  const auto lost = network.proxy ().total (true).lost;
  g_print (
      "%u of %u pictures, %u of %u sounds, longest pause %d, %d ms; %u packets lost, %u asked for, "
      "%u sent again, %u repaired\n",
      seen.frames (), n_pictures, heard.frames (), n_sounds,
      static_cast<int> (seen.longest ().count ()), static_cast<int> (heard.longest ().count ()),
      static_cast<unsigned> (lost), static_cast<unsigned> (sum_of_stats (a.peer, "nack-count")),
      static_cast<unsigned> (sum_of_stats (a.peer, "retransmitted-packets-sent")),
      static_cast<unsigned> (sum_of_stats (b.peer, "packets-repaired")));
  // What is on its way to the decoder, some 200 ms, is not lost.
  fail_unless (seen.frames () + 8 >= n_pictures * 95 / 100);
  fail_unless (heard.frames () + 12 >= n_sounds * 90 / 100);
  fail_unless (seen.longest () < milliseconds (1000));
  fail_unless (lost >= n_pictures / 20);
  fail_unless (sum_of_stats (a.peer, "nack-count") > 0);
  fail_unless (sum_of_stats (a.peer, "retransmitted-packets-sent") > 0);
  fail_unless (sum_of_stats (b.peer, "packets-repaired") > 0);
}
GST_END_TEST

// With parity packets most of what is lost is there again without asking.
GST_START_TEST (test_fec)
{
  Caller a ("rtcpeer name=peer " + video + " ! peer.video_0"), b ("rtcpeer name=peer");
  g_signal_connect (a.peer, "on-new-transceiver",
      G_CALLBACK (+[] (GstElement *, GstWebRTCRTPTransceiver *t, gpointer) {
        g_object_set (t, "fec-type", GST_WEBRTC_FEC_TYPE_ULP_RED, "fec-percentage", 100u, nullptr);
      }),
      nullptr);
  impair::Profile bad;
  bad.loss = 5;
  bad.delay = milliseconds (15);
  BadNetwork network (bad);
  Wiring w (a, b);
  network.carry (w);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  const Sent pictures (a, "video_0");
  const Window seen (b, "video/x-raw");
  fail_unless (iterate_until ([&] { return pictures.count () >= wanted (150); }));
  const auto recovered = sum_of_stats (b.peer, "fec-packets-received");
  const auto again = sum_of_stats (b.peer, "packets-repaired");
  g_print ("%u of %u pictures; %u packets lost, %u there by parity, %u sent again\n",
      seen.frames (), pictures.count (), static_cast<unsigned> (network.proxy ().total (true).lost),
      static_cast<unsigned> (recovered), static_cast<unsigned> (again));
  fail_unless (seen.frames () + 8 >= wanted (150) * 95 / 100);
  fail_unless (recovered > 0);
}
GST_END_TEST

// A tenth of all packets lost ends no call: never is it silent for as little as a second, so not
// for the 30 s of the default either, nor does libnice give the pair up.
GST_START_TEST (test_heavy_loss)
{
  Caller a ("rtcpeer name=peer silence-timeout=1000 " + video + " ! peer.video_0"),
      b ("rtcpeer name=peer silence-timeout=1000");
  impair::Profile bad;
  bad.loss = 10;
  BadNetwork network (bad);
  Wiring w (a, b);
  network.carry (w);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  std::atomic<unsigned> changes{0};
  for (Caller *c : {&a, &b})
    g_signal_connect (c->peer, "notify::connection-state",
        G_CALLBACK (+[] (GObject *, GParamSpec *, gpointer n) {
          (*static_cast<std::atomic<unsigned> *> (n))++;
        }),
        &changes);
  fail_unless (b.wait_media ("video/x-raw", wanted (100)));
  fail_unless_equals_int (changes, 0);
  for (Caller *c : {&a, &b}) {
    fail_unless_equals_int (c->get<GstWebRTCPeerConnectionState> ("connection-state"),
        GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED);
    g_signal_handlers_disconnect_by_data (c->peer, &changes);
  }
  fail_unless_equals_int (a.needed.get (), 1);
}
GST_END_TEST

namespace {
// Of a line of so many bit/s with room for 200 ms.
impair::Profile line (std::uint64_t rate)
{
  impair::Profile p;
  p.rate = rate;
  p.queue = rate / 8 / 5;
  p.delay = milliseconds (15);
  return p;
}

guint encoder_rate (Caller &c) // bit/s
{
  const auto e = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (c.pipeline), "enc"));
  guint kbit = 0;
  g_object_get (e.get (), "bitrate", &kbit, nullptr);
  return kbit * 1000;
}
} // namespace

// 4 → 1 → 4 Mbit/s: estimate and encoder follow within 5 s each way.
GST_START_TEST (test_rate)
{
  Caller a ("rtcpeer name=peer adapt-bitrate=true start-bitrate=2000000 max-bitrate=6000000 "
            "videotestsrc is-live=true pattern=snow ! "
            "video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! x264enc name=enc "
            "tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max=300 "
            "vbv-buf-capacity=100 ! video/x-h264,profile=constrained-baseline ! peer.video_0"),
      b ("rtcpeer name=peer");
  BadNetwork network (line (4'000'000));
  Wiring w (a, b);
  network.carry (w);
  b.play ();
  a.play ();
  fail_unless (b.wait_media ("video/x-raw", 15), "%s", w.fault.get ().c_str ());
  const auto reaches = [&] (guint least, guint most, milliseconds within) {
    return iterate_until (
        [&] {
          const guint estimate = a.get<guint> ("estimated-bitrate"), set = encoder_rate (a);
          return estimate >= least && estimate <= most && set >= least * 9 / 10 && set <= most;
        },
        nullptr, within);
  };
  const auto estimate = [&] { return a.get<guint> ("estimated-bitrate"); };
  const auto dropped = [&] { return network.proxy ().total (true).queue_dropped; };
  fail_unless (reaches (2'800'000, 4'200'000, milliseconds (10000)), "starts with %u", estimate ());

  network.proxy ().set_profile (line (1'000'000));
  fail_unless (reaches (300'000, 1'000'000, milliseconds (5000)), "falls to %u", estimate ());
  // The queue is empty again soon: nothing is late, nothing is lost, pictures come as they are
  // made.
  fail_unless (b.wait_media ("video/x-raw", 15));
  const auto lost = dropped ();
  const Sent pictures (a, "video_0");
  const Window seen (b, "video/x-raw");
  fail_unless (iterate_until ([&] { return pictures.count () >= 60; }));
  fail_unless (seen.frames () + 8 >= pictures.count () * 95 / 100, "%u pictures", seen.frames ());
  fail_unless (dropped () <= lost + 20, "%u dropped", static_cast<unsigned> (dropped () - lost));
  const double rtt = greatest_of_stats (a.peer, "round-trip-time");
  fail_unless (rtt > 0.03 && rtt < 0.2, "%.3f s there and back", rtt);

  network.proxy ().set_profile (line (4'000'000));
  fail_unless (reaches (2'800'000, 4'500'000, milliseconds (5000)), "rises to %u", estimate ());
  fail_unless (b.wait_media ("video/x-raw", 15));
}
GST_END_TEST

static Suite *rtc_network_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_network");
  TCase *tc = tcase_create ("calls");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_loss);
  tcase_add_test (tc, test_fec);
  tcase_add_test (tc, test_heavy_loss);
  tcase_add_test (tc, test_rate);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_network)
