// SPDX-License-Identifier: LGPL-2.1-or-later
// Several tracks in one message.
#include "tag_fixture.h"

using namespace reach;
using namespace reach::test;
using rtmp::parse_audio;
using rtmp::parse_video;

namespace {
TrackPacket made (Codec codec, Framing framing, std::uint8_t track, const Wire &bytes)
{
  TrackPacket p;
  p.codec = codec;
  p.framing = framing;
  p.track = track;
  p.payload = body (bytes);
  return p;
}

void same_tracks (const std::vector<TrackPacket> &a, const std::vector<TrackPacket> &b)
{
  fail_unless (a.size () == b.size ());
  for (std::size_t i = 0; i < a.size (); i++) {
    fail_unless (
        a[i].codec == b[i].codec && a[i].track == b[i].track && a[i].framing == b[i].framing);
    fail_unless (a[i].type == b[i].type && a[i].key == b[i].key);
    fail_unless (
        a[i].composition_ms == b[i].composition_ms && a[i].nano_offset == b[i].nano_offset);
    fail_unless (payload (a[i]) == payload (b[i]), "payload of track %u", a[i].track);
  }
}
} // namespace

GST_START_TEST (test_one_track)
{
  TrackPacket p = packet (parse_video, Wire{0x96, 0x01} + text ("avc1") + Wire{5, 0, 0, 40, 9});
  fail_unless (p.framing == Framing::one_track && p.track == 5 && p.key);
  fail_unless (p.composition_ms == 40 && payload (p) == Wire{9});
  p = packet (parse_audio, Wire{0x95, 0x00} + text ("mp4a") + Wire{1, 0x12, 0x10});
  fail_unless (p.type == PacketType::sequence_start && p.track == 1 && payload (p).size () == 2);
}
GST_END_TEST

GST_START_TEST (test_many_tracks)
{
  const Wire w = Wire{0xa6, 0x11} + text ("avc1") + Wire{0, 0, 0, 4, 0, 0, 40, 9} +
                 Wire{2, 0, 0, 3, 0, 0, 0} + Wire{7, 0, 0, 5, 0xff, 0xff, 0xff, 8, 8};
  const auto all = packets (parse_video, w);
  fail_unless (all.size () == 3 && all[0].track == 0 && all[1].track == 2 && all[2].track == 7);
  fail_unless (
      all[0].composition_ms == 40 && all[1].composition_ms == 0 && all[2].composition_ms == -1);
  fail_unless (
      payload (all[0]) == Wire{9} && payload (all[1]).empty () && payload (all[2]) == (Wire{8, 8}));
  fail_unless (rtmp::build_many (all) == w);
}
GST_END_TEST

GST_START_TEST (test_many_codecs)
{
  const Wire w = Wire{0x95, 0x21} + text ("Opus") + Wire{0, 0, 0, 2, 1, 2} + text ("mp4a") +
                 Wire{1, 0, 0, 1, 3} + text ("abcd") + Wire{2, 0, 0, 0};
  const auto all = packets (parse_audio, w);
  fail_unless (all.size () == 3 && all[0].codec == Codec::opus && all[1].codec == Codec::aac);
  fail_unless (all[2].codec == Codec::unknown && all[2].fourcc == rtmp::fourcc ("abcd"));
  fail_unless (payload (all[0]) == (Wire{1, 2}) && payload (all[1]) == Wire{3});
}
GST_END_TEST

GST_START_TEST (test_sequence_starts_of_many_codecs)
{
  const Wire w = Wire{0x96, 0x20} + text ("hvc1") + Wire{0, 0, 0, 2, 1, 2} + text ("av01") +
                 Wire{1, 0, 0, 1, 3};
  const auto all = packets (parse_video, w);
  fail_unless (all.size () == 2 && all[1].codec == Codec::av1);
  fail_unless (all[0].type == PacketType::sequence_start && payload (all[0]) == (Wire{1, 2}));
  fail_unless (rtmp::build_many (all) == w);
}
GST_END_TEST

GST_START_TEST (test_round_trips)
{
  std::vector<TrackPacket> video{made (Codec::hevc, Framing::many_codecs, 0, {1, 2, 3}),
      made (Codec::av1, Framing::many_codecs, 1, {}),
      made (Codec::avc, Framing::many_codecs, 9, {4})};
  video[2].composition_ms = -8388608;
  for (TrackPacket &p : video) {
    p.key = true;
    p.nano_offset = 12345;
  }
  same_tracks (packets (parse_video, *rtmp::build_many (video)), video);
  std::vector<TrackPacket> audio;
  for (unsigned i = 0; i < 256; i++)
    audio.push_back (
        made (Codec::flac, Framing::many_tracks, static_cast<std::uint8_t> (i), Wire (i, 1)));
  same_tracks (packets (parse_audio, *rtmp::build_many (audio)), audio);
  audio.push_back (audio[0]);
  fail_unless (!rtmp::build_many (audio), "257 tracks");
}
GST_END_TEST

GST_START_TEST (test_not_to_be_built)
{
  const TrackPacket one = made (Codec::opus, Framing::many_tracks, 0, {1});
  fail_unless (!rtmp::build_many ({}) && !rtmp::build_header (one));
  std::vector<TrackPacket> two{one, made (Codec::aac, Framing::many_tracks, 1, {1})};
  fail_unless (!rtmp::build_many (two), "two codecs in one");
  two = {one, one};
  two[1].type = PacketType::sequence_start;
  fail_unless (!rtmp::build_many (two), "two types in one");
  two = {one, made (Codec::avc, Framing::many_tracks, 1, {1})};
  fail_unless (!rtmp::build_many (two), "audio with video");
  two = {made (Codec::mulaw, Framing::many_tracks, 1, {1})};
  fail_unless (!rtmp::build_many (two), "without FourCC");
}
GST_END_TEST

GST_START_TEST (test_nested_multitrack)
{
  fail_unless (
      result (parse_video, Wire{0x96, 0x06} + text ("avc1") + Wire{0, 1}) == TagResult::malformed);
  fail_unless (result (parse_audio, Wire{0x95, 0x15} + text ("Opus") + Wire{0, 0, 0, 0}) ==
               TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_reserved_multitrack_types)
{
  for (std::uint8_t kind = 3; kind < 16; kind++)
    fail_unless (result (parse_video, Wire{0x96, static_cast<std::uint8_t> (kind << 4 | 1)} +
                                          text ("avc1") + Wire (9)) == TagResult::unsupported);
  // An extension or a reserved type within.
  fail_unless (
      result (parse_video, Wire{0x96, 0x17} + text ("avc1") + Wire (9)) == TagResult::unsupported);
}
GST_END_TEST

// Nothing comes out of a body whose last track is wrong.
GST_START_TEST (test_truncated)
{
  const Wire w =
      Wire{0xa6, 0x11} + text ("avc1") + Wire{0, 0, 0, 4, 0, 0, 40, 9} + Wire{2, 0, 0, 3, 0, 0, 0};
  fail_unless (packets (parse_video, w).size () == 2);
  const std::size_t first = 6 + 8;
  for (std::size_t n = 1; n < w.size (); n++)
    fail_unless (n == first || result (parse_video, Wire (w.begin (), w.begin () + n)) ==
                                   TagResult::malformed,
        "accepts %zu bytes", n);
  // A track without room for its composition time.
  fail_unless (result (parse_video, Wire{0xa6, 0x11} + text ("avc1") + Wire{0, 0, 0, 2, 0, 0}) ==
               TagResult::malformed);
}
GST_END_TEST

GST_START_TEST (test_too_many_tracks)
{
  Wire w = Wire{0x95, 0x11} + text ("Opus");
  for (int i = 0; i < 257; i++)
    w = std::move (w) + Wire{1, 0, 0, 0};
  fail_unless (result (parse_audio, w) == TagResult::malformed);
}
GST_END_TEST

static Suite *tag_multitrack_suite ()
{
  Suite *s = suite_create ("rtmp-tag_multitrack");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_one_track);
  tcase_add_test (tc, test_many_tracks);
  tcase_add_test (tc, test_many_codecs);
  tcase_add_test (tc, test_sequence_starts_of_many_codecs);
  tcase_add_test (tc, test_round_trips);
  tcase_add_test (tc, test_not_to_be_built);
  tcase_add_test (tc, test_nested_multitrack);
  tcase_add_test (tc, test_reserved_multitrack_types);
  tcase_add_test (tc, test_truncated);
  tcase_add_test (tc, test_too_many_tracks);
  return s;
}
GST_CHECK_MAIN (tag_multitrack)
