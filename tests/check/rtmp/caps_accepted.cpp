// SPDX-License-Identifier: LGPL-2.1-or-later
// Parsers and decoders take our caps: their templates, and with frames of an encoder also
// themselves.
#include "caps_fixture.h"
#include <string>

using namespace reach;
using namespace reach::test;
using rtmp::caps_of;
using rtmp::params_of;

namespace {
void check_accepted (const StreamParams &p, std::initializer_list<const char *> factories)
{
  const auto caps = caps_of (p);
  fail_unless (static_cast<bool> (caps));
  for (const char *name : factories) {
    GstElementFactory *factory = gst_element_factory_find (name);
    fail_unless (factory != nullptr, "no %s", name);
    fail_unless (gst_element_factory_can_sink_any_caps (factory, caps.get ()), "%s", name);
    gst_object_unref (factory);
  }
}

bool all_exist (std::initializer_list<const char *> factories)
{
  for (const char *name : factories) {
    GstElementFactory *f = gst_element_factory_find (name);
    if (!f)
      return false;
    gst_object_unref (f);
  }
  return true;
}

struct Encoded {
  std::vector<Ref<GstBuffer>> frames;
  Ref<GstCaps> caps;
};

// What comes out of `pipeline`, which ends in an appsink of the name `out`.
Encoded encode (const std::string &pipeline)
{
  GError *error = nullptr;
  GstElement *p = gst_parse_launch (pipeline.c_str (), &error);
  fail_unless (p && !error, "%s: %s", pipeline.c_str (), error ? error->message : "");
  GstElement *out = gst_bin_get_by_name (GST_BIN (p), "out");
  gst_element_set_state (p, GST_STATE_PLAYING);
  Encoded e;
  GstSample *sample = nullptr;
  while (g_signal_emit_by_name (out, "pull-sample", &sample), sample) {
    e.frames.push_back (Ref<GstBuffer>::share (gst_sample_get_buffer (sample)));
    e.caps = Ref<GstCaps>::share (gst_sample_get_caps (sample));
    gst_sample_unref (sample);
  }
  gst_object_unref (out);
  gst_element_set_state (p, GST_STATE_NULL);
  gst_object_unref (p);
  fail_unless (!e.frames.empty () && e.caps, "%s", pipeline.c_str ());
  return e;
}

// How many buffers come out of `decoder` for these frames with caps that we have made.
std::size_t decode (const Encoded &e, const char *decoder, GstCaps *caps)
{
  const std::string line = std::string ("appsrc name=in format=time ! ") + decoder +
                           " ! fakesink name=out signal-handoffs=true sync=false";
  GstElement *p = gst_parse_launch (line.c_str (), nullptr);
  GstElement *in = gst_bin_get_by_name (GST_BIN (p), "in");
  GstElement *out = gst_bin_get_by_name (GST_BIN (p), "out");
  std::size_t count = 0;
  const auto counted = +[] (GstElement *, GstBuffer *, GstPad *, std::size_t *n) { ++*n; };
  g_signal_connect (out, "handoff", G_CALLBACK (counted), &count);
  g_object_set (in, "caps", caps, nullptr);
  gst_element_set_state (p, GST_STATE_PLAYING);
  GstFlowReturn flow = GST_FLOW_OK;
  for (const auto &frame : e.frames)
    g_signal_emit_by_name (in, "push-buffer", frame.get (), &flow);
  g_signal_emit_by_name (in, "end-of-stream", &flow);
  GstBus *bus = gst_element_get_bus (p);
  GstMessage *m = gst_bus_timed_pop_filtered (
      bus, 60 * GST_SECOND, static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  fail_unless (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS, "%s fails", decoder);
  gst_message_unref (m);
  gst_object_unref (bus);
  gst_element_set_state (p, GST_STATE_NULL);
  gst_object_unref (in);
  gst_object_unref (out);
  gst_object_unref (p);
  return count;
}

// An encoder's caps to parameters, these to caps, and with them into a decoder.
void check_decoded (const std::string &encoder, const char *decoder)
{
  const Encoded e = encode (encoder + " ! appsink name=out sync=false");
  const CharPtr text (gst_caps_to_string (e.caps.get ()));
  const auto params = params_of (e.caps.get ());
  fail_unless (params.has_value (), "%s", text.get ());
  const auto caps = caps_of (*params);
  fail_unless (static_cast<bool> (caps), "%s", text.get ());
  const std::size_t pictures = decode (e, decoder, caps.get ());
  fail_unless (pictures >= e.frames.size () / 2, "%s: %zu of %zu frames", decoder, pictures,
      e.frames.size ());
}

const char video[] =
    "videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! ";

std::string audio (const char *caps)
{
  return std::string ("audiotestsrc num-buffers=20 ! audioconvert ! audio/x-raw,") + caps + " ! ";
}
} // namespace

GST_START_TEST (test_templates_of_video)
{
  check_accepted (configured (Codec::avc, hex (avcc)), {"h264parse", "avdec_h264"});
  check_accepted (configured (Codec::hevc, hex (hvcc)), {"h265parse", "avdec_h265"});
  check_accepted (configured (Codec::av1, hex (av1c)), {"av1parse"});
  check_accepted (configured (Codec::vp9, hex ("020aa40101010000")), {"vp9parse", "vp9dec"});
  check_accepted (framed (Codec::vp8, hex ("d023009d012a420032000007")), {"vp8dec", "avdec_vp8"});
  check_accepted (framed (Codec::sorenson, hex ("0000840020180000")), {"avdec_flv"});
  check_accepted (framed (Codec::screen, hex ("30403030")), {"avdec_flashsv"});
  check_accepted (framed (Codec::screen2, hex ("30403030")), {"avdec_flashsv2"});
  check_accepted (framed (Codec::vp6, hex ("004603040304")), {"avdec_vp6f"});
  check_accepted (framed (Codec::vp6a, hex ("000000004603040304")), {"avdec_vp6a"});
}
GST_END_TEST

GST_START_TEST (test_templates_of_audio)
{
  check_accepted (configured (Codec::aac, hex ("1210")), {"aacparse", "avdec_aac"});
  check_accepted (framed (Codec::mp3, hex ("fffb9064")), {"mpegaudioparse", "avdec_mp3"});
  for (const char *head : {opus_head, opus_head_surround})
    check_accepted (configured (Codec::opus, hex (head)), {"opusparse", "opusdec"});
  check_accepted (configured (Codec::flac, hex (flac_info)), {"flacparse", "flacdec"});
  check_accepted (framed (Codec::ac3, hex ("0b77c1421e40ebf8")), {"ac3parse", "avdec_ac3"});
  check_accepted (framed (Codec::eac3, hex ("0b77037f3f87c000")), {"ac3parse", "avdec_eac3"});
  check_accepted (framed (Codec::speex, {}, {16000, 16, 1}), {"speexdec"});
  check_accepted (framed (Codec::alaw, {}, {8000, 16, 1}), {"alawdec"});
  check_accepted (framed (Codec::mulaw, {}, {8000, 16, 2}), {"mulawdec"});
  check_accepted (framed (Codec::pcm, {}, {44100, 16, 2}), {"audioconvert"});
  check_accepted (framed (Codec::pcm, {}, {11025, 8, 1}), {"audioconvert"});
  check_accepted (framed (Codec::nellymoser, {}, {16000, 16, 1}), {"avdec_nellymoser"});
  check_accepted (framed (Codec::adpcm, {}, {22050, 16, 1}), {"avdec_adpcm_swf"});
}
GST_END_TEST

GST_START_TEST (test_decoded_video)
{
  const std::string source = video;
  check_decoded (source + "x264enc ! video/x-h264,stream-format=avc", "h264parse ! avdec_h264");
  check_decoded (source + "avenc_flv", "avdec_flv");
  check_decoded (source + "videoconvert ! avenc_flashsv", "avdec_flashsv");
  check_decoded (source + "vp8enc deadline=1", "vp8dec");
  check_decoded (source + "vp9enc deadline=1", "vp9parse ! vp9dec");
}
GST_END_TEST

GST_START_TEST (test_decoded_hevc_and_av1)
{
  const std::string source = video;
  if (all_exist ({"x265enc"}))
    check_decoded (source + "x265enc speed-preset=ultrafast ! h265parse ! "
                            "video/x-h265,stream-format=hvc1,alignment=au",
        "h265parse ! avdec_h265");
  if (all_exist ({"av1enc", "av1dec"}))
    check_decoded (
        source + "av1enc cpu-used=8 ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu",
        "av1parse ! av1dec");
}
GST_END_TEST

GST_START_TEST (test_decoded_audio)
{
  check_decoded (audio ("rate=44100,channels=2") + "avenc_aac", "aacparse ! avdec_aac");
  check_decoded (audio ("rate=48000,channels=2") + "opusenc", "opusparse ! opusdec");
  check_decoded (audio ("rate=48000,channels=6,channel-mask=(bitmask)0x3f") + "opusenc", "opusdec");
  check_decoded (audio ("rate=44100,channels=2") + "flacenc", "flacdec");
  check_decoded (audio ("rate=48000,channels=2") + "avenc_ac3", "ac3parse ! avdec_ac3");
  check_decoded (audio ("rate=48000,channels=2") + "avenc_eac3", "ac3parse ! avdec_eac3");
  check_decoded (audio ("rate=44100,channels=2") + "lamemp3enc ! mpegaudioparse",
      "mpegaudioparse ! avdec_mp3");
  check_decoded (audio ("rate=8000,channels=1") + "alawenc", "alawdec");
  check_decoded (audio ("rate=8000,channels=1") + "mulawenc", "mulawdec");
  check_decoded (audio ("rate=22050,channels=1") + "avenc_nellymoser", "avdec_nellymoser");
}
GST_END_TEST

// The headers that we make for streams that come without: frames alone, as in FLV.
GST_START_TEST (test_decoded_speex)
{
  Encoded e = encode (audio ("rate=16000,channels=1") + "speexenc ! appsink name=out sync=false");
  std::erase_if (e.frames, [] (const Ref<GstBuffer> &b) {
    return GST_BUFFER_FLAG_IS_SET (b.get (), GST_BUFFER_FLAG_HEADER);
  });
  const auto caps = caps_of (framed (Codec::speex, {}, {16000, 16, 1}));
  fail_unless (decode (e, "speexdec", caps.get ()) >= e.frames.size () / 2);
}
GST_END_TEST

static Suite *caps_accepted_suite ()
{
  Suite *s = suite_create ("rtmp-caps_accepted");
  TCase *tc = tcase_create ("general");
  tcase_set_timeout (tc, 180);
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_templates_of_video);
  tcase_add_test (tc, test_templates_of_audio);
  tcase_add_test (tc, test_decoded_video);
  tcase_add_test (tc, test_decoded_hevc_and_av1);
  tcase_add_test (tc, test_decoded_audio);
  tcase_add_test (tc, test_decoded_speex);
  return s;
}
GST_CHECK_MAIN (caps_accepted)
