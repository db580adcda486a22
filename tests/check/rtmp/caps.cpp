// SPDX-License-Identifier: LGPL-2.1-or-later
// Caps of each codec, and the way back.
#include "caps_fixture.h"
#include "rtmpserver/caps_color.h"
#include "rtmpserver/proto/amf0.h"
#include <cmath>

using namespace reach;
using namespace reach::test;
using rtmp::build_color_info;
using rtmp::caps_of;
using rtmp::params_of;

namespace {
// `text` without codec_data and streamheader, of which only being there is looked at.
void check_caps (const StreamParams &p, const char *text, const char *record = nullptr)
{
  const auto caps = caps_of (p);
  fail_unless (caps && gst_caps_is_fixed (caps.get ()));
  const auto plain = Ref<GstCaps>::adopt (gst_caps_copy (caps.get ()));
  GstStructure *s = gst_caps_get_structure (plain.get (), 0);
  fail_unless (!record || gst_structure_has_field (s, record));
  gst_structure_remove_fields (s, "codec_data", "streamheader", nullptr);
  const auto expected = Ref<GstCaps>::adopt (gst_caps_from_string (text));
  const CharPtr got (gst_caps_to_string (plain.get ()));
  fail_unless (gst_caps_is_equal (plain.get (), expected.get ()), "%s", got.get ());
}

// What of the parameters the caps carry comes back.
StreamParams back (const StreamParams &p)
{
  const auto caps = caps_of (p);
  fail_unless (static_cast<bool> (caps));
  const auto again = params_of (caps.get ());
  fail_unless (again && again->codec == p.codec);
  return *again;
}

bool refused (const char *text)
{
  const auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (text));
  fail_unless (static_cast<bool> (caps), "%s", text);
  return !params_of (caps.get ());
}

std::optional<StreamParams> parsed (const char *text)
{
  const auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (text));
  fail_unless (static_cast<bool> (caps), "%s", text);
  return params_of (caps.get ());
}
} // namespace

GST_START_TEST (test_nal_video)
{
  StreamParams p = configured (Codec::avc, hex (avcc));
  p.framerate = 30;
  check_caps (p,
      "video/x-h264, stream-format=avc, alignment=au, width=66, height=50, framerate=30/1",
      "codec_data");
  fail_unless (
      back (p).config == hex (avcc) && back (p).size == p.size && back (p).framerate == 30);
  p = configured (Codec::hevc, hex (hvcc));
  check_caps (
      p, "video/x-h265, stream-format=hvc1, alignment=au, width=66, height=50", "codec_data");
  fail_unless (back (p).config == hex (hvcc));
}
GST_END_TEST

GST_START_TEST (test_av1_vp8_vp9)
{
  StreamParams p = configured (Codec::av1, hex (av1c));
  check_caps (
      p, "video/x-av1, stream-format=obu-stream, alignment=tu, width=66, height=50", "codec_data");
  fail_unless (back (p).config == hex (av1c));
  p = configured (Codec::vp9, hex ("020aa40101010000"));
  check_caps (p, "video/x-vp9, profile=(string)2");
  fail_unless (rtmp::parse_vp_config (back (p).config)->profile == 2);
  const auto ten_bit = parsed ("video/x-vp9, profile=(string)2, bit-depth-luma=(uint)10");
  fail_unless (rtmp::parse_vp_config (ten_bit->config)->bit_depth == 10 && !ten_bit->color);
  p = framed (Codec::vp8, hex ("d023009d012a420032000007"));
  check_caps (p, "video/x-vp8, width=66, height=50");
  fail_unless (rtmp::parse_vp_config (back (p).config).has_value ());
}
GST_END_TEST

GST_START_TEST (test_flash_video)
{
  check_caps (framed (Codec::sorenson, hex ("0000840020180000")),
      "video/x-flash-video, flvversion=1, width=64, height=48");
  check_caps (
      framed (Codec::screen, hex ("30403030")), "video/x-flash-screen, width=64, height=48");
  check_caps (
      framed (Codec::screen2, hex ("30403030")), "video/x-flash-screen2, width=64, height=48");
  check_caps (framed (Codec::vp6, hex ("004603040304")), "video/x-vp6-flash, width=64, height=48");
  check_caps (
      framed (Codec::vp6a, hex ("000000004603040304")), "video/x-vp6-alpha, width=64, height=48");
  for (const Codec c : {Codec::sorenson, Codec::screen, Codec::screen2, Codec::vp6, Codec::vp6a})
    back (framed (c, {}));
}
GST_END_TEST

GST_START_TEST (test_mpeg_audio)
{
  StreamParams p = configured (Codec::aac, hex ("1210"));
  check_caps (p,
      "audio/mpeg, mpegversion=4, framed=true, stream-format=raw, rate=44100, channels=2",
      "codec_data");
  fail_unless (back (p).config == hex ("1210"));
  p = framed (Codec::mp3, hex ("fff38064"), {44100, 16, 2});
  check_caps (p, "audio/mpeg, mpegversion=1, layer=3, parsed=true, rate=22050, channels=2");
  fail_unless (back (p).audio.rate == 22050);
  p = framed (Codec::mp3, {}, {11025, 16, 1}); // before a frame was understood
  check_caps (p, "audio/mpeg, mpegversion=1, layer=3, parsed=true, rate=11025, channels=1");
}
GST_END_TEST

GST_START_TEST (test_opus)
{
  StreamParams p = configured (Codec::opus, hex (opus_head));
  check_caps (p,
      "audio/x-opus, rate=48000, channels=2, channel-mapping-family=0, stream-count=1, "
      "coupled-count=1",
      "streamheader");
  fail_unless (back (p).config == hex (opus_head));
  p = configured (Codec::opus, hex (opus_head_surround));
  check_caps (p,
      "audio/x-opus, rate=48000, channels=6, channel-mapping-family=1, stream-count=4, "
      "coupled-count=2, "
      "channel-mapping=<0,4,1,2,3,5>",
      "streamheader");
  fail_unless (back (p).config == hex (opus_head_surround));
  // Without streamheader the record is made of the fields.
  const auto made =
      parsed ("audio/x-opus, rate=48000, channels=6, channel-mapping-family=1, stream-count=4, "
              "coupled-count=2, channel-mapping=<0,4,1,2,3,5>");
  const auto head = rtmp::parse_opus_head (made->config);
  fail_unless (head && head->channels == 6 && head->streams == 4 &&
               head->mapping == (Wire{0, 4, 1, 2, 3, 5}));
}
GST_END_TEST

GST_START_TEST (test_flac)
{
  StreamParams p = configured (Codec::flac, hex ("664c614380000022") + hex (flac_info));
  check_caps (p, "audio/x-flac, framed=true, rate=44100, channels=1", "streamheader");
  fail_unless (back (p).config == hex (flac_info));
  fail_unless (refused ("audio/x-flac, rate=44100, channels=1"), "without STREAMINFO");
}
GST_END_TEST

GST_START_TEST (test_ac3)
{
  check_caps (framed (Codec::ac3, hex ("0b77c1421e40ebf8")),
      "audio/x-ac3, framed=true, alignment=frame, rate=48000, channels=6");
  check_caps (framed (Codec::eac3, hex ("0b77037f3f87c000")),
      "audio/x-eac3, framed=true, alignment=frame, rate=48000, channels=6");
}
GST_END_TEST

GST_START_TEST (test_legacy_audio)
{
  check_caps (framed (Codec::pcm, {}, {44100, 16, 2}),
      "audio/x-raw, format=S16LE, layout=interleaved, rate=44100, channels=2");
  check_caps (framed (Codec::pcm, {}, {11025, 8, 1}),
      "audio/x-raw, format=U8, layout=interleaved, rate=11025, channels=1");
  check_caps (framed (Codec::alaw, {}, {8000, 16, 1}), "audio/x-alaw, rate=8000, channels=1");
  check_caps (framed (Codec::mulaw, {}, {8000, 16, 2}), "audio/x-mulaw, rate=8000, channels=2");
  check_caps (framed (Codec::adpcm, {}, {22050, 16, 2}),
      "audio/x-adpcm, layout=swf, rate=22050, channels=2");
  check_caps (
      framed (Codec::nellymoser, {}, {16000, 16, 1}), "audio/x-nellymoser, rate=16000, channels=1");
  check_caps (framed (Codec::speex, {}, {16000, 16, 1}), "audio/x-speex, rate=16000, channels=1",
      "streamheader");
  for (const Codec c : {Codec::pcm, Codec::adpcm, Codec::nellymoser})
    fail_unless (back (framed (c, {}, {22050, 16, 2})).sound == (rtmp::Sound{22050, 16, 2}));
}
GST_END_TEST

// What FLV has no header for must not be sent as something else.
GST_START_TEST (test_refused_caps)
{
  for (const char *text : {"video/x-h264, stream-format=byte-stream, alignment=au",
           "video/x-h264, stream-format=avc, alignment=nal, codec_data=(buffer)01",
           "video/x-h264, stream-format=avc, alignment=au",
           "video/x-h265, stream-format=hev1, alignment=au",
           "video/x-av1, stream-format=annexb, alignment=tu",
           "audio/mpeg, mpegversion=4, stream-format=adts", "audio/mpeg, mpegversion=1, layer=2",
           "audio/x-raw, format=S16BE, rate=44100, channels=2",
           "audio/x-raw, format=S16LE, rate=48000, channels=2",
           "audio/x-raw, format=S16LE, rate=44100, channels=6",
           "audio/x-alaw, rate=16000, channels=1", "audio/x-speex, rate=8000, channels=1",
           "video/x-raw", "text/x-raw", "video/x-h264, stream-format=avc, width=[1,2]",
           "video/x-flash-video, flvversion=2"})
    fail_unless (refused (text), "%s", text);
}
GST_END_TEST

GST_START_TEST (test_hdr)
{
  StreamParams p = configured (Codec::hevc, hex (hvcc));
  rtmp::ColorInfo c;
  c.primaries = 9;
  c.transfer = 16;
  c.matrix = 9;
  c.light_level = {1000, 400};
  c.mastering = {{0.708, 0.292}, {0.17, 0.797}, {0.131, 0.046}, {0.3127, 0.329}, 1000, 0.005};
  p.color = c;
  check_caps (p,
      "video/x-h265, stream-format=hvc1, alignment=au, width=66, height=50, colorimetry=bt2100-pq, "
      "mastering-display-info=(string)35400:14600:8500:39850:6550:2300:15635:16450:10000000:50, "
      "content-light-level=(string)1000:400");
  const auto again = back (p).color;
  fail_unless (again && again->primaries == 9 && again->transfer == 16 && again->matrix == 9);
  fail_unless (again->light_level == c.light_level && again->mastering);
  fail_unless (std::abs (again->mastering->green.y - 0.797) < 1e-6);
  fail_unless (std::abs (again->mastering->min_luminance - 0.005) < 1e-6);
  p.color = rtmp::ColorInfo{}; // reset
  check_caps (p, "video/x-h265, stream-format=hvc1, alignment=au, width=66, height=50");
}
GST_END_TEST

// As a metadata packet says it, and resets it.
GST_START_TEST (test_color_info_of_packets)
{
  StreamParams p = configured (Codec::hevc, hex (hvcc));
  rtmp::ColorInfo c;
  c.primaries = 9;
  c.transfer = 18;
  TrackPacket m;
  m.codec = Codec::hevc;
  m.type = PacketType::metadata;
  m.payload = body (rtmp::encode_amf0 (build_color_info (c)));
  fail_unless (p.note (m) && p.color == c && p.complete ());
  fail_unless (!p.note (m), "the same again");
  m.payload = body (rtmp::encode_amf0 ({"other", 1.0}));
  fail_unless (!p.note (m) && p.color == c, "not colorInfo");
  m.codec = rtmp::Codec::av1; // as if it were of this track
  m.payload = body (rtmp::encode_amf0 (build_color_info ({})));
  fail_unless (!p.note (m) && p.color == c && p.complete ());
  m.codec = rtmp::Codec::hevc;
  fail_unless (p.note (m) && !p.color);
  m.payload = {};
  fail_unless (!p.note (m));
}
GST_END_TEST

GST_START_TEST (test_channel_mask)
{
  rtmp::MultichannelConfig m;
  m.order = rtmp::MultichannelConfig::Order::native;
  m.channels = 6;
  m.mask = 0x60f; // 5.1 with side speakers
  fail_unless (rtmp::channel_mask (m) == 0xc0f);
  m.channels = 5;
  fail_unless (rtmp::channel_mask (m) == 0, "count and mask differ");
  m.order = rtmp::MultichannelConfig::Order::custom;
  m.channels = 3;
  m.mapping = {0, 1, 18};
  fail_unless (rtmp::channel_mask (m) == 0x203);
  m.mapping = {0, 0, 1};
  fail_unless (rtmp::channel_mask (m) == 0, "one speaker twice");
  m.mapping = {0, 1, 0xff};
  fail_unless (rtmp::channel_mask (m) == 0, "unknown speaker");
}
GST_END_TEST

GST_START_TEST (test_speakers_of_caps)
{
  const auto mask_of = [] (const char *text) -> std::optional<std::uint32_t> {
    const auto caps = reach::Ref<GstCaps>::adopt (gst_caps_from_string (text));
    const auto speakers = rtmp::speakers_of (caps.get ());
    if (!speakers)
      return std::nullopt;
    fail_unless (speakers->order == rtmp::MultichannelConfig::Order::native);
    fail_unless (rtmp::channel_mask (*speakers) > 0);
    return speakers->mask;
  };
  fail_unless (mask_of ("audio/x-flac, channels=6, channel-mask=(bitmask)0xc0f") == 0x60f);
  fail_unless (mask_of ("audio/x-flac, channels=3, channel-mask=(bitmask)0x203") == 0x40003);
  fail_unless (!mask_of ("audio/x-flac, channels=6"));
  fail_unless (!mask_of ("audio/x-flac, channels=5, channel-mask=(bitmask)0xc0f"));
  fail_unless (!mask_of ("audio/x-flac, channels=1, channel-mask=(bitmask)0x1000000"));
  StreamParams p = configured (Codec::flac, hex (flac_info));
  p.audio.channels = 6;
  const auto caps = caps_of (p);
  gst_caps_set_simple (caps.get (), "channels", G_TYPE_INT, 6, "channel-mask", GST_TYPE_BITMASK,
      guint64{0xc0f}, nullptr);
  const auto again = params_of (caps.get ());
  fail_unless (again && again->speakers && again->speakers->mask == 0x60f);
}
GST_END_TEST

GST_START_TEST (test_no_caps_before_configuration)
{
  for (const Codec c : {Codec::avc, Codec::hevc, Codec::aac, Codec::opus, Codec::flac})
    fail_unless (!caps_of (framed (c, {1, 2, 3})));
  fail_unless (!caps_of (StreamParams{}));
}
GST_END_TEST

// Cameras send it with each key frame, some an empty one: no new caps.
GST_START_TEST (test_repeated_and_empty_sequence_headers)
{
  for (const auto &[codec, record] : {std::pair{Codec::avc, hex (avcc)}, {Codec::aac, hex ("1210")},
           {Codec::opus, hex (opus_head)}, {Codec::flac, hex (flac_info)},
           {Codec::hevc, hex (hvcc)}}) {
    StreamParams p = configured (codec, record);
    TrackPacket again;
    again.codec = codec;
    again.type = PacketType::sequence_start;
    again.payload = body (record);
    fail_unless (!p.note (again), "the same again");
    again.payload = {};
    fail_unless (!p.note (again), "an empty one");
    again.payload = body (hex ("ff00"));
    fail_unless (!p.note (again) && p.config == record, "a broken one");
    again.type = PacketType::coded_frames;
    again.payload = body ({1, 2, 3});
    fail_unless (!p.note (again) && p.complete (), "a frame");
  }
  StreamParams p = configured (Codec::aac, hex ("1210"));
  TrackPacket other;
  other.codec = Codec::aac;
  other.type = PacketType::sequence_start;
  other.payload = body (hex ("1190"));
  fail_unless (p.note (other) && p.audio.rate == 48000, "another one");
}
GST_END_TEST

GST_START_TEST (test_metadata_and_frames)
{
  StreamParams p = framed (Codec::vp6, {});
  fail_unless (p.note (rtmp::TrackInfo{Codec::vp6, 0, 0, 320, 240, 25, 0, 0, 0}));
  fail_unless (p.size == (rtmp::FrameSize{320, 240}) && p.framerate == 25);
  TrackPacket key;
  key.codec = Codec::vp6;
  key.key = true;
  key.payload = body (hex ("004603040304"));
  fail_unless (p.note (key) && p.size == (rtmp::FrameSize{64, 48}), "the frame knows better");
  fail_unless (!p.note (rtmp::TrackInfo{Codec::vp6, 0, 0, 320, 240, 25, 0, 0, 0}));
}
GST_END_TEST

static Suite *caps_suite ()
{
  Suite *s = suite_create ("rtmp-caps");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_nal_video);
  tcase_add_test (tc, test_av1_vp8_vp9);
  tcase_add_test (tc, test_flash_video);
  tcase_add_test (tc, test_mpeg_audio);
  tcase_add_test (tc, test_opus);
  tcase_add_test (tc, test_flac);
  tcase_add_test (tc, test_ac3);
  tcase_add_test (tc, test_legacy_audio);
  tcase_add_test (tc, test_refused_caps);
  tcase_add_test (tc, test_hdr);
  tcase_add_test (tc, test_color_info_of_packets);
  tcase_add_test (tc, test_channel_mask);
  tcase_add_test (tc, test_speakers_of_caps);
  tcase_add_test (tc, test_no_caps_before_configuration);
  tcase_add_test (tc, test_repeated_and_empty_sequence_headers);
  tcase_add_test (tc, test_metadata_and_frames);
  return s;
}
GST_CHECK_MAIN (caps)
