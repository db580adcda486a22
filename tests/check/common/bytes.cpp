// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/proto/bytes.h"
#include "check.h"

using namespace reach;

GST_START_TEST (test_short_read_latches)
{
  const std::vector<std::uint8_t> in{0, 5, 'a', 'b'};
  ByteReader r (in);
  fail_unless_equals_int (r.u8 (), 0);
  fail_unless_equals_int (static_cast<int> (r.u32 ()), 0);
  fail_unless (r.failed ());
  // Bytes that were left before the short read are not handed out afterwards.
  fail_unless_equals_int (static_cast<int> (r.left ()), 0);
  fail_unless_equals_int (r.u8 (), 0);
}
GST_END_TEST

GST_START_TEST (test_string_longer_than_its_limit_fails)
{
  const std::vector<std::uint8_t> in{0, 2, 'a', 'b'};
  ByteReader fits (in);
  fail_unless (fits.str16 (2) == "ab");
  fail_unless (!fits.failed ());
  ByteReader too_long (in);
  fail_unless (too_long.str16 (1).empty ());
  fail_unless (too_long.failed ());
}
GST_END_TEST

GST_START_TEST (test_big_endian_round_trip)
{
  std::uint8_t wire[8];
  store_be<std::int64_t> (wire, -2);
  fail_unless_equals_int (wire[0], 0xff);
  fail_unless_equals_int (wire[7], 0xfe);
  fail_unless (load_be<std::int64_t> (wire) == -2);
}
GST_END_TEST

static Suite *bytes_suite ()
{
  Suite *s = suite_create ("bytes");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_short_read_latches);
  tcase_add_test (tc, test_string_longer_than_its_limit_fails);
  tcase_add_test (tc, test_big_endian_round_trip);
  return s;
}

GST_CHECK_MAIN (bytes)
