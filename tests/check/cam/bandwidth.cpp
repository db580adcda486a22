// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/server/bandwidth.h"
#include "../check.h"
#include <thread>
#include <vector>

using namespace reach;
using reach::cam::Bandwidth;

static constexpr TimePoint start{seconds (1000)};

// 8 Mbit/s are 1000 bytes each millisecond.
GST_START_TEST (test_rate_and_burst)
{
  Bandwidth b (8'000'000);
  std::size_t burst = 0;
  while (b.take (1000, start))
    burst++;
  fail_unless_equals_int (burst, 1000);
  std::size_t later = 0;
  for (int ms = 1; ms <= 10'000; ms++)
    for (int i = 0; i < 3; i++)
      later += b.take (1000, start + milliseconds (ms));
  fail_unless_equals_int (later, 10'000);
}
GST_END_TEST

GST_START_TEST (test_large_frames_pass_after_a_pause)
{
  Bandwidth b (8000);
  fail_unless (b.take (100'000, start));
  fail_if (b.take (1, start + seconds (99)));
  fail_unless (b.take (100'000, start + seconds (101)));
}
GST_END_TEST

GST_START_TEST (test_shared_by_threads)
{
  Bandwidth b (8'000'000);
  std::atomic<std::size_t> taken{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back ([&] {
      for (int i = 0; i < 10'000; i++)
        taken += b.take (100, start);
    });
  threads.clear ();
  fail_unless_equals_int (taken.load (), 10'000);
}
GST_END_TEST

static Suite *bandwidth_suite ()
{
  Suite *s = suite_create ("bandwidth");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_rate_and_burst);
  tcase_add_test (tc, test_large_frames_pass_after_a_pause);
  tcase_add_test (tc, test_shared_by_threads);
  return s;
}

GST_CHECK_MAIN (bandwidth)
