// SPDX-License-Identifier: LGPL-2.1-or-later
// Codecs of SDP to caps and back.
#include "rtc/pads/codec_elements.h"
#include "../check.h"
#include "rtc/proto/codec.h"

using namespace reach;
using namespace reach::rtc;

namespace {
Ref<GstCaps> caps (const char *text)
{
  return Ref<GstCaps>::adopt (gst_caps_from_string (text));
}
std::string profile (const Codec &c)
{
  return std::string (fmtp_parameter (c.fmtp, "profile-level-id").value_or ("none"));
}
} // namespace

GST_START_TEST (test_encoded)
{
  const auto h264 = codec_of_encoded (
      caps ("video/x-h264, stream-format=avc, profile=constrained-baseline, level=(string)3.1")
          .get ());
  fail_unless (h264 && profile (*h264) == "42e01f");
  fail_unless (fmtp_parameter (h264->fmtp, "packetization-mode") == "1");
  fail_unless_equals_int (receivable_as (*h264).size (), 4);
  const auto high = codec_of_encoded (caps ("video/x-h264, profile=high, level=(string)4").get ());
  fail_unless (high && profile (*high) == "640028");
  fail_unless_equals_int (receivable_as (*high).size (), 1);
  fail_unless (!codec_of_encoded (caps ("video/x-h264, stream-format=byte-stream").get ()));
  const auto opus = codec_of_encoded (caps ("audio/x-opus, channels=1").get ());
  fail_unless (opus && opus->channels == 2 && opus->clock_rate == 48000);
  fail_unless (!codec_of_encoded (caps ("video/x-h265").get ()));
}
GST_END_TEST

// What is offered by default is known again from the caps that are made of it.
GST_START_TEST (test_rtp_and_back)
{
  for (const MediaKind kind : {MediaKind::video, MediaKind::audio})
    for (const Codec &c : default_codecs (kind)) {
      if (is_auxiliary (c))
        continue;
      const auto again = codec_of_rtp (rtp_caps (c, kind).get ());
      fail_unless (again.has_value (), "%s", c.name.c_str ());
      fail_unless_equals_int (again->payload_type, c.payload_type);
      fail_unless (matches (*again, c), "%s: %s", c.name.c_str (), again->fmtp.c_str ());
    }
  const auto pcma = codec_of_rtp (caps ("application/x-rtp, media=audio, payload=8").get ());
  fail_unless (pcma && is_name (*pcma, "PCMA"));
  for (const char *bad : {"application/x-rtp, media=video, payload=96",
           "application/x-rtp, media=video, payload=96, encoding-name=H263",
           "application/x-rtp, media=video, encoding-name=VP8",
           "application/x-rtp, media=audio, payload=96, encoding-name=OPUS, clock-rate=8000"})
    fail_unless (!codec_of_rtp (caps (bad).get ()), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_formats)
{
  const auto format = [] (const char *text, MediaKind kind) {
    return input_format (caps (text).get (), kind);
  };
  fail_unless (format ("video/x-raw", MediaKind::video) == InputFormat::raw);
  fail_unless (format ("audio/x-raw", MediaKind::video) == InputFormat::none);
  fail_unless (format ("video/x-vp8", MediaKind::video) == InputFormat::encoded);
  fail_unless (format ("video/x-vp8", MediaKind::audio) == InputFormat::none);
  fail_unless (format ("application/x-rtp, media=audio", MediaKind::audio) == InputFormat::rtp);
  fail_unless (format ("application/x-rtp, media=audio", MediaKind::video) == InputFormat::none);
  fail_unless (format ("text/x-raw", MediaKind::video) == InputFormat::none);
  const auto taken = input_caps (MediaKind::video);
  for (const char *text : {"video/x-raw, format=I420", "video/x-h264, profile=high", "video/x-vp8",
           "application/x-rtp, media=video, encoding-name=H264"})
    fail_unless (gst_caps_can_intersect (taken.get (), caps (text).get ()), "%s", text);
  fail_unless (!gst_caps_can_intersect (taken.get (), caps ("audio/x-raw").get ()));
}
GST_END_TEST

static Suite *codec_elements_suite ()
{
  Suite *s = suite_create ("codec_elements");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_encoded);
  tcase_add_test (tc, test_rtp_and_back);
  tcase_add_test (tc, test_formats);
  return s;
}
GST_CHECK_MAIN (codec_elements)
