// SPDX-License-Identifier: LGPL-2.1-or-later
// Records that x264, x265 and libaom have written, and what is wrong with others.
#include "../hex.h"
#include "rtmpserver/proto/codec_config.h"
#include "tag_fixture.h"
#include <memory>
#include <string>

using namespace reach;
using namespace reach::test;
using rtmp::VideoConfig;

namespace {
// 66×50 4:2:0, cropped.
const char avcc[] = "0164000affe1001a6764000aacd945278888c044000003000400000300283c4896580100"
                    "0668ebe3cb22c0fdf8f800";
// 66×54 4:2:2 10 bit, interlaced.
const char avcc_interlaced[] = "017a0015ffe1001e677a0015b6cd9454f1137fe003600322000003000400000300"
                               "143e28532c01000668fba3cb22c0fefafa00";
// 66×50, 4:4:4 8 and 12 bit.
const char hvcc[] = "0104080000009e08000000001ef000fcfff8f800000f03a00001001740010c01ffff0408000003"
                    "009e0800000300001e959809a10001002d4201010408000003009e0800000300001e900490739e"
                    "7cb2b35c995e02dc080800100000030010000003005080a2000100084401c17318311890";
const char hvcc_12[] = "0104080000009808000000001ef000fcfffcfc00000f03a00001001740010c01ffff040800"
                       "000300980800000300001e959809a10001002b420101040800000300980800000300001e90"
                       "0490739e7294b2b35c995e02d0100000030010000003005080a20001000844"
                       "01c17318311890";
// The same, 4:2:0 10 bit.
const char hvcc_420[] =
    "0102200000009000000000001ef000fcfdfafa00000f03a00001001840010c01ffff022000"
    "00030090000003000003001e959809a10001002b420101022000000300900000030000030"
    "01ea024839c92365959ae4caf0168080000030008000003002840a2000100064401c173d189";
const char av1c[] = "812000000a0d200000032c1c4daf92021a0040";

using Parse = std::optional<VideoConfig> (*) (Bytes);

std::optional<VideoConfig> parsed (Parse parse, const Wire &w)
{
  const auto copy = std::make_unique<std::uint8_t[]> (w.size ());
  std::copy (w.begin (), w.end (), copy.get ());
  return parse (Bytes (copy.get (), w.size ()));
}

void check_hostile (Parse parse, const Wire &w, std::size_t needed)
{
  for (std::size_t n = 0; n < needed; n++)
    fail_unless (!parsed (parse, Wire (w.begin (), w.begin () + n)), "accepts %zu bytes", n);
  // Any bit may be wrong: sizes stay within what a picture may have.
  for (std::size_t i = 0; i < w.size () * 8; i++) {
    Wire bad = w;
    bad[i / 8] ^= static_cast<std::uint8_t> (1 << i % 8);
    const auto v = parsed (parse, bad);
    fail_unless (!v || (v->width <= 65536 && v->height <= 65536));
  }
}
} // namespace

GST_START_TEST (test_avc)
{
  const auto v = parsed (rtmp::parse_avc_config, hex (avcc));
  fail_unless (v && v->width == 66 && v->height == 50, "%ux%u", v->width, v->height);
  fail_unless (v->profile == 100 && v->level == 10 && v->nal_length_size == 4);
  fail_unless (v->chroma_format == 1 && v->bit_depth == 8);
  const auto i = parsed (rtmp::parse_avc_config, hex (avcc_interlaced));
  fail_unless (i && i->width == 66 && i->height == 54, "%ux%u", i->width, i->height);
  fail_unless (i->profile == 122 && i->chroma_format == 2 && i->bit_depth == 10);
}
GST_END_TEST

GST_START_TEST (test_hevc)
{
  const auto v = parsed (rtmp::parse_hevc_config, hex (hvcc));
  fail_unless (v && v->width == 66 && v->height == 50, "%ux%u", v->width, v->height);
  fail_unless (v->profile == 4 && v->level == 30 && v->chroma_format == 3 && v->bit_depth == 8);
  const auto twelve = parsed (rtmp::parse_hevc_config, hex (hvcc_12));
  fail_unless (twelve && twelve->bit_depth == 12 && twelve->width == 66 && twelve->height == 50);
  const auto ten = parsed (rtmp::parse_hevc_config, hex (hvcc_420));
  fail_unless (ten && ten->bit_depth == 10 && ten->chroma_format == 1 && ten->profile == 2);
  fail_unless (ten->width == 66 && ten->height == 50, "%ux%u", ten->width, ten->height);
}
GST_END_TEST

GST_START_TEST (test_av1)
{
  const auto v = parsed (rtmp::parse_av1_config, hex (av1c));
  fail_unless (v && v->width == 66 && v->height == 50, "%ux%u", v->width, v->height);
  fail_unless (v->profile == 1 && v->level == 0 && v->bit_depth == 8 && v->chroma_format == 3);
  const auto short_one = parsed (rtmp::parse_av1_config, hex ("81084c00"));
  fail_unless (short_one && short_one->width == 0 && short_one->level == 8);
  fail_unless (short_one->bit_depth == 10 && short_one->chroma_format == 1);
}
GST_END_TEST

// The records that FFmpeg has made for libaom and rav1e: 8 and 10 bit, 4:2:2, monochrome, 12 bit
// 4:4:4, sRGB. Ours of the same sequence header is the same, without what follows it.
GST_START_TEST (test_av1_config_is_built)
{
  for (const char *record : {"81000c000a0a000000032c1c4daf9004", "81004c000a0a000000032c1c4daf9404",
           "814008000a0a400000032c1c4daf9010", "81001c000a0a000000032c1c4daf92a0",
           "814060000a0a400000032c1c4daf9604", "812000000a0d200000032c1c4daf92021a0040",
           "811f0c000a0d000000f9960e2210ac8101010a"}) {
    const Wire wire = hex (record);
    // A temporal delimiter before, a padding OBU behind it.
    const Wire unit = hex ("1200") + Wire (wire.begin () + 4, wire.end ()) + hex ("7a0180");
    const auto built = rtmp::build_av1_config (unit);
    fail_unless (built && *built == wire, "%s", record);
    fail_unless (parsed (rtmp::parse_av1_config, *built)->width > 0);
    for (std::size_t n = 0; n < wire.size () - 4; n++)
      fail_unless (!rtmp::build_av1_config (Bytes (wire).subspan (4, n)), "of %zu bytes", n);
  }
  fail_unless (!rtmp::build_av1_config (hex ("12003204aabbccdd")), "no key frame");
}
GST_END_TEST

GST_START_TEST (test_vp)
{
  for (const char *record : {"011482020202"
                             "0000",
           "01000000"
           "011482020202"
           "0000"}) {
    const auto v = parsed (rtmp::parse_vp_config, hex (record));
    fail_unless (
        v && v->profile == 1 && v->level == 20 && v->bit_depth == 8 && v->chroma_format == 1);
  }
  const auto v = parsed (rtmp::parse_vp_config, hex ("020aa40101010000"));
  fail_unless (v && v->bit_depth == 10 && v->chroma_format == 2);
  for (const char *bad :
      {"0414820202020000", "0114720202020000", "01148e0202020000", "0114820202020001"})
    fail_unless (!parsed (rtmp::parse_vp_config, hex (bad)), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_empty_sequence_header)
{
  for (const Codec c : {Codec::avc, Codec::hevc, Codec::av1, Codec::vp8, Codec::vp9})
    fail_unless (!rtmp::parse_video_config (c, {}));
  for (const Codec c : {Codec::screen, Codec::sorenson, Codec::vp6, Codec::unknown})
    fail_unless (rtmp::parse_video_config (c, {}) == VideoConfig{});
  // No SPS at all.
  fail_unless (!parsed (rtmp::parse_avc_config, hex ("0164000affe000")));
  fail_unless (!parsed (rtmp::parse_avc_config, hex ("0164000affe1000000")));
}
GST_END_TEST

GST_START_TEST (test_hostile)
{
  check_hostile (rtmp::parse_avc_config, hex (avcc), hex (avcc).size () - 4);
  check_hostile (rtmp::parse_avc_config, hex (avcc_interlaced), hex (avcc_interlaced).size () - 4);
  check_hostile (rtmp::parse_hevc_config, hex (hvcc), hex (hvcc).size ());
  check_hostile (rtmp::parse_av1_config, hex (av1c), 4);
  check_hostile (rtmp::parse_vp_config, hex ("0114820202020000"), 8);
  // Exp-Golomb codes without end, and as many reference frames as a number can have.
  fail_unless (
      !parsed (rtmp::parse_avc_config, hex ("0142000affe10008674200") + Wire (5, 0) + hex ("00")));
  fail_unless (!parsed (rtmp::parse_avc_config,
      hex ("0142000affe1000c6742000a") + hex ("e8000000080000ff") + hex ("00")));
}
GST_END_TEST

GST_START_TEST (test_frame_sizes)
{
  const auto size = [] (Codec codec, const Wire &w, bool key = true, std::uint8_t adjust = 0) {
    TrackPacket p;
    p.codec = codec;
    p.key = key;
    p.vp6_adjust = adjust;
    p.payload = body (w);
    return rtmp::parse_frame_size (p).value_or (rtmp::FrameSize{});
  };
  using Size = rtmp::FrameSize;
  fail_unless (size (Codec::vp8, hex ("d023009d012a4200320000070885")) == (Size{66, 50}));
  fail_unless (size (Codec::vp8, hex ("d123009d012a4200320000070885")) == Size{});
  fail_unless (size (Codec::screen, hex ("30403030")) == (Size{64, 48}));
  fail_unless (size (Codec::screen2, hex ("30403030"), false) == (Size{64, 48}));
  fail_unless (size (Codec::screen, hex ("304030")) == Size{});
  fail_unless (size (Codec::vp6, hex ("004603040304"), true, 0x25) == (Size{62, 43}));
  fail_unless (size (Codec::vp6a, hex ("000010"
                                       "014000000304")) == (Size{64, 48}));
  fail_unless (size (Codec::vp6, hex ("804603040304")) == Size{});
  // Sorenson: 8-bit custom size, then a standard one.
  fail_unless (size (Codec::sorenson, hex ("0000840020180000")) == (Size{64, 48}));
  fail_unless (size (Codec::sorenson, hex ("0000840100000000")) == (Size{352, 288}));
  fail_unless (size (Codec::avc, hex ("00000001")) == Size{});
  for (const Codec c : {Codec::vp8, Codec::screen, Codec::vp6, Codec::vp6a, Codec::sorenson})
    fail_unless (size (c, {}) == Size{});
}
GST_END_TEST

static Suite *video_config_suite ()
{
  Suite *s = suite_create ("rtmp-video_config");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_avc);
  tcase_add_test (tc, test_hevc);
  tcase_add_test (tc, test_av1);
  tcase_add_test (tc, test_av1_config_is_built);
  tcase_add_test (tc, test_vp);
  tcase_add_test (tc, test_empty_sequence_header);
  tcase_add_test (tc, test_hostile);
  tcase_add_test (tc, test_frame_sizes);
  return s;
}
GST_CHECK_MAIN (video_config)
