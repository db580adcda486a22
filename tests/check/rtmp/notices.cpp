// SPDX-License-Identifier: LGPL-2.1-or-later
// Colours and speakers: when they are said, and to whom.
#include "rtmpserver/notices.h"
#include "../check.h"

using namespace reach;
using namespace reach::rtmp;

namespace {
constexpr auto video = MessageType::video, audio = MessageType::audio;
constexpr Notices::Of picture{video, 0, Codec::hevc};

Slice body (std::uint8_t b)
{
  return slice_of ({b});
}
// What is said before a frame; 0: nothing.
int said (Notices &n, MessageType type, MediaInfo &frame, std::uint32_t timestamp)
{
  const auto notice = n.before (type, frame, timestamp);
  if (!notice)
    return 0;
  fail_unless (notice->info.track == frame.track && !notice->info.header);
  return notice->body.bytes[0];
}
int said (Notices &n, MessageType type, bool key, std::uint32_t timestamp)
{
  MediaInfo frame{0, key, false};
  return said (n, type, frame, timestamp);
}
} // namespace

GST_START_TEST (test_each_key_frame)
{
  Notices n;
  fail_unless_equals_int (said (n, video, true, 0), 0);
  n.set (picture, body (7));
  MediaInfo frame{0, true, false};
  const auto notice = n.before (video, frame, 0);
  fail_unless (notice && notice->info.key && !frame.key, "decoding begins with it");
  fail_unless_equals_int (said (n, video, false, 40), 0);
  fail_unless_equals_int (said (n, video, true, 80), 7);
  fail_unless_equals_int (said (n, audio, true, 80), 0);
  MediaInfo header{0, true, true}, other{1, true, false};
  fail_unless_equals_int (said (n, video, header, 90), 0);
  fail_unless_equals_int (said (n, video, other, 90), 0);
}
GST_END_TEST

// A new one does not wait for the next key frame; the same one does.
GST_START_TEST (test_changes)
{
  Notices n;
  n.set (picture, body (7));
  fail_unless_equals_int (said (n, video, true, 0), 7);
  n.set (picture, body (7));
  fail_unless_equals_int (said (n, video, false, 40), 0);
  n.set (picture, body (8));
  MediaInfo frame{};
  const auto notice = n.before (video, frame, 80);
  fail_unless (notice && !notice->info.key);
  n.set (picture, {});
  fail_unless_equals_int (said (n, video, true, 120), 0);
}
GST_END_TEST

GST_START_TEST (test_sound_once_a_second)
{
  Notices n;
  n.set ({audio, 2, Codec::flac}, body (9));
  MediaInfo frame{2, false, false};
  int count = 0;
  for (std::uint32_t t = 0; t < 5000; t += 20)
    count += said (n, audio, frame, 0xfffffc00 + t) == 9; // they wrap
  fail_unless_equals_int (count, 5);
}
GST_END_TEST

// Another configuration, of another publisher perhaps: what held for the last one is gone, what has
// just been said is not.
GST_START_TEST (test_other_configuration)
{
  Notices n;
  n.header (picture, body (1));
  n.set (picture, body (7));
  n.header (picture, body (1));
  fail_unless_equals_int (said (n, video, true, 0), 7);
  n.header (picture, body (1));
  fail_unless_equals_int (said (n, video, true, 40), 7);
  n.header (picture, body (2));
  fail_unless_equals_int (said (n, video, true, 80), 0);
  n.set (picture, body (8));
  n.header (picture, body (3));
  fail_unless_equals_int (said (n, video, true, 120), 8);
}
GST_END_TEST

GST_START_TEST (test_other_codec)
{
  Notices n;
  n.header (picture, body (1));
  n.set ({video, 0, Codec::av1}, body (7));
  fail_unless_equals_int (said (n, video, true, 0), 0);
  n.set (picture, body (8));
  n.set ({video, 0, Codec::av1}, body (7));
  fail_unless_equals_int (said (n, video, true, 40), 8);
}
GST_END_TEST

GST_START_TEST (test_limit)
{
  Notices n;
  for (int i = 0; i < 256; i++)
    n.set ({video, static_cast<std::uint8_t> (i), Codec::hevc}, body (1));
  MediaInfo last{255, true, false}, kept{0, true, false};
  fail_unless_equals_int (said (n, video, last, 0), 0);
  fail_unless_equals_int (said (n, video, kept, 0), 1);
}
GST_END_TEST

static Suite *notices_suite ()
{
  Suite *s = suite_create ("rtmp-notices");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_each_key_frame);
  tcase_add_test (tc, test_changes);
  tcase_add_test (tc, test_sound_once_a_second);
  tcase_add_test (tc, test_other_configuration);
  tcase_add_test (tc, test_other_codec);
  tcase_add_test (tc, test_limit);
  return s;
}
GST_CHECK_MAIN (notices)
