// SPDX-License-Identifier: LGPL-2.1-or-later
// From raw, encoded or RTP media at a request pad to decoded media behind a src pad.
#include "rtc_pads.h"

using namespace reach;
using namespace reach::test;

namespace {
const std::string raw_video = "videotestsrc is-live=true pattern=ball ! capsfilter "
                              "caps=video/x-raw,width=160,height=120,framerate=30/1";
const std::string raw_audio = "audiotestsrc is-live=true samplesperbuffer=480 ! "
                              "capsfilter caps=audio/x-raw,rate=48000,channels=2";
const std::string h264 = raw_video + " ! x264enc name=enc tune=zerolatency speed-preset=ultrafast "
                                     "bitrate=500 key-int-max=600";
const std::string video_sink = " ! videoconvert ! fakesink name=out sync=true";
const std::string audio_sink = " ! audioconvert ! fakesink name=out sync=true";

bool contains (const std::string &text, const std::string &part)
{
  return text.find (part) != std::string::npos;
}

std::string caps_at (GstElement *sink)
{
  const auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
  const auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad.get ()));
  return caps ? CharPtr (gst_caps_to_string (caps.get ())).get () : "none";
}

// Frames have the times at which they were captured, go up, and arrive when they are to be shown.
void check_times (JoinedPads &p, GstClockTime least_apart)
{
  const auto frames = p.frames.get ();
  for (std::size_t i = 1; i < frames.size (); i++) {
    fail_unless (GST_CLOCK_TIME_IS_VALID (frames[i].pts));
    fail_unless (frames[i].pts >= frames[i - 1].pts + least_apart,
        "frame %zu: %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT, i, frames[i].pts,
        frames[i - 1].pts);
    // Encoded sound begins a little before the first sample.
    fail_unless (frames[i].arrived + 40 * GST_MSECOND >= frames[i].pts);
    fail_unless (frames[i].arrived < frames[i].pts + 5 * GST_SECOND);
  }
}

void check_latency (JoinedPads &p, GstClockTime least)
{
  GstQuery *q = gst_query_new_latency ();
  fail_unless (gst_pad_query (p.output->pad (), q));
  gboolean live = FALSE;
  GstClockTime min = 0, max = 0;
  gst_query_parse_latency (q, &live, &min, &max);
  fail_unless (live);
  fail_unless (min >= least, "latency %" G_GUINT64_FORMAT, min);
  gst_query_unref (q);
}
} // namespace

GST_START_TEST (test_h264_encoded)
{
  JoinedPads p (MediaKind::video,
      raw_video + " ! x264enc tune=zerolatency speed-preset=superfast ! "
                  "capsfilter caps=video/x-h264,profile=main",
      "avdec_h264" + video_sink, {});
  p.play ();
  fail_unless (p.wait_frames (10));
  fail_unless (contains (p.output_caps (), "video/x-h264"));
  fail_unless (contains (caps_at (p.out), "width=(int)160"));
  const auto all = p.input->preferences ();
  fail_unless_equals_int (all.size (), 2); // main, and what high's decoders take
  fail_unless (contains (all[0].fmtp, "packetization-mode=1;profile-level-id=4d"));
  fail_unless (contains (all[1].fmtp, "profile-level-id=64"));
  // A peer that has another profile, or another codec.
  NegotiatedCodec vp8{Codec{96, "VP8", 90000, 1, "", {}}, {}},
      baseline{Codec{97, "H264", 90000, 1, "packetization-mode=1;profile-level-id=42e01f", {}}, {}},
      high{Codec{98, "H264", 90000, 1, "packetization-mode=1;profile-level-id=640029", {}}, {}};
  const std::vector<NegotiatedCodec> without{vp8, baseline}, with{vp8, baseline, high};
  fail_unless (!p.input->select (without));
  fail_unless (p.input->select (with));
  check_times (p, 20 * GST_MSECOND);
  check_latency (p, 20 * GST_MSECOND);
}
GST_END_TEST

GST_START_TEST (test_h264_raw)
{
  JoinedPads p (MediaKind::video, raw_video, "avdec_h264" + video_sink, {.codec = "H264"});
  p.play ();
  fail_unless (p.wait_frames (10));
  fail_unless (contains (caps_at (p.out), "width=(int)160"));
  const Codec c = p.input->source ()->codec ();
  fail_unless (is_name (c, "H264") && contains (c.fmtp, "profile-level-id=42e0"));
  check_times (p, 20 * GST_MSECOND);
}
GST_END_TEST

GST_START_TEST (test_vp8_raw)
{
  JoinedPads p (MediaKind::video, raw_video, "vp8dec" + video_sink, {.codec = "VP8"});
  p.play ();
  fail_unless (p.wait_frames (10));
  fail_unless (contains (p.output_caps (), "video/x-vp8"));
  fail_unless (contains (caps_at (p.out), "width=(int)160"));
  check_times (p, 20 * GST_MSECOND);
}
GST_END_TEST

GST_START_TEST (test_vp9_raw)
{
  JoinedPads p (MediaKind::video, raw_video, "vp9dec" + video_sink, {.codec = "VP9"});
  p.play ();
  fail_unless (p.wait_frames (10));
  fail_unless (contains (caps_at (p.out), "width=(int)160"));
}
GST_END_TEST

GST_START_TEST (test_opus_raw)
{
  JoinedPads p (MediaKind::audio, raw_audio, "opusdec" + audio_sink, {});
  p.play ();
  fail_unless (p.wait_frames (20));
  fail_unless (contains (p.output_caps (), "audio/x-opus"));
  fail_unless (contains (caps_at (p.out), "channels=(int)2"));
  check_times (p, 10 * GST_MSECOND);
}
GST_END_TEST

GST_START_TEST (test_pcmu)
{
  JoinedPads raw (MediaKind::audio, raw_audio, "mulawdec" + audio_sink, {.codec = "PCMU"});
  raw.play ();
  fail_unless (raw.wait_frames (10));
  fail_unless (contains (caps_at (raw.out), "rate=(int)8000"));
  JoinedPads encoded (MediaKind::audio,
      "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc",
      "mulawdec" + audio_sink, {});
  encoded.play ();
  fail_unless (encoded.wait_frames (10));
  fail_unless_equals_int (encoded.input->source ()->codec ().payload_type, 0);
}
GST_END_TEST

// It goes through as it is: sequence numbers and payload type.
GST_START_TEST (test_rtp)
{
  JoinedPads p (MediaKind::video,
      raw_video + " ! vp8enc deadline=1 ! rtpvp8pay pt=101 mtu=1100 seqnum-offset=700",
      "fakesink name=out sync=true", {.depayload = false});
  p.play ();
  fail_unless (p.wait_frames (10));
  const auto all = p.input->preferences ();
  fail_unless_equals_int (all.size (), 1);
  fail_unless (is_name (all[0], "VP8"));
  fail_unless_equals_int (all[0].payload_type, 101);
  fail_unless (contains (p.output_caps (), "application/x-rtp"));
  fail_unless (contains (p.output_caps (), "encoding-name=(string)VP8"));
}
GST_END_TEST

// Until the peer's choice is known raw media are thrown away, at their pace; then another choice.
GST_START_TEST (test_choice)
{
  JoinedPads p (MediaKind::video,
      "videotestsrc name=source pattern=ball ! capsfilter "
      "caps=video/x-raw,width=160,height=120,framerate=30/1",
      "fakesink name=out sync=true", {.codec = "VP8", .select = false});
  p.play ();
  fail_unless (p.formats.wait ([] (unsigned n) { return n == 1; }));
  fail_unless_equals_int (p.packets.get (), 0);
  fail_unless (p.input->source ()->codec ().name.empty ());
  fail_unless (!p.input->select ({}));
  fail_unless (p.select ("VP8"));
  fail_unless (p.wait_frames (5));
  // A file would have been over by now, were it not held to the clock.
  fail_unless (p.frames.get ()[0].pts < 20 * GST_SECOND);
  fail_unless (is_name (p.input->source ()->codec (), "VP8"));
  fail_unless (p.select ("H264"));
  fail_unless (
      p.packets.wait ([&] (unsigned) { return is_name (p.input->source ()->codec (), "H264"); }));
  const std::size_t so_far = p.frames.get ().size ();
  fail_unless (p.wait_frames (so_far + 5));
  fail_unless (contains (p.output_caps (), "video/x-h264"));
}
GST_END_TEST

// From downstream of the one pad to upstream of the other.
GST_START_TEST (test_keyframe)
{
  JoinedPads p (MediaKind::video, h264, "avdec_h264" + video_sink, {});
  p.play ();
  fail_unless (p.wait_frames (3));
  const unsigned before = p.keyframe_events.get ();
  Watched<unsigned> keys;
  gst_pad_add_probe (
      p.output->pad (), GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *info, gpointer n) {
        if (!GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info), GST_BUFFER_FLAG_DELTA_UNIT))
          static_cast<Watched<unsigned> *> (n)->update ([] (unsigned &v) { v++; });
        return GST_PAD_PROBE_OK;
      },
      &keys, nullptr);
  // Again: the decoder may have asked for one a moment ago, and this one is the same.
  fail_unless (iterate_until ([&] {
    gst_pad_send_event (p.output->pad (), gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
                                              gst_structure_new_empty ("GstForceKeyUnit")));
    return p.keyframe_events.get () > before;
  }));
  fail_unless (p.keyframes_wanted.get () > 0);
  fail_unless (keys.wait ([] (unsigned n) { return n > 0; })); // 600 frames before its time
  p.release_output ();                                         // before `keys`
  p.release_input ();
}
GST_END_TEST

namespace {
bool bitrate_becomes (GstElement *encoder, guint wanted)
{
  return iterate_until ([&] {
    guint now = 0;
    g_object_get (encoder, "bitrate", &now, nullptr);
    return now == wanted;
  });
}

struct FindEncoder {
  GstElement *encoder = nullptr;
  explicit FindEncoder (GstElement *bin, const char *factory)
  {
    GstIterator *all = gst_bin_iterate_all_by_element_factory_name (GST_BIN (bin), factory);
    GValue v = G_VALUE_INIT;
    if (gst_iterator_next (all, &v) == GST_ITERATOR_OK) {
      encoder = GST_ELEMENT (g_value_dup_object (&v));
      g_value_unset (&v);
    }
    gst_iterator_free (all);
  }
  ~FindEncoder () { gst_clear_object (&encoder); }
};
} // namespace

GST_START_TEST (test_bitrate)
{
  JoinedPads p (MediaKind::video, h264, "avdec_h264" + video_sink, {});
  p.play ();
  fail_unless (p.wait_frames (2));
  GstElement *enc = gst_bin_get_by_name (GST_BIN (p.front), "enc");
  // It is the application's: not before it says so.
  p.input->source ()->set_bitrate (800000);
  p.input->source ()->request_keyframe ();
  fail_unless (p.keyframe_events.wait ([] (unsigned n) { return n > 0; }));
  guint now = 0;
  g_object_get (enc, "bitrate", &now, nullptr);
  fail_unless_equals_int (now, 500);
  p.input->set_adapt (true);
  fail_unless (bitrate_becomes (enc, 800));
  p.input->source ()->set_bitrate (820000); // too little a change
  p.input->source ()->set_bitrate (700000);
  fail_unless (bitrate_becomes (enc, 700));
  p.input->set_bitrate_limits (300000, 1000000);
  p.input->source ()->set_bitrate (5000000);
  fail_unless (bitrate_becomes (enc, 1000));
  p.input->source ()->set_bitrate (1000);
  fail_unless (bitrate_becomes (enc, 300));
  gst_object_unref (enc);
}
GST_END_TEST

GST_START_TEST (test_bitrate_raw)
{
  JoinedPads p (MediaKind::video, raw_video, "avdec_h264" + video_sink, {.codec = "H264"});
  p.input->source ()->set_bitrate (900000); // before there is an encoder
  p.play ();
  fail_unless (p.wait_frames (2));
  const FindEncoder found (p.bin, "x264enc");
  fail_unless (found.encoder != nullptr);
  fail_unless (bitrate_becomes (found.encoder, 900));
  p.input->source ()->set_bitrate (400000);
  fail_unless (bitrate_becomes (found.encoder, 400));
}
GST_END_TEST

GST_START_TEST (test_eos)
{
  JoinedPads p (MediaKind::video,
      "videotestsrc is-live=true num-buffers=15 ! capsfilter "
      "caps=video/x-raw,width=160,height=120,framerate=30/1",
      "vp8dec" + video_sink, {.codec = "VP8"});
  p.play ();
  fail_unless (wait_message (p.pipeline, GST_MESSAGE_EOS) != nullptr);
  fail_unless_equals_int (p.ended.get (), 1);
  fail_unless (p.frames.get ().size () >= 10);
}
GST_END_TEST

// Media that nobody chose a codec for, and a pad that was not linked, end too.
GST_START_TEST (test_eos_unselected)
{
  JoinedPads p (MediaKind::video,
      "videotestsrc is-live=true num-buffers=5 ! capsfilter "
      "caps=video/x-raw,width=160,height=120,framerate=30/1",
      "fakesink name=out async=false", {.select = false, .joined = false});
  p.play ();
  fail_unless (p.ended.wait ([] (unsigned n) { return n == 1; }));
  fail_unless_equals_int (p.packets.get (), 0);
}
GST_END_TEST

// A stream that ended begins again, with all that belongs in front of it.
GST_START_TEST (test_new_stream)
{
  JoinedPads p (MediaKind::video, h264, "fakesink name=out sync=true async=false", {});
  Watched<unsigned> starts;
  gst_pad_add_probe (
      p.output->pad (), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [] (GstPad *, GstPadProbeInfo *info, gpointer n) {
        const GstEventType type = GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info));
        if (type == GST_EVENT_STREAM_START)
          static_cast<Watched<unsigned> *> (n)->update ([] (unsigned &v) { v++; });
        // A sink takes nothing more after it.
        return type == GST_EVENT_EOS ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
      },
      &starts, nullptr);
  p.play ();
  fail_unless (p.wait_frames (3));
  p.output->end ();
  fail_unless (starts.wait ([] (unsigned n) { return n == 2; }));
  const std::size_t so_far = p.frames.get ().size ();
  fail_unless (p.wait_frames (so_far + 5));
  p.release_output ();
  p.release_input ();
}
GST_END_TEST

GST_START_TEST (test_release)
{
  for (int i = 0; i < 5; i++) {
    JoinedPads p (MediaKind::video, raw_video, "vp8dec" + video_sink, {.codec = "VP8"});
    p.play ();
    fail_unless (p.wait_frames (3));
    GstPad *in = GST_PAD (gst_object_ref (p.input->pad ()));
    GstPad *out = GST_PAD (gst_object_ref (p.output->pad ()));
    p.release_input (); // while data flow
    fail_unless (GST_PAD_PARENT (in) == nullptr);
    p.release_output ();
    fail_unless (GST_PAD_PARENT (out) == nullptr);
    fail_unless_equals_int (GST_BIN_NUMCHILDREN (p.bin), 0);
    gst_object_unref (in);
    gst_object_unref (out);
  }
}
GST_END_TEST

// The first picture waits in the sink for PLAYING.
GST_START_TEST (test_release_in_preroll)
{
  JoinedPads p (MediaKind::video,
      "videotestsrc ! capsfilter caps=video/x-raw,width=160,height=120,framerate=30/1",
      "fakesink name=out", {.select = false});
  gst_element_set_state (p.pipeline, GST_STATE_PAUSED);
  fail_unless (p.formats.wait ([] (unsigned n) { return n == 1; }));
  const gint64 start = g_get_monotonic_time ();
  p.release_input ();
  fail_unless (g_get_monotonic_time () - start < G_USEC_PER_SEC);
}
GST_END_TEST

// A pad that is released and requested while the bin plays.
GST_START_TEST (test_request_again)
{
  JoinedPads p (MediaKind::audio, raw_audio, "opusdec" + audio_sink, {});
  p.play ();
  fail_unless (p.wait_frames (3));
  gst_element_set_state (p.front, GST_STATE_READY);
  p.release_input ();
  p.make_input ();
  gst_element_sync_state_with_parent (p.front);
  const std::size_t so_far = p.frames.get ().size ();
  fail_unless (p.wait_frames (so_far + 5));
}
GST_END_TEST

GST_START_TEST (test_states)
{
  JoinedPads p (MediaKind::video, raw_video, "vp8dec" + video_sink, {.codec = "VP8"});
  for (const GstState down : {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_NULL}) {
    p.play ();
    const std::size_t so_far = p.frames.get ().size ();
    fail_unless (p.wait_frames (so_far + 5));
    fail_unless (reach_state (p.pipeline, down));
  }
}
GST_END_TEST

// A thread that downstream holds is back within a second, in a state change of the pipeline, in one
// of the bin alone, and when the pad goes.
GST_START_TEST (test_blocked)
{
  const auto blocked = [] (GstPad *, GstPadProbeInfo *, gpointer n) {
    static_cast<Watched<unsigned> *> (n)->update ([] (unsigned &v) { v++; });
    return GST_PAD_PROBE_OK;
  };
  const auto kind = static_cast<GstPadProbeType> (
      GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER);
  for (int way = 0; way < 4; way++) {
    JoinedPads p (MediaKind::video, raw_video, "queue max-size-buffers=1 ! vp8dec" + video_sink,
        {.codec = "VP8"});
    Watched<unsigned> held;
    GstPad *pad = way == 3 ? GST_PAD (gst_object_ref (p.output->pad ()))
                           : gst_element_get_static_pad (p.out, "sink");
    gst_pad_add_probe (pad, kind, blocked, &held, nullptr);
    p.play ();
    fail_unless (held.wait ([] (unsigned n) { return n > 0; }));
    // The queue is full before so much waits.
    fail_unless (p.packets.wait ([] (unsigned n) { return n > 20; }));
    const gint64 start = g_get_monotonic_time ();
    if (way == 0)
      gst_element_set_state (p.pipeline, GST_STATE_NULL);
    else if (way == 1)
      gst_element_set_state (p.bin, GST_STATE_NULL);
    else
      p.release_output ();
    const gint64 took = g_get_monotonic_time () - start;
    fail_unless (took < G_USEC_PER_SEC, "way %d took %d ms", way, static_cast<int> (took / 1000));
    gst_object_unref (pad);
    p.release_input ();
    p.release_output ();
    gst_element_set_state (p.pipeline, GST_STATE_NULL);
  }
}
GST_END_TEST

static Suite *rtc_pads_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_pads");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_h264_encoded);
  tcase_add_test (tc, test_h264_raw);
  tcase_add_test (tc, test_vp8_raw);
  tcase_add_test (tc, test_vp9_raw);
  tcase_add_test (tc, test_opus_raw);
  tcase_add_test (tc, test_pcmu);
  tcase_add_test (tc, test_rtp);
  tcase_add_test (tc, test_choice);
  tcase_add_test (tc, test_keyframe);
  tcase_add_test (tc, test_bitrate);
  tcase_add_test (tc, test_bitrate_raw);
  tcase_add_test (tc, test_eos);
  tcase_add_test (tc, test_eos_unselected);
  tcase_add_test (tc, test_new_stream);
  tcase_add_test (tc, test_release);
  tcase_add_test (tc, test_release_in_preroll);
  tcase_add_test (tc, test_request_again);
  tcase_add_test (tc, test_states);
  tcase_add_test (tc, test_blocked);
  return s;
}
GST_CHECK_MAIN (rtc_pads)
