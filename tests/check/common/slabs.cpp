// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/slabs.h"
#include "../check.h"
#include <algorithm>

using namespace reach;

GST_START_TEST (test_kept_bytes_are_not_given_again)
{
  Slabs slabs;
  const auto room = slabs.room ();
  fail_unless_equals_int (room.size (), Slabs::slab_size);
  std::fill_n (room.begin (), 3000, std::uint8_t{7});
  const auto a = slabs.keep (room.data (), 1000), b = slabs.keep (room.data () + 1000 + 16, 900);
  fail_unless ((a.bytes.data () == room.data () && a.bytes.size () == 1000));
  fail_unless ((b.bytes.data () == room.data () + 1016 && b.bytes.size () == 900));
  const auto next = slabs.room ();
  fail_unless (next.data () >= b.bytes.data () + b.bytes.size ());
  std::ranges::fill (next, std::uint8_t{9});
  const auto untouched = [] (std::uint8_t x) { return x == 7; };
  fail_unless (std::ranges::all_of (a.bytes, untouched));
  fail_unless (std::ranges::all_of (b.bytes, untouched));
}
GST_END_TEST

GST_START_TEST (test_messages_side_by_side)
{
  Slabs slabs;
  const auto room = slabs.room ();
  // Odd sizes: each begins where the one before ends.
  for (std::size_t at = 0; at < 5 * 1001; at += 1001)
    fail_unless_equals_int (slabs.keep (room.data () + at, 1001).bytes.size (), 1001);
}
GST_END_TEST

GST_START_TEST (test_not_kept)
{
  Slabs slabs;
  const auto room = slabs.room ();
  const std::uint8_t elsewhere[8]{};
  fail_unless (slabs.keep (elsewhere, sizeof elsewhere).bytes.empty ());
  fail_unless (slabs.keep (room.data (), room.size () + 1).bytes.empty ());
  fail_unless (slabs.keep (room.data () + 1000, SIZE_MAX - 500).bytes.empty ());
  const auto held = slabs.keep (room.data (), room.size ());
  fail_unless_equals_int (held.bytes.size (), room.size ());
  // Another slab by now.
  fail_unless_equals_int (slabs.room ().size (), Slabs::slab_size);
  fail_unless (slabs.keep (room.data (), 100).bytes.empty ());
}
GST_END_TEST

GST_START_TEST (test_little_room_begins_anew)
{
  Slabs slabs;
  const auto earlier = slabs.room ();
  const auto held = slabs.keep (earlier.data (), Slabs::slab_size - Slabs::least_room + 1);
  const auto next = slabs.room ();
  fail_unless_equals_int (next.size (), Slabs::slab_size);
  fail_unless (next.data () != earlier.data ());
}
GST_END_TEST

GST_START_TEST (test_used_again_when_let_go)
{
  Slabs slabs;
  auto held = slabs.take (Slabs::slab_size);
  const std::uint8_t *earlier = held.bytes.data ();
  const auto other = slabs.take (Slabs::slab_size);
  fail_unless (other.bytes.data () != earlier);
  held = {};
  fail_unless (slabs.take (Slabs::slab_size).bytes.data () == earlier);
  fail_unless (slabs.take (Slabs::slab_size + 1).bytes.empty ());
}
GST_END_TEST

GST_START_TEST (test_outlives_the_slabs)
{
  Slabs::Piece held;
  {
    Slabs slabs;
    held = slabs.take (100);
    std::ranges::fill (held.bytes, std::uint8_t{3});
  }
  fail_unless (std::ranges::all_of (held.bytes, [] (std::uint8_t x) { return x == 3; }));
}
GST_END_TEST

static Suite *slabs_suite ()
{
  Suite *s = suite_create ("common-slabs");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_kept_bytes_are_not_given_again);
  tcase_add_test (tc, test_messages_side_by_side);
  tcase_add_test (tc, test_not_kept);
  tcase_add_test (tc, test_little_room_begins_anew);
  tcase_add_test (tc, test_used_again_when_let_go);
  tcase_add_test (tc, test_outlives_the_slabs);
  return s;
}
GST_CHECK_MAIN (slabs)
