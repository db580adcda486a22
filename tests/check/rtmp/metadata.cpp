// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmpserver/proto/metadata.h"
#include "tag_fixture.h"
#include <cmath>

using namespace reach;
using namespace reach::test;
using rtmp::build_color_info;
using rtmp::build_metadata;
using rtmp::ColorInfo;
using rtmp::Metadata;
using rtmp::Null;
using rtmp::parse_color_info;
using rtmp::parse_metadata;
using rtmp::Value;
using Values = std::vector<Value>;

namespace {
Value usual ()
{
  return Value::ecma_array ({{"duration", 0.0}, {"width", 1280.0}, {"height", 720.0},
      {"videocodecid", 7.0}, {"videodatarate", 2500.0}, {"framerate", 30.0}, {"audiocodecid", 10.0},
      {"audiodatarate", 160.0}, {"audiosamplerate", 48000.0}, {"audiosamplesize", 16.0},
      {"audiochannels", 2.0}, {"stereo", true}, {"encoder", "obs-output module"}});
}

void check_usual (const std::optional<Metadata> &m)
{
  fail_unless (m && m->video && m->audio);
  fail_unless (m->video->codec == Codec::avc && m->video->width == 1280 && m->video->height == 720);
  fail_unless (m->video->framerate == 30 && m->video->bitrate == 2500);
  fail_unless (m->audio->codec == Codec::aac && m->audio->rate == 48000 && m->audio->channels == 2);
  fail_unless (m->audio->bits == 16 && m->audio->bitrate == 160);
  fail_unless (m->encoder == "obs-output module" && m->duration == 0);
}
} // namespace

GST_START_TEST (test_set_data_frame)
{
  check_usual (parse_metadata ({"@setDataFrame", "onMetaData", usual ()}));
  check_usual (parse_metadata ({"onMetaData", usual ()}));
}
GST_END_TEST

GST_START_TEST (test_object_instead_of_ecma_array)
{
  Value v = usual ();
  v.as<rtmp::Object> ()->kind = rtmp::Object::Kind::object;
  check_usual (parse_metadata ({"@setDataFrame", "onMetaData", v}));
}
GST_END_TEST

GST_START_TEST (test_strict_array)
{
  rtmp::Array a;
  const Value all = usual ();
  for (const auto &[name, value] : all.members ())
    a.values.push_back (Value::object ({{name, value}}));
  check_usual (parse_metadata ({"onMetaData", Value (a)}));
  // One of numbers says nothing.
  const auto m = parse_metadata ({"onMetaData", Value (rtmp::Array{{1.0, 2.0}})});
  fail_unless (m && !m->video && !m->audio);
}
GST_END_TEST

GST_START_TEST (test_two_stray_numbers_before_set_data_frame)
{
  check_usual (parse_metadata ({0.0, 0.0, "@setDataFrame", "onMetaData", usual ()}));
  check_usual (parse_metadata ({"@setDataFrame", "onMetaData", 1.0, Null{}, usual ()}));
}
GST_END_TEST

GST_START_TEST (test_none_and_empty)
{
  fail_unless (!parse_metadata ({}));
  fail_unless (!parse_metadata ({"onTextData", usual ()}));
  fail_unless (!parse_metadata ({"@clearDataFrame", "onMetaData"}));
  fail_unless (rtmp::clears_metadata ({"@clearDataFrame", "onMetaData"}));
  fail_unless (!rtmp::clears_metadata ({"@setDataFrame", "onMetaData"}));
  for (const Values &v : {Values{"onMetaData"}, Values{"onMetaData", Null{}},
           Values{"onMetaData", Value::object ({})}}) {
    const auto m = parse_metadata (v);
    fail_unless (m && !m->video && !m->audio);
  }
}
GST_END_TEST

GST_START_TEST (test_one_kind_only)
{
  auto m =
      parse_metadata ({"onMetaData", Value::ecma_array ({{"width", 640.0}, {"height", 480.0}})});
  fail_unless (m && m->video && !m->audio && m->video->codec == Codec::unknown);
  m = parse_metadata ({"onMetaData", Value::ecma_array ({{"stereo", false}})});
  fail_unless (m && !m->video && m->audio && m->audio->channels == 1);
}
GST_END_TEST

GST_START_TEST (test_codec_numbers_names_and_fourccs)
{
  const auto video = [] (Value id) {
    return parse_metadata ({"onMetaData", Value::object ({{"videocodecid", std::move (id)}})})
        ->video->codec;
  };
  const auto audio = [] (Value id) {
    return parse_metadata ({"onMetaData", Value::object ({{"audiocodecid", std::move (id)}})})
        ->audio->codec;
  };
  fail_unless (video (1635135537.0) == Codec::av1 && video ("hvc1") == Codec::hevc &&
               video ("avc1") == Codec::avc);
  fail_unless (
      video (2.0) == Codec::sorenson && video (12.0) == Codec::hevc && video (7) == Codec::avc);
  fail_unless (audio (1332770163.0) == Codec::opus && audio ("mp4a") == Codec::aac &&
               audio (0.0) == Codec::pcm);
  fail_unless (audio (2.0) == Codec::mp3 && audio (Null{}) == Codec::unknown &&
               video ("none") == Codec::unknown);
}
GST_END_TEST

GST_START_TEST (test_wrong_types_and_values)
{
  const double values[] = {-1, NAN, INFINITY, -INFINITY, 1e300, 4294967296.0};
  for (const double v : values) {
    const auto m = parse_metadata (
        {"onMetaData", Value::object ({{"width", v}, {"height", v}, {"framerate", v},
                           {"videocodecid", v}, {"audiocodecid", v}, {"audiosamplerate", v},
                           {"audiochannels", v}, {"audiosamplesize", v}, {"duration", v}})});
    fail_unless (m && m->video && m->video->width == 0 && m->video->framerate == 0, "%f", v);
    fail_unless (
        m->audio->rate == 0 && m->audio->channels == 0 && m->audio->codec == Codec::unknown);
  }
  const auto m = parse_metadata (
      {"onMetaData", Value::object ({{"width", "1920"}, {"height", Value::object ({})},
                         {"audiosamplerate", Null{}}, {"encoder", 1.0}, {"stereo", 1.0},
                         {"videoTrackIdInfoMap", 3.0}})});
  fail_unless (m->video->width == 1920 && m->video->height == 0 && m->encoder.empty ());
  fail_unless (m->audio->channels == 2 && m->video_tracks.empty ());
}
GST_END_TEST

GST_START_TEST (test_long_text)
{
  const auto m =
      parse_metadata ({"onMetaData", Value::object ({{"encoder", std::string (60000, 'x')}})});
  fail_unless (m && m->encoder.size () == 256);
}
GST_END_TEST

GST_START_TEST (test_track_id_info_map)
{
  const Value v = Value::object ({{"width", 1920.0}, {"height", 1080.0}, {"videocodecid", 7.0},
      {"videoTrackIdInfoMap",
          Value::object ({{"1", Value::object ({{"width", 640.0}, {"height", 360.0}})},
              {"2", Value::object ({{"videocodecid", "hvc1"}})}, {"256", Value::object ({})},
              {"x", Value::object ({})}, {"", Value::object ({})}, {"-1", Value::object ({})}})},
      {"audioTrackIdInfoMap",
          Value::object ({{"3", Value::object ({{"channels", 6.0}, {"samplerate", 48000.0}})}})}});
  const auto m = parse_metadata ({"onMetaData", v});
  fail_unless (m && m->video_tracks.size () == 2 && m->audio_tracks.size () == 1);
  fail_unless (m->video_tracks[0].id == 1 && m->video_tracks[0].info.width == 640);
  fail_unless (m->video_tracks[0].info.codec == Codec::avc, "from the default track");
  fail_unless (
      m->video_tracks[1].info.codec == Codec::hevc && m->video_tracks[1].info.width == 1920);
  fail_unless (m->audio_tracks[0].id == 3 && m->audio_tracks[0].info.channels == 6 && !m->audio);
}
GST_END_TEST

GST_START_TEST (test_round_trip)
{
  Metadata m;
  m.video = {Codec::avc, 0, 2500, 1280, 720, 29.97, 0, 0, 0};
  m.audio = {Codec::opus, rtmp::fourcc ("Opus"), 160, 0, 0, 0, 48000, 2, 16};
  m.video_tracks = {{4, {Codec::av1, rtmp::fourcc ("av01"), 900, 640, 360, 25, 0, 0, 0}}};
  m.audio_tracks = {{9, {Codec::aac, 0, 96, 0, 0, 0, 44100, 1, 8}}};
  m.encoder = "test";
  m.duration = 3.5;
  const Values values = build_metadata (m);
  fail_unless (values.size () == 2 && values[0].string () == "onMetaData");
  fail_unless (values[1].as<rtmp::Object> ()->kind == rtmp::Object::Kind::ecma_array);
  fail_unless (values[1]["audiocodecid"].number () == 1332770163.0);
  fail_unless (parse_metadata (values) == m);
  fail_unless (parse_metadata (build_metadata ({})) == Metadata{});
}
GST_END_TEST

GST_START_TEST (test_color_info_round_trip)
{
  ColorInfo c;
  c.bit_depth = 10;
  c.primaries = 9;
  c.transfer = 16;
  c.matrix = 9;
  fail_unless (parse_color_info (build_color_info (c)) == c);
  c.light_level = {1000, 400};
  c.mastering = {{0.708, 0.292}, {0.17, 0.797}, {0.131, 0.046}, {0.3127, 0.329}, 1000, 0.0001};
  fail_unless (parse_color_info (build_color_info (c)) == c);
}
GST_END_TEST

GST_START_TEST (test_color_info_reset)
{
  fail_unless (parse_color_info ({"colorInfo", Value ()}) == ColorInfo{});
  fail_unless (parse_color_info ({"colorInfo", Value::object ({})}) == ColorInfo{});
  fail_unless (parse_color_info ({"colorInfo"}) == ColorInfo{});
  const Values reset = build_color_info ({});
  fail_unless (reset.size () == 2 && reset[1].is<rtmp::Undefined> ());
  fail_unless (!parse_color_info ({"other", Value::object ({})}) && !parse_color_info ({}));
}
GST_END_TEST

GST_START_TEST (test_color_info_out_of_range)
{
  const double values[] = {-1, 1e9, NAN, INFINITY};
  for (const double v : values) {
    const Value config =
        Value::object ({{"bitDepth", v}, {"colorPrimaries", v}, {"matrixCoefficients", v}});
    const Value mdcv = Value::object ({{"redX", v}, {"maxLuminance", v}});
    const auto c =
        parse_color_info ({"colorInfo", Value::object ({{"colorConfig", config}, {"hdrMdcv", mdcv},
                                            {"hdrCll", Value::object ({{"maxCLL", v}})}})});
    fail_unless (c == ColorInfo{}, "%f", v);
  }
}
GST_END_TEST

static Suite *metadata_suite ()
{
  Suite *s = suite_create ("rtmp-metadata");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_set_data_frame);
  tcase_add_test (tc, test_object_instead_of_ecma_array);
  tcase_add_test (tc, test_strict_array);
  tcase_add_test (tc, test_two_stray_numbers_before_set_data_frame);
  tcase_add_test (tc, test_none_and_empty);
  tcase_add_test (tc, test_one_kind_only);
  tcase_add_test (tc, test_codec_numbers_names_and_fourccs);
  tcase_add_test (tc, test_wrong_types_and_values);
  tcase_add_test (tc, test_long_text);
  tcase_add_test (tc, test_track_id_info_map);
  tcase_add_test (tc, test_round_trip);
  tcase_add_test (tc, test_color_info_round_trip);
  tcase_add_test (tc, test_color_info_reset);
  tcase_add_test (tc, test_color_info_out_of_range);
  return s;
}
GST_CHECK_MAIN (metadata)
