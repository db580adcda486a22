// SPDX-License-Identifier: LGPL-2.1-or-later
// What counts as changed, and which rectangles that makes.
#include "delta_fixture.h"

using namespace reach;
using namespace reach::delta;
using namespace reach::delta::test;

namespace {
unsigned changed (Picture &a, Picture &b, const Thresholds &t)
{
  Difference d (a.layout, t);
  unsigned n = 0;
  for (const unsigned k : d.count (a.look (), b.look ()))
    n += k;
  return n;
}

Layout layout (const char *format, unsigned width, unsigned height)
{
  const auto l = Layout::make (format, width, height);
  fail_unless (l.has_value ());
  return *l;
}
} // namespace

GST_START_TEST (test_layouts)
{
  fail_unless_equals_int (layout ("I420", 7, 5).bytes (layout ("I420", 7, 5).whole ()), 35 + 24);
  fail_unless_equals_int (layout ("NV12", 7, 5).bytes (layout ("NV12", 7, 5).whole ()), 35 + 24);
  fail_unless_equals_int (layout ("YUY2", 7, 5).bytes (layout ("YUY2", 7, 5).whole ()), 80);
  fail_unless_equals_int (layout ("BGRx", 7, 5).bytes (layout ("BGRx", 7, 5).whole ()), 140);
  const Layout l = layout ("I420", 33, 17);
  fail_unless_equals_int (l.columns (), 3);
  fail_unless_equals_int (l.rows (), 2);
  const Area last = l.area (rect (2, 1, 1, 1));
  fail_unless (last.x == 32 && last.y == 16 && last.width == 1 && last.height == 1);
  fail_unless_equals_int (l.bytes (rect (2, 1, 1, 1)), 3);
  fail_if (Layout::make ("I420", 0, 5).has_value ());
  fail_if (Layout::make ("I420", 16385, 5).has_value ());
  fail_if (Layout::make ("I420", 16384, 16384).has_value ());
  fail_if (Layout::make ("v210", 16, 16).has_value ());
}
GST_END_TEST

GST_START_TEST (test_common_threshold_is_a_mean)
{
  Picture a (layout ("BGRx", 20, 20), 100), b (a);
  fail_unless_equals_int (changed (a, b, {}), 0);
  b.at (0, 19, 19 * 4) = 124; // 24 of three channels: 8
  fail_unless_equals_int (changed (a, b, {}), 0);
  b.at (0, 19, 19 * 4 + 1) = 99; // 25
  fail_unless_equals_int (changed (a, b, {}), 1);
  fail_unless_equals_int (changed (b, a, {}), 1);
  b.at (0, 19, 19 * 4 + 1) = 100;
  fail_unless_equals_int (changed (a, b, {.common = 0}), 1);
  b.at (0, 19, 19 * 4) = 100;
  b.at (0, 19, 19 * 4 + 3) = 0; // nobody sees it
  fail_unless_equals_int (changed (a, b, {.common = 0}), 0);
  Picture c (layout ("I420", 20, 20), 100), d (c);
  d.at (1, 9, 9) = 125; // of 2 × 2 pixels
  fail_unless_equals_int (changed (c, d, {}), 4);
}
GST_END_TEST

GST_START_TEST (test_each_channel_has_its_own_threshold)
{
  const Thresholds t{.common = -1, .r = 50, .g = 20, .b = 10};
  struct Case {
    const char *format;
    std::size_t plane, byte; // of the first pixel
    int threshold;
  };
  for (const Case &c : {Case{"BGRx", 0, 0, 10}, Case{"BGRx", 0, 1, 20}, Case{"BGRx", 0, 2, 50},
           Case{"RGBA", 0, 0, 50}, Case{"RGBA", 0, 3, 50}, Case{"I420", 0, 0, 20},
           Case{"I420", 1, 0, 10}, Case{"I420", 2, 0, 50}, Case{"YV12", 1, 0, 50},
           Case{"NV12", 1, 1, 50}, Case{"YUY2", 0, 1, 10}, Case{"RGB", 0, 2, 10}}) {
    Picture a (layout (c.format, 9, 9), 100), b (a);
    b.at (c.plane, 0, c.byte) = static_cast<std::uint8_t> (100 - c.threshold);
    fail_unless (
        changed (a, b, t) == 0, "%s plane %d byte %d", c.format, int (c.plane), int (c.byte));
    b.at (c.plane, 0, c.byte)--;
    fail_unless (
        changed (a, b, t) > 0, "%s plane %d byte %d", c.format, int (c.plane), int (c.byte));
  }
}
GST_END_TEST

// Every format, odd sizes: as many pixels as a plain loop counts, none beyond the edges.
GST_START_TEST (test_every_pixel_counts_once)
{
  for (const Format &f : formats ())
    for (const unsigned width : {1u, 2u, 15u, 16u, 17u, 33u, 64u}) {
      Picture a (layout (std::string (f.name).c_str (), width, 19), 0);
      Picture b (a.layout, 255);
      fail_unless_equals_int (changed (a, b, {}), width * 19);
      fail_unless_equals_int (changed (a, b, {.common = -1}), width * 19);
    }
}
GST_END_TEST

GST_START_TEST (test_small_areas_are_left_out)
{
  Regions regions (10, 10, 128);
  std::vector<std::uint16_t> counts (100);
  counts[11] = 9;
  fail_unless (regions.find (counts, 10).empty ());
  fail_unless_equals_int (regions.find (counts, 9).size (), 1);
  counts[22] = 1; // touches it at a corner
  fail_unless_equals_int (regions.find (counts, 10).size (), 2);
  counts[22] = 0;
  counts[13] = 1; // does not touch
  fail_unless (regions.find (counts, 10).empty ());
  std::vector<std::uint16_t> hook (100); // down and up again
  hook[0] = hook[11] = hook[2] = 4;
  fail_unless_equals_int (regions.find (hook, 10).size (), 3);
  fail_unless (regions.find ({}, 0).empty ());
}
GST_END_TEST

GST_START_TEST (test_blocks_make_large_rectangles)
{
  Regions regions (10, 10, 128);
  std::vector<std::uint16_t> counts (100);
  for (unsigned y = 2; y < 7; y++)
    for (unsigned x = 3; x < 9; x++)
      counts[y * 10 + x] = 1;
  const auto found = regions.find (counts, 10);
  fail_unless_equals_int (found.size (), 1);
  fail_unless (found[0] == rect (3, 2, 6, 5));
}
GST_END_TEST

// Whatever has changed is in a rectangle; there are not too many; together they are not too large.
GST_START_TEST (test_rectangles_hold_all_changes)
{
  std::mt19937 random (1);
  for (int round = 0; round < 400; round++) {
    const unsigned columns = 1 + random () % 60, rows = 1 + random () % 60;
    const std::size_t limit = 1 + random () % 40;
    const unsigned density = 1 + random () % 100;
    Regions regions (columns, rows, limit);
    std::vector<std::uint16_t> counts (std::size_t{columns} * rows);
    for (auto &c : counts)
      c = random () % 100 < density ? 1 : 0;
    const auto found = regions.find (counts, 0);
    fail_unless (found.size () <= limit);
    std::size_t blocks = 0;
    std::vector<bool> held (counts.size ());
    for (const Rect &r : found) {
      fail_unless (r.x + r.width <= int (columns) && r.y + r.height <= int (rows));
      blocks += r.blocks ();
      for (unsigned y = r.y; y < unsigned (r.y + r.height); y++)
        for (unsigned x = r.x; x < unsigned (r.x + r.width); x++)
          held[y * columns + x] = true;
    }
    fail_unless (blocks <= counts.size ());
    for (std::size_t i = 0; i < counts.size (); i++)
      fail_unless (held[i] || counts[i] == 0, "round %d: block %d", round, int (i));
  }
}
GST_END_TEST

static Suite *delta_areas_suite ()
{
  Suite *s = suite_create ("delta_areas");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_layouts);
  tcase_add_test (tc, test_common_threshold_is_a_mean);
  tcase_add_test (tc, test_each_channel_has_its_own_threshold);
  tcase_add_test (tc, test_every_pixel_counts_once);
  tcase_add_test (tc, test_small_areas_are_left_out);
  tcase_add_test (tc, test_blocks_make_large_rectangles);
  tcase_add_test (tc, test_rectangles_hold_all_changes);
  return s;
}

GST_CHECK_MAIN (delta_areas)
