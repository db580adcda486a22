// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes along with media: when they were captured, so that sound and picture come out together,
// and how loud they are.
#include "rtc/proto/jsep_types.h"
#include "rtc/proto/rtp_packet.h"
#include "rtc_call.h"
#include <cstdlib>
#include <map>

using namespace reach;
using namespace reach::test;

namespace {
using rtc::RtpPacket;

std::string by (const SignallingServer &s)
{
  return " signalling-uri=" + s.uri ("garden") + " ";
}

GstPad *pad_of (Caller &c, const char *element, const char *pad)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (c.pipeline), element);
  fail_unless (e != nullptr);
  GstPad *p = gst_element_get_static_pad (e, pad);
  gst_object_unref (e);
  return p;
}

// When coded buffers went into the one, and come out of the other, on their common clock.
struct Times {
  std::map<std::uint64_t, gint64> in;                // by content
  std::map<std::string, std::vector<gint64>> delays; // of "audio" and "video", from capture on; ns
};

std::uint64_t content (GstBuffer *b)
{
  const Mapped m (b);
  std::uint64_t h = 14695981039346656037u;
  for (const std::uint8_t x : m.bytes ())
    h = (h ^ x) * 1099511628211u;
  return h;
}

struct Side {
  Caller *caller;
  Watched<Times> *times;
  const char *kind; // nullptr: goes in

  void watch (GstPad *pad)
  {
    gst_pad_add_probe (
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *info, gpointer p) {
          static_cast<Side *> (p)->note (GST_PAD_PROBE_INFO_BUFFER (info));
          return GST_PAD_PROBE_OK;
        },
        new Side (*this), [] (gpointer p) { delete static_cast<Side *> (p); });
  }
  void note (GstBuffer *b) const
  {
    const auto at =
        static_cast<gint64> (GST_BUFFER_PTS (b) + gst_element_get_base_time (caller->pipeline));
    times->update ([&] (Times &t) {
      if (!kind)
        t.in[content (b)] = at;
      else if (const auto in = t.in.find (content (b)); in != t.in.end ())
        t.delays[kind].push_back (at - in->second);
    });
  }
};

void on_media_pad (GstElement *, GstPad *pad, gpointer viewer)
{
  if (!GST_PAD_IS_SRC (pad))
    return;
  // Of which kind it is its stream id does not say; the first buffer's caps do.
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *p, GstPadProbeInfo *info, gpointer s) {
        auto *own = static_cast<Side *> (s);
        const auto now = Ref<GstCaps>::adopt (gst_pad_get_current_caps (p));
        if (now) {
          const char *media = gst_structure_get_name (gst_caps_get_structure (now.get (), 0));
          own->kind = g_str_has_prefix (media, "audio") ? "audio" : "video";
          own->note (GST_PAD_PROBE_INFO_BUFFER (info));
        }
        return GST_PAD_PROBE_OK;
      },
      new Side (*static_cast<Side *> (viewer)),
      [] (gpointer s) { delete static_cast<Side *> (s); });
}
} // namespace

// The picture is late by 300 ms, and its time stamps say so: what comes out agrees.
GST_START_TEST (test_lip_sync)
{
  constexpr gint64 late = 300 * GST_MSECOND, first = 100 * GST_MSECOND, limit = 20 * GST_MSECOND;
  SignallingServer server;
  Watched<Times> times;
  Caller camera (
      "rtcpeer name=peer" + by (server) + small_video +
      " ! vp8enc deadline=1 cpu-used=8 ! queue ! clocksync name=picture "
      "ts-offset=300000000 ! peer.video_0 "
      "audiotestsrc is-live=true wave=white-noise samplesperbuffer=960 ! "
      "audio/x-raw,rate=48000,channels=1 ! opusenc ! identity name=sound ! peer.audio_0");
  Caller viewer ("rtcpeer name=peer latency=50" + by (server));
  Side in{&camera, &times, nullptr}, out{&viewer, &times, nullptr};
  for (const char *name : {"picture", "sound"}) {
    GstPad *pad = pad_of (camera, name, "src");
    in.watch (pad);
    gst_object_unref (pad);
  }
  g_signal_connect (viewer.peer, "pad-added", G_CALLBACK (on_media_pad), &out);
  viewer.play ();
  camera.play ();
  const bool together = times.wait (
      [] (const Times &t) {
        const auto a = t.delays.find ("audio"), v = t.delays.find ("video");
        if (a == t.delays.end () || v == t.delays.end () || v->second.size () < 30)
          return false;
        return std::abs (a->second.back () - v->second.back ()) < limit;
      },
      milliseconds (30000));
  auto t = times.get ();
  fail_unless (!t.delays["audio"].empty () && !t.delays["video"].empty (), "%zu and %zu buffers",
      t.delays["audio"].size (), t.delays["video"].size ());
  fail_unless (together, "audio %d ms and video %d ms after their capture",
      static_cast<int> (t.delays["audio"].back () / 1000000),
      static_cast<int> (t.delays["video"].back () / 1000000));
  // It was not so by itself.
  fail_unless (t.delays["audio"].front () + first <= t.delays["video"].back () &&
                   t.delays["video"].back () >= late,
      "audio began with %d ms, video is %d ms late",
      static_cast<int> (t.delays["audio"].front () / 1000000),
      static_cast<int> (t.delays["video"].back () / 1000000));
  g_signal_handlers_disconnect_by_data (viewer.peer, &out);
}
GST_END_TEST

namespace {
using Levels = Watched<std::vector<int>>; // -dBov of packets, -1 of those that say none

void on_rtp_pad (GstElement *, GstPad *pad, gpointer levels)
{
  if (!GST_PAD_IS_SRC (pad))
    return;
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *info, gpointer to) {
        const Mapped m (GST_PAD_PROBE_INFO_BUFFER (info));
        const auto packet = RtpPacket::parse (m.bytes ());
        const auto e = packet ? packet->extension (1) : std::nullopt; // as we offer it
        static_cast<Levels *> (to)->update ([&] (std::vector<int> &all) {
          all.push_back (e && !e->empty () ? (*e)[0] & 0x7f : -1);
        });
        return GST_PAD_PROBE_OK;
      },
      levels, nullptr);
}

// -9 dB: a sine of half the full scale.
const std::string sine = "audiotestsrc is-live=true wave=sine volume=0.5 samplesperbuffer=960 ! "
                         "audio/x-raw,rate=48000,channels=1 ! ";
const char *const sources[] = {
    // raw, encoded by rtcpeer
    "",
    // encoded by the application, which measures
    "level audio-level-meta=true post-messages=false ! opusenc ! ",
    // its own RTP, by another id
    "level audio-level-meta=true post-messages=false ! opusenc ! rtpopuspay ! "
    "capsfilter name=rtp ! ",
};
} // namespace

GST_START_TEST (test_audio_level)
{
  SignallingServer server;
  Levels levels;
  Caller a ("rtcpeer name=peer" + by (server) + sine + sources[__i__] + "peer.audio_0");
  Caller b ("rtcpeer name=peer depayload=false" + by (server));
  if (GstElement *rtp = gst_bin_get_by_name (GST_BIN (a.pipeline), "rtp")) {
    const std::string caps = "application/x-rtp,extmap-5=(string)<\"\",\"" +
                             std::string (rtc::uri::audio_level) + "\",\"vad=on\">";
    gst_util_set_object_arg (G_OBJECT (rtp), "caps", caps.c_str ());
    gst_object_unref (rtp);
  }
  g_signal_connect (b.peer, "pad-added", G_CALLBACK (on_rtp_pad), &levels);
  b.play ();
  a.play ();
  const bool heard = levels.wait ([] (const std::vector<int> &all) {
    return std::ranges::count_if (all, [] (int l) { return l >= 8 && l <= 10; }) >= 10;
  });
  const auto all = levels.get ();
  fail_unless (
      heard, "of %zu packets the last says %d", all.size (), all.empty () ? -2 : all.back ());
  g_signal_handlers_disconnect_by_data (b.peer, &levels);
  b.end (); // before the probes' levels go
}
GST_END_TEST

static Suite *rtc_sync_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_sync");
  TCase *tc = tcase_create ("sync");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_lip_sync);
  tcase_add_loop_test (tc, test_audio_level, 0, static_cast<int> (G_N_ELEMENTS (sources)));
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_sync)
