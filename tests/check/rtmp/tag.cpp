// SPDX-License-Identifier: LGPL-2.1-or-later
// Headers of the FLV specification.
#include "tag_fixture.h"

using namespace reach;
using namespace reach::test;
using rtmp::parse_audio;
using rtmp::parse_video;

GST_START_TEST (test_avc)
{
  TrackPacket p = packet (parse_video, {0x17, 0, 0, 0, 0, 1, 100, 0});
  fail_unless (p.codec == Codec::avc && p.type == PacketType::sequence_start && p.key);
  fail_unless (payload (p) == (Wire{1, 100, 0}) && p.track == 0 && p.fourcc == 0);
  p = packet (parse_video, {0x27, 1, 0, 0, 80, 9, 9});
  fail_unless (p.type == PacketType::coded_frames && !p.key && p.composition_ms == 80);
  p = packet (parse_video, {0x27, 1, 0xff, 0xff, 0xd8, 9});
  fail_unless (p.composition_ms == -40 && payload (p) == Wire{9});
  p = packet (parse_video, {0x17, 2, 0, 0, 0});
  fail_unless (p.type == PacketType::sequence_end && p.payload.size () == 0);
  p = packet (parse_video, {0x1c, 1, 0, 0, 1, 7});
  fail_unless (p.codec == Codec::hevc && p.composition_ms == 1 && payload (p) == Wire{7});
}
GST_END_TEST

GST_START_TEST (test_video_codecs)
{
  const std::pair<std::uint8_t, Codec> codecs[] = {
      {2, Codec::sorenson}, {3, Codec::screen}, {6, Codec::screen2}};
  for (const auto &[id, codec] : codecs) {
    const auto first = static_cast<std::uint8_t> (0x20 | id);
    const TrackPacket p = packet (parse_video, {first, 1, 2});
    fail_unless (p.codec == codec && !p.key && payload (p) == (Wire{1, 2}));
  }
  TrackPacket p = packet (parse_video, {0x14, 0x82, 5});
  fail_unless (p.codec == Codec::vp6 && p.key && p.vp6_adjust == 0x82 && payload (p) == Wire{5});
  p = packet (parse_video, {0x25, 0, 0, 0, 9, 5});
  fail_unless (p.codec == Codec::vp6a && payload (p) == (Wire{0, 0, 9, 5}));
  p = packet (parse_video, {0x32, 5});
  fail_unless (p.disposable && !p.key);
  fail_unless (packet (parse_video, {0x42, 5}).key, "a generated key frame");
}
GST_END_TEST

GST_START_TEST (test_command_frame)
{
  for (const std::uint8_t first : {0x57, 0x52, 0x53}) {
    const TrackPacket p = packet (parse_video, {first, 1});
    fail_unless (p.type == PacketType::command && p.command == 1 && !p.key);
  }
  fail_unless (result (parse_video, {0x57}) == TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_audio_codecs)
{
  struct Case {
    std::uint8_t first;
    Codec codec;
    rtmp::Sound sound;
  };
  const Case cases[] = {
      {0x2f, Codec::mp3, {44100, 16, 2}},
      {0x2a, Codec::mp3, {22050, 16, 1}},
      {0xe2, Codec::mp3, {8000, 16, 1}},
      {0x3f, Codec::pcm, {44100, 16, 2}},
      {0x04, Codec::pcm, {11025, 8, 1}},
      {0x10, Codec::adpcm, {5512, 8, 1}},
      {0x4e, Codec::nellymoser, {16000, 16, 1}},
      {0x5e, Codec::nellymoser, {8000, 16, 1}},
      {0x6b, Codec::nellymoser, {22050, 16, 2}},
      {0x72, Codec::alaw, {8000, 16, 1}},
      {0x83, Codec::mulaw, {8000, 16, 2}},
      {0xb6, Codec::speex, {16000, 16, 1}},
      {0xbf, Codec::speex, {16000, 16, 1}},
  };
  for (const Case &c : cases) {
    const TrackPacket p = packet (parse_audio, {c.first, 1, 2});
    fail_unless (p.codec == c.codec && p.sound == c.sound, "%02x: %u Hz", c.first, p.sound.rate);
    fail_unless (p.type == PacketType::coded_frames && payload (p) == (Wire{1, 2}));
  }
  TrackPacket p = packet (parse_audio, {0xaf, 0, 0x12, 0x10});
  fail_unless (p.codec == Codec::aac && p.type == PacketType::sequence_start);
  fail_unless (payload (p) == (Wire{0x12, 0x10}));
  p = packet (parse_audio, {0xaf, 1, 0x21});
  fail_unless (p.type == PacketType::coded_frames && payload (p) == Wire{0x21});
}
GST_END_TEST

// Cameras send these; they are no reason to end a connection.
GST_START_TEST (test_zero_length_messages)
{
  fail_unless (packets (parse_video, {}).empty ());
  fail_unless (packets (parse_audio, {}).empty ());
  fail_unless (packet (parse_audio, {0x2f}).payload.size () == 0);
  fail_unless (packet (parse_video, {0x12}).payload.size () == 0);
}
GST_END_TEST

GST_START_TEST (test_empty_sequence_headers)
{
  TrackPacket p = packet (parse_video, {0x17, 0, 0, 0, 0});
  fail_unless (p.type == PacketType::sequence_start && p.payload.size () == 0);
  p = packet (parse_audio, {0xaf, 0});
  fail_unless (p.type == PacketType::sequence_start && p.payload.size () == 0);
}
GST_END_TEST

GST_START_TEST (test_truncated)
{
  for (std::size_t n = 1; n < 5; n++)
    fail_unless (result (parse_video, Wire (n, 0x17)) == TagResult::malformed);
  fail_unless (result (parse_video, {0x14}) == TagResult::malformed);
  fail_unless (result (parse_audio, {0xaf}) == TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_reserved)
{
  for (const std::uint8_t id : {0, 1, 8, 9, 10, 11, 13, 14, 15})
    fail_unless (result (parse_video, {static_cast<std::uint8_t> (0x10 | id), 1, 0, 0, 0, 0}) ==
                 TagResult::unsupported);
  fail_unless (result (parse_video, {0x17, 3, 0, 0, 0, 0}) == TagResult::unsupported);
  for (const std::uint8_t first : {0xc0, 0xd0, 0xf0})
    fail_unless (result (parse_audio, {first, 0}) == TagResult::unsupported);
  fail_unless (result (parse_audio, {0xaf, 2, 0}) == TagResult::unsupported);
}
GST_END_TEST

GST_START_TEST (test_round_trips)
{
  for (const Wire &w :
      {Wire{0x17, 0, 0, 0, 0, 1, 2}, Wire{0x27, 1, 0xff, 0xff, 0xd8, 9}, Wire{0x17, 2, 0, 0, 0},
          Wire{0x1c, 1, 0, 0, 1, 7}, Wire{0x22, 1}, Wire{0x32, 1}, Wire{0x13, 1}, Wire{0x26, 1},
          Wire{0x14, 0x82, 5}, Wire{0x25, 0, 0, 0, 9, 5}, Wire{0x57, 1}})
    round_trip (parse_video, w);
  for (const Wire &w : {Wire{0x2f, 1}, Wire{0x2a, 1}, Wire{0xe6, 1}, Wire{0x3f, 1}, Wire{0x34, 1},
           Wire{0x10, 1}, Wire{0x4a, 1}, Wire{0x56, 1}, Wire{0x6b, 1}, Wire{0x76, 1}, Wire{0x87, 1},
           Wire{0xb6, 1}, Wire{0xaf, 0, 0x12, 0x10}, Wire{0xaf, 1, 9}})
    round_trip (parse_audio, w);
}
GST_END_TEST

// What has no legacy header must not get one.
GST_START_TEST (test_not_to_be_built)
{
  TrackPacket p;
  for (const Codec c : {Codec::unknown, Codec::av1, Codec::vp8, Codec::vp9, Codec::vvc, Codec::opus,
           Codec::flac, Codec::ac3, Codec::eac3}) {
    p.codec = c;
    fail_unless (!rtmp::build_header (p));
  }
  p.codec = Codec::mp3;
  p.type = PacketType::sequence_start;
  fail_unless (!rtmp::build_header (p));
  p.codec = Codec::sorenson;
  fail_unless (!rtmp::build_header (p));
  p.codec = Codec::avc;
  p.type = PacketType::metadata;
  fail_unless (!rtmp::build_header (p));
}
GST_END_TEST

// A payload stays valid by itself.
GST_START_TEST (test_payload_keeps_its_owner)
{
  TrackPacket p;
  {
    std::vector<TrackPacket> out;
    Slice s = body ({0x2f, 1, 2, 3});
    parse_audio (s, out);
    p = out[0];
  }
  fail_unless (payload (p) == (Wire{1, 2, 3}));
}
GST_END_TEST

static Suite *tag_suite ()
{
  Suite *s = suite_create ("rtmp-tag");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_avc);
  tcase_add_test (tc, test_video_codecs);
  tcase_add_test (tc, test_command_frame);
  tcase_add_test (tc, test_audio_codecs);
  tcase_add_test (tc, test_zero_length_messages);
  tcase_add_test (tc, test_empty_sequence_headers);
  tcase_add_test (tc, test_truncated);
  tcase_add_test (tc, test_reserved);
  tcase_add_test (tc, test_round_trips);
  tcase_add_test (tc, test_not_to_be_built);
  tcase_add_test (tc, test_payload_keeps_its_owner);
  return s;
}
GST_CHECK_MAIN (tag)
