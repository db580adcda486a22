// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/guarded.h"
#include "../check.h"
#include <chrono>
#include <thread>
#include <vector>

using namespace reach;
using std::chrono::steady_clock;

GST_START_TEST (test_counts)
{
  constexpr int each = 20000;
  Guarded<int> value (5);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back ([&] {
      for (int i = 0; i < each; i++)
        if (i % 2)
          value.update ([] (int &v) { v++; });
        else
          ++*value.lock ();
    });
  for (auto &t : threads)
    t.join ();
  fail_unless_equals_int (*value.lock (), 5 + 4 * each);
  fail_unless_equals_int (value.update ([] (int &v) { return v - 5; }), 4 * each);
}
GST_END_TEST

// Two threads take turns; each wakes the other and nothing else does.
GST_START_TEST (test_wait)
{
  constexpr int rounds = 5000;
  Guarded<int> turn (0);
  std::thread other ([&] {
    for (int i = 0; i < rounds; i++) {
      turn.lock ().wait ([i] (const int &v) { return v == 2 * i + 1; });
      turn.update ([] (int &v) { v++; });
    }
  });
  for (int i = 0; i < rounds; i++) {
    turn.update ([] (int &v) { v++; });
    auto locked = turn.lock ();
    locked.wait ([i] (const int &v) { return v == 2 * i + 2; });
  }
  other.join ();
  fail_unless_equals_int (*turn.lock (), 2 * rounds);
}
GST_END_TEST

GST_START_TEST (test_wait_until)
{
  Guarded<bool> flag (false);
  fail_unless (!flag.lock ().wait_until (steady_clock::now (), [] (const bool &b) { return b; }));
  *flag.lock () = true;
  // Holds already: a deadline that has passed does not matter.
  fail_unless (flag.lock ().wait_until (
      steady_clock::now () - std::chrono::seconds (1), [] (const bool &b) { return b; }));
}
GST_END_TEST

GST_START_TEST (test_unlocked)
{
  Guarded<int> value (1);
  auto locked = value.lock ();
  locked.unlocked ([&] { value.update ([] (int &v) { v = 2; }); }); // would deadlock if held
  fail_unless_equals_int (*locked, 2);
  *locked = 3;
}
GST_END_TEST

static Suite *guarded_suite ()
{
  Suite *s = suite_create ("common-guarded");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_counts);
  tcase_add_test (tc, test_wait);
  tcase_add_test (tc, test_wait_until);
  tcase_add_test (tc, test_unlocked);
  return s;
}
GST_CHECK_MAIN (guarded)
