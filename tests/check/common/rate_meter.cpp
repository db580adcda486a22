// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/rate_meter.h"
#include "../check.h"
#include <cmath>

using namespace reach;

namespace {
constexpr TimePoint t0{seconds (1000)};

bool near (double a, double b)
{
  return std::abs (a - b) <= b * 1e-9 + 1e-9;
}
} // namespace

GST_START_TEST (test_steady)
{
  RateMeter m (t0);
  TimePoint now = t0;
  for (int i = 0; i < 5000; i++, now += milliseconds (1)) {
    m.add (125, now);
    if (i >= 100) {
      const double r = m.per_second (now + milliseconds (1));
      fail_unless (std::abs (r - 125000) < 1500, "%f after %d ms", r, i);
    }
  }
}
GST_END_TEST

GST_START_TEST (test_young)
{
  RateMeter m (t0);
  fail_unless (m.per_second (t0) == 0);
  m.add (1000, t0);
  // Not 1000 in no time at all, but 1000 in one step.
  fail_unless (near (m.per_second (t0), 10000));
  fail_unless (near (m.per_second (t0 + milliseconds (500)), 2000));
}
GST_END_TEST

// What leaves the window leaves the rate, and a long pause leaves nothing.
GST_START_TEST (test_slides)
{
  RateMeter m (t0);
  m.add (1000, t0 + seconds (10));
  // Ten whole steps and 99 ms of the present one.
  fail_unless (near (m.per_second (t0 + seconds (11) + milliseconds (99)), 1000 / 1.099));
  fail_unless (m.per_second (t0 + seconds (11) + milliseconds (100)) == 0);
  m.add (500, t0 + seconds (11) + milliseconds (100));
  fail_unless (m.per_second (t0 + std::chrono::hours (1000)) == 0);
}
GST_END_TEST

GST_START_TEST (test_bursts)
{
  RateMeter m (t0);
  TimePoint now = t0;
  // A burst each 100 ms is the same rate as a trickle, whenever it is read.
  for (int i = 0; i < 100; i++, now += milliseconds (100))
    m.add (10000, now);
  for (int ms = 0; ms < 100; ms += 7) {
    const double r = m.per_second (now - milliseconds (100) + milliseconds (ms));
    fail_unless (r > 95000 && r <= 111000, "%f at %d ms", r, ms);
  }
}
GST_END_TEST

// A clock that seems to step back does no harm.
GST_START_TEST (test_back)
{
  RateMeter m (t0);
  m.add (100, t0 + milliseconds (550));
  m.add (100, t0 + milliseconds (350));
  fail_unless (m.per_second (t0 + milliseconds (350)) > 0);
  fail_unless (near (m.per_second (t0 + seconds (1)), 200));
}
GST_END_TEST

static Suite *rate_meter_suite ()
{
  Suite *s = suite_create ("common-rate_meter");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_steady);
  tcase_add_test (tc, test_young);
  tcase_add_test (tc, test_slides);
  tcase_add_test (tc, test_bursts);
  tcase_add_test (tc, test_back);
  return s;
}
GST_CHECK_MAIN (rate_meter)
