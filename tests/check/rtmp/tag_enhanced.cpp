// SPDX-License-Identifier: LGPL-2.1-or-later
// Headers of Enhanced RTMP v1 and v2, byte by byte.
#include "tag_fixture.h"
#include <tuple>

using namespace reach;
using namespace reach::test;
using rtmp::fourcc;
using rtmp::parse_audio;
using rtmp::parse_video;

GST_START_TEST (test_hevc)
{
  TrackPacket p = packet (parse_video, Wire{0x90} + text ("hvc1") + Wire{1, 2});
  fail_unless (p.codec == Codec::hevc && p.type == PacketType::sequence_start && p.key);
  fail_unless (
      p.framing == Framing::enhanced && p.fourcc == 0x68766331 && payload (p) == (Wire{1, 2}));
  p = packet (parse_video, Wire{0xa1} + text ("hvc1") + Wire{0xff, 0xff, 0xfe, 7});
  fail_unless (p.type == PacketType::coded_frames && !p.key && p.composition_ms == -2);
  fail_unless (payload (p) == Wire{7});
  p = packet (parse_video, Wire{0x93} + text ("hvc1") + Wire{1, 2, 3, 7});
  fail_unless (p.composition_ms == 0 && p.key && payload (p) == (Wire{1, 2, 3, 7}));
  p = packet (parse_video, Wire{0x92} + text ("hvc1"));
  fail_unless (p.type == PacketType::sequence_end && p.payload.size () == 0);
}
GST_END_TEST

// Only the NAL codecs have a composition time in coded frames.
GST_START_TEST (test_video_fourccs)
{
  const std::tuple<const char *, Codec, bool> codecs[] = {{"avc1", Codec::avc, true},
      {"hvc1", Codec::hevc, true}, {"vvc1", Codec::vvc, true}, {"av01", Codec::av1, false},
      {"vp08", Codec::vp8, false}, {"vp09", Codec::vp9, false}, {"abcd", Codec::unknown, false}};
  for (const auto &[name, codec, timed] : codecs) {
    const TrackPacket p = packet (parse_video, Wire{0xa1} + text (name) + Wire{0, 0, 5, 8});
    fail_unless (p.codec == codec && p.fourcc == fourcc (name), "%s", name);
    fail_unless (p.composition_ms == (timed ? 5 : 0));
    fail_unless (payload (p) == (timed ? Wire{8} : Wire{0, 0, 5, 8}), "%s", name);
  }
}
GST_END_TEST

GST_START_TEST (test_audio_fourccs)
{
  const std::pair<const char *, Codec> codecs[] = {{"Opus", Codec::opus}, {"fLaC", Codec::flac},
      {"ac-3", Codec::ac3}, {"ec-3", Codec::eac3}, {".mp3", Codec::mp3}, {"mp4a", Codec::aac},
      {"abcd", Codec::unknown}};
  for (const auto &[name, codec] : codecs) {
    TrackPacket p = packet (parse_audio, Wire{0x90} + text (name) + Wire{1});
    fail_unless (
        p.codec == codec && p.type == PacketType::sequence_start && payload (p) == Wire{1});
    p = packet (parse_audio, Wire{0x91} + text (name) + Wire{2});
    fail_unless (p.codec == codec && p.type == PacketType::coded_frames && payload (p) == Wire{2});
    p = packet (parse_audio, Wire{0x92} + text (name));
    fail_unless (p.type == PacketType::sequence_end);
    p = packet (parse_audio, Wire{0x94} + text (name) + Wire{1, 2, 0, 0, 0, 3});
    fail_unless (p.type == PacketType::multichannel_config && p.payload.size () == 6);
  }
}
GST_END_TEST

// The frame type of metadata does not count; one sender writes `command` there.
GST_START_TEST (test_metadata_packet)
{
  for (const std::uint8_t first : {0x94, 0xa4, 0xd4}) {
    const TrackPacket p = packet (parse_video, Wire{first} + text ("hvc1") + Wire{2, 0, 0});
    fail_unless (p.type == PacketType::metadata && payload (p) == (Wire{2, 0, 0}));
  }
  const TrackPacket p = packet (parse_video, Wire{0xd6, 0x04} + text ("hvc1") + Wire{3, 2, 0, 0});
  fail_unless (p.type == PacketType::metadata && p.track == 3 && payload (p) == (Wire{2, 0, 0}));
}
GST_END_TEST

GST_START_TEST (test_mpeg2ts_sequence_start)
{
  const TrackPacket p = packet (parse_video, Wire{0x95} + text ("av01") + Wire{0x80, 4});
  fail_unless (p.type == PacketType::mpeg2ts_sequence_start && p.codec == Codec::av1);
  fail_unless (payload (p) == (Wire{0x80, 4}));
}
GST_END_TEST

GST_START_TEST (test_command_frame)
{
  for (const std::uint8_t first : {0xd0, 0xd1, 0xd6}) {
    const TrackPacket p = packet (parse_video, {first, 1});
    fail_unless (p.type == PacketType::command && p.command == 1);
  }
  fail_unless (result (parse_video, {0xd1}) == TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_mod_ex_nano_offset)
{
  TrackPacket p =
      packet (parse_video, Wire{0xa7, 2, 0x0f, 0x42, 0x3f, 0x01} + text ("av01") + Wire{9});
  fail_unless (p.nano_offset == 999999 && p.type == PacketType::coded_frames);
  fail_unless (p.codec == Codec::av1 && payload (p) == Wire{9});
  // An extension that is not known, with a 16-bit size, before one that is.
  Wire w{0x97, 0xff, 1, 0};
  w.insert (w.end (), 257, 0xee);
  w = w + Wire{0x17, 2, 0, 0, 5, 0x01} + text ("Opus") + Wire{9};
  p = packet (parse_audio, w);
  fail_unless (p.nano_offset == 5 && p.codec == Codec::opus && payload (p) == Wire{9});
  // More bytes than the offset has.
  p = packet (parse_audio, Wire{0x97, 3, 0, 0, 7, 0xff, 0x01} + text ("Opus"));
  fail_unless (p.nano_offset == 7);
}
GST_END_TEST

GST_START_TEST (test_mod_ex_out_of_bounds)
{
  const Wire too_much = Wire{0xa7, 2, 0x0f, 0x42, 0x40, 0x01} + text ("av01") + Wire{9};
  fail_unless (result (parse_video, too_much) == TagResult::malformed);
  const Wire too_short = Wire{0xa7, 1, 0, 1, 0x01} + text ("av01") + Wire{9};
  fail_unless (result (parse_video, too_short) == TagResult::malformed);
  // Extensions without end.
  Wire many{0xa7};
  for (int i = 0; i < 100000; i++)
    many = std::move (many) + Wire{0, 0, 0x17};
  fail_unless (result (parse_video, many) == TagResult::malformed);
  fail_unless (result (parse_video, {0xa7, 0xff, 0xff, 0xff, 0}) == TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_unknown_packet_types)
{
  for (std::uint8_t type = 8; type < 16; type++) {
    const auto first = static_cast<std::uint8_t> (0x90 | type);
    fail_unless (result (parse_video, Wire{first} + text ("av01")) == TagResult::unsupported);
    fail_unless (result (parse_audio, Wire{first} + text ("Opus")) == TagResult::unsupported);
  }
  fail_unless (result (parse_audio, Wire{0x93} + text ("Opus")) == TagResult::unsupported);
  fail_unless (result (parse_audio, Wire{0x96} + text ("Opus")) == TagResult::unsupported);
}
GST_END_TEST

GST_START_TEST (test_truncated)
{
  const Wire video = Wire{0xa7, 2, 0, 0, 5, 0x06, 0x01} + text ("avc1") + Wire{3, 0, 0, 1};
  fail_unless (packet (parse_video, video).composition_ms == 1);
  for (std::size_t n = 1; n < video.size (); n++)
    fail_unless (
        result (parse_video, Wire (video.begin (), video.begin () + n)) == TagResult::malformed,
        "accepts %zu bytes", n);
  const Wire audio = Wire{0x97, 0, 0, 0x15, 0x01} + text ("Opus") + Wire{3};
  fail_unless (packet (parse_audio, audio).track == 3);
  for (std::size_t n = 1; n < audio.size (); n++)
    fail_unless (
        result (parse_audio, Wire (audio.begin (), audio.begin () + n)) == TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_round_trips)
{
  for (const Wire &w :
      {Wire{0x90} + text ("hvc1") + Wire{1}, Wire{0xa1} + text ("hvc1") + Wire{0, 0, 9, 1},
          Wire{0x93} + text ("hvc1") + Wire{1}, Wire{0x92} + text ("hvc1"),
          Wire{0xd4} + text ("av01") + Wire{2}, Wire{0x95} + text ("av01") + Wire{2},
          Wire{0x91} + text ("vp09") + Wire{2}, Wire{0x91} + text ("vp08") + Wire{2}, Wire{0xd0, 1},
          Wire{0xa7, 2, 0, 0, 5, 0x01} + text ("av01") + Wire{9},
          Wire{0x96, 0x00} + text ("avc1") + Wire{7, 1},
          Wire{0xa7, 2, 0, 0, 5, 0x06, 0x01} + text ("avc1") + Wire{3, 0, 0, 1, 8}})
    round_trip (parse_video, w);
  for (const Wire &w : {Wire{0x90} + text ("Opus") + Wire{1}, Wire{0x91} + text ("fLaC") + Wire{1},
           Wire{0x91} + text ("ac-3") + Wire{1}, Wire{0x91} + text ("ec-3") + Wire{1},
           Wire{0x91} + text (".mp3") + Wire{1}, Wire{0x92} + text ("mp4a"),
           Wire{0x94} + text ("Opus") + Wire{0, 2}, Wire{0x95, 0x01} + text ("mp4a") + Wire{200, 1},
           Wire{0x97, 2, 0, 0, 5, 0x01} + text ("Opus") + Wire{9}})
    round_trip (parse_audio, w);
}
GST_END_TEST

static Suite *tag_enhanced_suite ()
{
  Suite *s = suite_create ("rtmp-tag_enhanced");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_hevc);
  tcase_add_test (tc, test_video_fourccs);
  tcase_add_test (tc, test_audio_fourccs);
  tcase_add_test (tc, test_metadata_packet);
  tcase_add_test (tc, test_mpeg2ts_sequence_start);
  tcase_add_test (tc, test_command_frame);
  tcase_add_test (tc, test_mod_ex_nano_offset);
  tcase_add_test (tc, test_mod_ex_out_of_bounds);
  tcase_add_test (tc, test_unknown_packet_types);
  tcase_add_test (tc, test_truncated);
  tcase_add_test (tc, test_round_trips);
  return s;
}
GST_CHECK_MAIN (tag_enhanced)
