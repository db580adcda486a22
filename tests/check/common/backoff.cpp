// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/proto/backoff.h"
#include "../check.h"
#include <climits>
#include <random>

using namespace reach;

namespace {
constexpr std::uint32_t middle = UINT32_MAX / 2 + 1;

bool about (Duration d, Duration expected)
{
  return d >= expected - microseconds (1) && d <= expected + microseconds (1);
}
} // namespace

GST_START_TEST (test_grows_to_max)
{
  Backoff b;
  fail_unless_equals_int (b.attempts (), 0);
  for (const int ms : {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000})
    fail_unless (about (b.next (middle), milliseconds (ms)), "%d", ms);
  fail_unless_equals_int (b.attempts (), 9);
  b.reset ();
  fail_unless_equals_int (b.attempts (), 0);
  fail_unless (about (b.next (middle), milliseconds (100)));
}
GST_END_TEST

GST_START_TEST (test_jitter)
{
  Backoff low, high;
  fail_unless (about (low.next (0), milliseconds (70)));
  fail_unless (about (high.next (UINT32_MAX), milliseconds (130)));
  // The jitter of one wait does not change the next.
  fail_unless (about (low.next (middle), milliseconds (200)));
  fail_unless (about (high.next (middle), milliseconds (200)));
}
GST_END_TEST

GST_START_TEST (test_endless)
{
  const Backoff::Config configs[] = {
      {},
      {milliseconds (1), seconds (1), 1e300, 1},
      {Duration::max (), Duration::max (), 10, 100},
      {Duration::min (), Duration::min (), -1, -1},
      {seconds (5), seconds (1), 0.1, 0.5},
  };
  std::mt19937 rng (4);
  for (const auto &c : configs) {
    Backoff b (c);
    for (int i = 0; i < 10000; i++) {
      const Duration d = b.next (static_cast<std::uint32_t> (rng ()));
      fail_unless (d >= Duration{});
      fail_unless (d <= std::chrono::hours (48));
      fail_unless (c.max > seconds (10) || c.max < Duration{} ||
                   static_cast<double> (d.count ()) <=
                       static_cast<double> (c.max.count ()) * (1 + c.jitter) + 1);
    }
    fail_unless_equals_int (b.attempts (), 10000);
  }
}
GST_END_TEST

static Suite *backoff_suite ()
{
  Suite *s = suite_create ("cam-backoff");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_grows_to_max);
  tcase_add_test (tc, test_jitter);
  tcase_add_test (tc, test_endless);
  return s;
}
GST_CHECK_MAIN (backoff)
