// SPDX-License-Identifier: LGPL-2.1-or-later
// Records and frames that encoders have written, and what is wrong with others.
#include "../hex.h"
#include "rtmpserver/proto/codec_config.h"
#include "tag_fixture.h"

using namespace reach;
using namespace reach::test;
using rtmp::AudioConfig;

GST_START_TEST (test_aac)
{
  auto a = rtmp::parse_aac_config (hex ("120856e500"));
  fail_unless (a && a->profile == 2 && a->rate == 44100 && a->channels == 1 && !a->sbr);
  fail_unless (a->frame_samples == 1024);
  a = rtmp::parse_aac_config (hex ("11b056e500"));
  fail_unless (a && a->rate == 48000 && a->channels == 6);
  a = rtmp::parse_aac_config (hex ("1210"));
  fail_unless (a && a->rate == 44100 && a->channels == 2);
}
GST_END_TEST

// SBR as a type of its own, and behind a mark that old decoders do not see.
GST_START_TEST (test_he_aac)
{
  auto a = rtmp::parse_aac_config (hex ("2b920800")); // type 5, 22.05 kHz stereo, 44.1 kHz
  fail_unless (a && a->sbr && !a->ps && a->profile == 2 && a->rate == 22050 && a->channels == 2);
  a = rtmp::parse_aac_config (hex ("eb098800")); // type 29
  fail_unless (a && a->sbr && a->ps && a->rate == 24000 && a->channels == 1);
  a = rtmp::parse_aac_config (hex ("139056e5a0"));
  fail_unless (a && a->sbr && a->rate == 22050 && a->channels == 2);
}
GST_END_TEST

GST_START_TEST (test_aac_program_config)
{
  // No channel configuration; front: one single and one pair, back: one pair, one LFE.
  const Wire asc = hex ("118004c8050001088000");
  const auto a = rtmp::parse_aac_config (asc);
  fail_unless (a && a->rate == 48000 && a->channels == 6, "%u channels", a ? a->channels : 0);
}
GST_END_TEST

GST_START_TEST (test_empty_and_wrong_aac)
{
  fail_unless (!rtmp::parse_aac_config ({}) && !rtmp::parse_aac_config (hex ("12")));
  fail_unless (!rtmp::parse_aac_config (hex ("0010")), "object type 0");
  fail_unless (!rtmp::parse_aac_config (hex ("1690")), "reserved rate");
  fail_unless (!rtmp::parse_aac_config (hex ("1240")), "reserved channels");
  fail_unless (!rtmp::parse_aac_config (hex ("1780000010")), "rate 0");
}
GST_END_TEST

GST_START_TEST (test_mp3)
{
  auto a = rtmp::parse_mp3_frame (hex ("fffb9064"));
  fail_unless (a && a->rate == 44100 && a->channels == 2 && a->layer == 3 && a->profile == 1);
  fail_unless (a->frame_samples == 1152);
  a = rtmp::parse_mp3_frame (hex ("fff38064"));
  fail_unless (a && a->rate == 22050 && a->profile == 2 && a->frame_samples == 576);
  a = rtmp::parse_mp3_frame (hex ("ffe33864"));
  fail_unless (a && a->rate == 8000 && a->profile == 3 && a->channels == 2);
  fail_unless (rtmp::parse_mp3_frame (hex ("fffb90c4"))->channels == 1);
  for (const char *bad : {"", "fffb90", "fefb9064", "ffeb9064", "fff99064", "fffbf064", "fffb9c64"})
    fail_unless (!rtmp::parse_mp3_frame (hex (bad)), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_ac3)
{
  auto a = rtmp::parse_ac3_frame (hex ("0b77c1421e40ebf8"));
  fail_unless (a && a->rate == 48000 && a->channels == 6 && a->frame_samples == 1536);
  a = rtmp::parse_ac3_frame (hex ("0b772fde8c402f84"));
  fail_unless (a && a->rate == 32000 && a->channels == 1);
  for (const char *bad :
      {"", "0b77c1421e40", "0b78c1421e40ebf8", "0b77c142de40ebf8", "0b77c1421ef8ebf8"})
    fail_unless (!rtmp::parse_ac3_frame (hex (bad)), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_eac3)
{
  auto a = rtmp::parse_ac3_frame (hex ("0b77037f3f87c000"));
  fail_unless (a && a->rate == 48000 && a->channels == 6 && a->frame_samples == 1536);
  a = rtmp::parse_ac3_frame (hex ("0b77011fb287c000"));
  fail_unless (a && a->rate == 32000 && a->channels == 1);
  a = rtmp::parse_ac3_frame (hex ("0b77011fd487c000")); // half of 44.1 kHz
  fail_unless (a && a->rate == 22050 && a->channels == 2);
  fail_unless (!rtmp::parse_ac3_frame (hex ("0b77011ff487c000")));
}
GST_END_TEST

GST_START_TEST (test_opus)
{
  const Wire stereo = hex ("4f707573486561640102380180bb0000000000");
  auto h = rtmp::parse_opus_head (stereo);
  fail_unless (h && h->channels == 2 && h->rate == 48000 && h->pre_skip == 312 && h->family == 0);
  fail_unless (h->streams == 1 && h->coupled == 1 && rtmp::build_opus_head (*h) == stereo);
  const Wire surround = hex ("4f707573486561640106380180bb00000000010402000401020305");
  h = rtmp::parse_opus_head (surround);
  fail_unless (h && h->channels == 6 && h->family == 1 && h->streams == 4 && h->coupled == 2);
  fail_unless (h->mapping == (Wire{0, 4, 1, 2, 3, 5}) && rtmp::build_opus_head (*h) == surround);
  for (const Wire &good : {stereo, surround})
    for (std::size_t n = 0; n < good.size (); n++)
      fail_unless (!rtmp::parse_opus_head (Bytes (good).first (n)), "accepts %zu bytes", n);
}
GST_END_TEST

GST_START_TEST (test_wrong_opus)
{
  const Wire good = hex ("4f707573486561640106380180bb00000000010402000401020305");
  const std::pair<std::size_t, std::uint8_t> changes[] = {
      {0, 'o'}, {8, 0x10}, {9, 0}, {18, 0}, {19, 0}, {20, 5}, {22, 6}};
  for (const auto &[at, value] : changes) {
    Wire w = good;
    w[at] = value;
    fail_unless (!rtmp::parse_opus_head (w), "byte %zu", at);
  }
  Wire unused = good;
  unused[22] = 255;
  fail_unless (rtmp::parse_opus_head (unused).has_value ());
}
GST_END_TEST

GST_START_TEST (test_flac)
{
  const Wire info = hex ("1200120000047e0004da0ac440f00000227464b80e4dc9c9bd5ca308a6942a1c06ec");
  const Wire block = hex ("80000022") + info;
  for (const Wire &w :
      {info, block, hex ("664c6143") + block, hex ("664c6143") + block + Wire (20)}) {
    const auto f = rtmp::parse_flac_config (w);
    fail_unless (
        f && f->rate == 44100 && f->channels == 1 && f->bits == 16 && f->max_block == 4608);
    fail_unless (Wire (f->stream_info.begin (), f->stream_info.end ()) == info);
    fail_unless (f->audio ().rate == 44100);
  }
  for (std::size_t n = 0; n < info.size (); n++)
    fail_unless (!rtmp::parse_flac_config (Bytes (info).first (n)));
  fail_unless (!rtmp::parse_flac_config (Wire (34)));
}
GST_END_TEST

GST_START_TEST (test_multichannel)
{
  using rtmp::MultichannelConfig;
  const auto native = rtmp::parse_multichannel (hex ("01060000003f"));
  fail_unless (
      native && native->order == MultichannelConfig::Order::native && native->channels == 6);
  fail_unless (native->mask == 0x3f && rtmp::build_multichannel (*native) == hex ("01060000003f"));
  const auto custom = rtmp::parse_multichannel (hex ("02030100fe"));
  fail_unless (custom && custom->mapping == (Wire{1, 0, 0xfe}));
  fail_unless (rtmp::build_multichannel (*custom) == hex ("02030100fe"));
  const auto plain = rtmp::parse_multichannel (hex ("0002"));
  fail_unless (plain && plain->channels == 2 && rtmp::build_multichannel (*plain) == hex ("0002"));
  for (const char *bad : {"", "00", "0302", "0106", "0106000000", "02030102"})
    fail_unless (!rtmp::parse_multichannel (hex (bad)), "%s", bad);
  MultichannelConfig short_one;
  short_one.order = MultichannelConfig::Order::custom;
  short_one.channels = 3;
  short_one.mapping = {7};
  fail_unless (rtmp::build_multichannel (short_one) == hex ("020307ffff"));
}
GST_END_TEST

static Suite *audio_config_suite ()
{
  Suite *s = suite_create ("rtmp-audio_config");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_aac);
  tcase_add_test (tc, test_he_aac);
  tcase_add_test (tc, test_aac_program_config);
  tcase_add_test (tc, test_empty_and_wrong_aac);
  tcase_add_test (tc, test_mp3);
  tcase_add_test (tc, test_ac3);
  tcase_add_test (tc, test_eac3);
  tcase_add_test (tc, test_opus);
  tcase_add_test (tc, test_wrong_opus);
  tcase_add_test (tc, test_flac);
  tcase_add_test (tc, test_multichannel);
  return s;
}
GST_CHECK_MAIN (audio_config)
