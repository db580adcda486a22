// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/timers.h"
#include "../wait.h"
#include <algorithm>

using namespace reach;
using namespace reach::test;

namespace {
// Timers on a context that the test itself runs.
struct Bench {
  GMainContext *context = g_main_context_new ();
  std::unique_ptr<EpollSet> set = std::make_unique<EpollSet> (context);
  std::unique_ptr<Timers> timers = std::make_unique<Timers> (*set);
  ~Bench ()
  {
    timers.reset ();
    set.reset ();
    g_main_context_unref (context);
  }
  template <typename F> bool until (F &&holds) { return iterate_until (holds, context); }
  // Without the tick of iterate_until: only the timers can wake us.
  template <typename F> void sleep_until (F &&holds)
  {
    while (!holds ())
      g_main_context_iteration (context, TRUE);
  }
};
} // namespace

GST_START_TEST (test_order)
{
  Bench b;
  std::vector<int> seen;
  std::vector<std::unique_ptr<Timer>> timers;
  const TimePoint now = Clock::now ();
  for (int i = 0; i < 50; i++) {
    timers.push_back (std::make_unique<Timer> (*b.timers, [&seen, i] { seen.push_back (i); }));
    // Later ones first; the last ten for the same time, then in the order of arming.
    timers.back ()->arm (now + milliseconds (1) + microseconds (100) * std::max (40 - i, 0));
    fail_unless (timers.back ()->armed ());
  }
  fail_unless (b.until ([&] { return seen.size () == 50; }));
  for (int i = 0; i < 10; i++)
    fail_unless_equals_int (seen[static_cast<std::size_t> (i)], 40 + i);
  for (std::size_t i = 10; i < 50; i++)
    fail_unless_equals_int (seen[i], 49 - static_cast<int> (i));
  for (const auto &t : timers)
    fail_unless (!t->armed ());
}
GST_END_TEST

GST_START_TEST (test_cancel_in_callback)
{
  Bench b;
  int fired = 0;
  std::unique_ptr<Timer> other;
  Timer first (*b.timers, [&] {
    fired++;
    other->cancel (); // due in the same round
  });
  other = std::make_unique<Timer> (*b.timers, [] { fail_unless (false, "was cancelled"); });
  Timer last (*b.timers, [&] { fired++; });
  const TimePoint past = Clock::now () - milliseconds (10);
  first.arm (past);
  other->arm (past);
  last.arm (past);
  fail_unless (b.until ([&] { return fired == 2; }));
  fail_unless (!other->armed ());
}
GST_END_TEST

GST_START_TEST (test_destroy_in_callback)
{
  Bench b;
  int fired = 0;
  std::unique_ptr<Timer> itself, other;
  std::string captured (100, 'x'); // would be freed under the callback's feet
  itself = std::make_unique<Timer> (*b.timers, [&fired, &itself, &other, captured] {
    itself.reset ();
    other.reset ();
    fired += static_cast<int> (captured.size ());
  });
  other = std::make_unique<Timer> (*b.timers, [] { fail_unless (false, "was destroyed"); });
  itself->arm (Clock::now ());
  other->arm (Clock::now ());
  fail_unless (b.until ([&] { return fired == 100; }));
}
GST_END_TEST

// A timer that is always late (a pacer behind its plan) must not keep the others from their turn.
GST_START_TEST (test_rearm_in_the_past)
{
  Bench b;
  int greedy_count = 0, fair_count = 0;
  const TimePoint past = Clock::now () - seconds (1);
  std::unique_ptr<Timer> greedy = std::make_unique<Timer> (*b.timers, [&] {
    greedy_count++;
    greedy->arm (past);
  });
  Timer fair (*b.timers, [&] { fair_count++; });
  greedy->arm (past);
  fair.arm (past + milliseconds (1));
  g_main_context_iteration (b.context, TRUE);
  fail_unless_equals_int (greedy_count, 1);
  fail_unless_equals_int (fair_count, 1);
  g_main_context_iteration (b.context, TRUE);
  fail_unless_equals_int (greedy_count, 2);
  greedy.reset ();
}
GST_END_TEST

GST_START_TEST (test_rearm)
{
  Bench b;
  int count = 0;
  std::unique_ptr<Timer> t = std::make_unique<Timer> (*b.timers, [&] {
    if (++count < 20)
      t->arm (Clock::now () + microseconds (200));
  });
  t->arm (Clock::now () + std::chrono::hours (1));
  const TimePoint soon = Clock::now () + microseconds (500);
  t->arm (soon); // earlier than before
  fail_unless (t->when () == soon);
  b.sleep_until ([&] { return count == 20; });
  fail_unless (!t->armed ());
  // Put off: the wake-up of the earlier time finds nothing to do.
  t->arm (Clock::now () + microseconds (100));
  const TimePoint later = Clock::now () + milliseconds (5);
  t->arm (later);
  b.sleep_until ([&] { return count == 21; });
  fail_unless (Clock::now () >= later);
}
GST_END_TEST

GST_START_TEST (test_precision)
{
  Bench b;
  std::vector<std::int64_t> late;
  std::unique_ptr<Timer> t;
  TimePoint due;
  t = std::make_unique<Timer> (*b.timers, [&] {
    const auto now = Clock::now ();
    fail_unless (now >= due, "too early");
    late.push_back (std::chrono::duration_cast<microseconds> (now - due).count ());
    t->arm (due = now + microseconds (250));
  });
  t->arm (due = Clock::now () + microseconds (250));
  b.sleep_until ([&] { return late.size () == 400; });
  std::ranges::sort (late);
  g_print ("timers of 250 us are late by %d us (median), %d us (p90), %d us (worst)\n",
      static_cast<int> (late[200]), static_cast<int> (late[360]), static_cast<int> (late[399]));
  // A GLib timeout would be 750 us late at best; a busy machine may be late now and then.
  fail_unless (late[40] < 700, "no timer is precise: %d us", static_cast<int> (late[40]));
}
GST_END_TEST

static Suite *timers_suite ()
{
  Suite *s = suite_create ("common-timers");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_cancel_in_callback);
  tcase_add_test (tc, test_destroy_in_callback);
  tcase_add_test (tc, test_rearm_in_the_past);
  tcase_add_test (tc, test_rearm);
  tcase_add_test (tc, test_precision);
  return s;
}
GST_CHECK_MAIN (timers)
