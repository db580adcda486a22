// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams of a sink as messages.
#include "rtmpserver/outgoing.h"
#include "../check.h"
#include "rtmpserver/proto/amf0.h"

using namespace reach;
using namespace reach::rtmp;

namespace {
using Wire = std::vector<std::uint8_t>;
constexpr std::uint8_t payload[] = {1, 2, 3};

StreamParams params (Codec c, Wire config = {})
{
  StreamParams p;
  p.codec = c;
  p.config = std::move (config);
  p.sound = {44100, 16, 2};
  return p;
}
Wire wire (const Slice &s)
{
  return {s.bytes.begin (), s.bytes.end ()};
}
} // namespace

GST_START_TEST (test_plain_headers_where_there_are)
{
  OutgoingTrack t;
  fail_unless (t.set_params (params (Codec::avc, {9, 9})) && t.type () == MessageType::video);
  fail_unless (t.headers ().size () == 1 && t.headers ()[0].info.header);
  fail_unless (wire (t.headers ()[0].body) == (Wire{0x17, 0, 0, 0, 0, 9, 9}));
  auto f = t.frame (payload, true, 40);
  fail_unless (wire (f.body) == (Wire{0x17, 1, 0, 0, 40, 1, 2, 3}) && f.info.key);
  f = t.frame (payload, false, -1);
  fail_unless (wire (f.body) == (Wire{0x27, 1, 0xff, 0xff, 0xff, 1, 2, 3}) && !f.info.key);
  fail_unless (t.set_params (params (Codec::aac, {0x12, 0x10})) && t.type () == MessageType::audio);
  fail_unless (wire (t.headers ()[0].body) == (Wire{0xaf, 0, 0x12, 0x10}));
  f = t.frame (payload, true, 0);
  fail_unless (wire (f.body) == (Wire{0xaf, 1, 1, 2, 3}) && !f.info.key);
  fail_unless (t.set_params (params (Codec::screen)) && t.headers ().empty ());
  fail_unless (wire (t.frame (payload, true, 0).body) == (Wire{0x13, 1, 2, 3}));
}
GST_END_TEST

GST_START_TEST (test_enhanced_headers)
{
  OutgoingTrack t;
  fail_unless (t.set_params (params (Codec::hevc, {9})));
  fail_unless (wire (t.headers ()[0].body) == (Wire{0x90, 'h', 'v', 'c', '1', 9}));
  fail_unless (wire (t.frame (payload, false, 1).body) ==
               (Wire{0xa1, 'h', 'v', 'c', '1', 0, 0, 1, 1, 2, 3}));
}
GST_END_TEST

GST_START_TEST (test_further_tracks)
{
  OutgoingTrack t (3);
  fail_unless (t.set_params (params (Codec::avc, {9})));
  const auto f = t.frame (payload, true, 40);
  fail_unless (wire (f.body) == (Wire{0x96, 1, 'a', 'v', 'c', '1', 3, 0, 0, 40, 1, 2, 3}) &&
               f.info.track == 3);
  const MediaInfo read = info_of (MessageType::video, f.body);
  fail_unless (read.track == 3 && read.key && !read.header);
  fail_unless (!t.set_params (params (Codec::mulaw)), "no FourCC");
  fail_unless (t.params ().codec == Codec::unknown);
}
GST_END_TEST

// In front of the payload is what came in with it.
GST_START_TEST (test_payload_stays_where_it_is)
{
  OutgoingTrack t;
  fail_unless (t.set_params (params (Codec::avc, {9})));
  const Slice in = slice_of ({0x55, 0x17, 1, 0, 0, 40, 1, 2, 3});
  const auto f = t.frame (in, 6, true, 40);
  fail_unless (f.body.bytes.data () == in.bytes.data () + 1 && f.body.size () == 8);
  fail_unless (f.body.owner.get () == in.owner.get () && f.info.key && f.info.track == 0);
  // Another header is needed, or nothing is in front.
  for (const auto &other : {t.frame (in, 6, true, 41), t.frame (in, 6, false, 40)}) {
    fail_unless (other.body.size () == 8 && wire (other.body)[5] == 1);
    fail_unless (other.body.owner.get () != in.owner.get ());
  }
  fail_unless (
      wire (t.frame (in.sub (2, 7), 4, true, 40).body) == (Wire{0x17, 1, 0, 0, 40, 1, 2, 3}));
  fail_unless (
      wire (t.frame (in.sub (6, 3), 0, true, 40).body) == (Wire{0x17, 1, 0, 0, 40, 1, 2, 3}));
}
GST_END_TEST

GST_START_TEST (test_colours)
{
  OutgoingTrack t;
  StreamParams p = params (Codec::hevc, {9});
  fail_unless (t.set_params (p) && t.notice ().size () == 0);
  p.color = ColorInfo{.bit_depth = 10, .primaries = 9, .transfer = 16, .matrix = 9};
  p.color->light_level = {1000, 400};
  fail_unless (t.set_params (p));
  const Slice body = t.notice ();
  std::vector<TrackPacket> packets;
  fail_unless (parse_video (body, packets) == TagResult::ok && packets.size () == 1);
  fail_unless (packets[0].type == PacketType::metadata && packets[0].codec == Codec::hevc);
  const auto values = decode_amf0 (packets[0].payload.bytes, {}).values;
  fail_unless (parse_color_info (values) == p.color);
  const TagInfo info = info_of (MessageType::video, body);
  fail_unless (info.notice && !info.header && !info.key);
  p.color.reset (); // players still have the other
  fail_unless (t.set_params (p));
  const Slice reset = t.notice ();
  fail_unless (parse_video (reset, packets) == TagResult::ok);
  fail_unless (parse_color_info (decode_amf0 (packets[0].payload.bytes, {}).values) == ColorInfo{});
  // Old players would take it for VP6.
  p.codec = Codec::avc;
  p.color = ColorInfo{.primaries = 1};
  fail_unless (t.set_params (p) && t.notice ().size () == 0);
  OutgoingTrack further (1);
  fail_unless (further.set_params (p) && further.notice ().size () > 0);
}
GST_END_TEST

GST_START_TEST (test_speakers)
{
  OutgoingTrack t;
  StreamParams p = params (Codec::flac, {9});
  p.audio.channels = 6;
  p.speakers = MultichannelConfig{MultichannelConfig::Order::native, 6, 0x60f, {}};
  fail_unless (t.set_params (p));
  fail_unless (wire (t.notice ()) == (Wire{0x94, 'f', 'L', 'a', 'C', 1, 6, 0, 0, 6, 0x0f}));
  fail_unless (info_of (MessageType::audio, t.notice ()).notice);
  p.speakers.reset ();
  fail_unless (t.set_params (p));
  fail_unless (wire (t.notice ()) == (Wire{0x94, 'f', 'L', 'a', 'C', 0, 6}));
}
GST_END_TEST

GST_START_TEST (test_info_of_flv_tags)
{
  const auto info = [] (MessageType t, Wire w) { return info_of (t, slice_of (std::move (w))); };
  fail_unless (info (MessageType::video, {0x17, 0, 0, 0, 0, 9}).header);
  fail_unless (!info (MessageType::video, {0x17, 0, 0, 0, 0, 9}).key);
  fail_unless (info (MessageType::video, {0x17, 1, 0, 0, 0, 9}).key);
  fail_unless (!info (MessageType::video, {0x27, 1, 0, 0, 0, 9}).key);
  fail_unless (info (MessageType::audio, {0xaf, 0, 9}).header);
  fail_unless (!info (MessageType::audio, {0xaf, 1, 9}).header);
  fail_unless (!info (MessageType::audio, {}).header);
  fail_unless (!info (MessageType::data_amf0, {0x17, 0, 0, 0, 0}).header);
}
GST_END_TEST

GST_START_TEST (test_times)
{
  fail_unless (timestamp_of (-5) == 0 && timestamp_of (1999999) == 1);
  constexpr std::int64_t day = 86400000000000;
  fail_unless (timestamp_of (50 * day) == static_cast<std::uint32_t> (50 * 86400000ll), "wraps");
}
GST_END_TEST

GST_START_TEST (test_metadata)
{
  OutgoingTracks tracks;
  tracks.video = {{0, params (Codec::avc)}, {2, params (Codec::hevc)}, {3, {}}};
  tracks.video[0].params.size = {640, 480};
  tracks.audio = {{0, params (Codec::aac)}};
  const Slice body = metadata_body (tracks);
  const auto m = parse_metadata (decode_amf0 (body.bytes, {}).values);
  fail_unless (m && m->video && m->audio && m->video->width == 640 && m->audio->rate == 44100);
  fail_unless (m->video_tracks.size () == 1 && m->video_tracks[0].id == 2);
}
GST_END_TEST

static Suite *outgoing_suite ()
{
  Suite *s = suite_create ("rtmp-outgoing");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_plain_headers_where_there_are);
  tcase_add_test (tc, test_enhanced_headers);
  tcase_add_test (tc, test_further_tracks);
  tcase_add_test (tc, test_payload_stays_where_it_is);
  tcase_add_test (tc, test_colours);
  tcase_add_test (tc, test_speakers);
  tcase_add_test (tc, test_info_of_flv_tags);
  tcase_add_test (tc, test_times);
  tcase_add_test (tc, test_metadata);
  return s;
}
GST_CHECK_MAIN (outgoing)
