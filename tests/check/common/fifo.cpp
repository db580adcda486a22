// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/proto/fifo.h"
#include "../check.h"
#include <deque>
#include <memory>

using namespace reach;

// Does what a deque does, whatever is done with it.
GST_START_TEST (test_like_a_deque)
{
  Fifo<std::shared_ptr<int>> f;
  std::deque<int> d;
  guint32 seed = 4711;
  for (int i = 0; i < 100000; i++) {
    seed = seed * 1664525 + 1013904223;
    const unsigned what = (seed >> 16) % 100;
    if (what < 52) {
      f.push_back (std::make_shared<int> (i));
      d.push_back (i);
    } else if (what < 95 && !d.empty ()) {
      f.pop_front ();
      d.pop_front ();
    } else if (what < 99 && !d.empty ()) {
      const auto at = static_cast<std::ptrdiff_t> (seed % d.size ());
      f.erase (f.begin () + at);
      d.erase (d.begin () + at);
    } else if (!d.empty ()) {
      const auto at =
          static_cast<std::ptrdiff_t> (d.size () - seed % std::min (d.size (), std::size_t{5}));
      f.erase_from (f.begin () + at);
      d.erase (d.begin () + at, d.end ());
    }
    fail_unless (f.size () == d.size () && f.empty () == d.empty ());
    fail_unless (d.empty () || (*f.front () == d.front () && *f[d.size () - 1] == d.back ()));
  }
  fail_unless (std::equal (
      f.begin (), f.end (), d.begin (), d.end (), [] (const auto &p, int i) { return *p == i; }));
}
GST_END_TEST

// What was taken out is let go of at once, not when its place is.
GST_START_TEST (test_lets_go)
{
  const auto item = std::make_shared<int> (1);
  Fifo<std::shared_ptr<int>> f;
  for (int i = 0; i < 10; i++)
    f.push_back (item);
  f.pop_front ();
  f.pop_front ();
  fail_unless_equals_int (item.use_count (), 9);
  f.erase (f.begin () + 3);
  fail_unless_equals_int (item.use_count (), 8);
  f.clear ();
  fail_unless (item.use_count () == 1 && f.empty ());
}
GST_END_TEST

static Suite *fifo_suite ()
{
  Suite *s = suite_create ("fifo");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_like_a_deque);
  tcase_add_test (tc, test_lets_go);
  return s;
}

GST_CHECK_MAIN (fifo)
