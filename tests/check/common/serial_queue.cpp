// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/serial_queue.h"
#include "../wait.h"
#include "fds.h"
#include <future>

using namespace reach;
using namespace reach::test;

GST_START_TEST (test_order)
{
  std::vector<int> seen;
  SerialQueue q ("order");
  for (int i = 0; i < 1000; i++)
    fail_unless (q.post ([&seen, i] { seen.push_back (i); }));
  q.drain ();
  fail_unless_equals_int (static_cast<int> (seen.size ()), 1000);
  for (int i = 0; i < 1000; i++)
    fail_unless_equals_int (seen[static_cast<std::size_t> (i)], i);
}
GST_END_TEST

GST_START_TEST (test_limit)
{
  std::promise<void> go, busy;
  int ran = 0;
  SerialQueue q ("limit", 3);
  fail_unless (q.post ([&] {
    busy.set_value ();
    go.get_future ().wait ();
  }));
  busy.get_future ().wait (); // no longer in the queue
  for (int i = 0; i < 3; i++)
    fail_unless (q.post ([&] { ran++; }));
  fail_unless (!q.post ([&] { ran += 100; }));
  go.set_value ();
  q.drain ();
  fail_unless_equals_int (ran, 3);
  fail_unless (q.post ([&] { ran++; }));
  q.drain ();
  fail_unless_equals_int (ran, 4);
}
GST_END_TEST

// drain () also waits for the task under way, and for what its end destroys.
GST_START_TEST (test_drain)
{
  for (int i = 0; i < 200; i++) {
    SerialQueue q ("drain");
    auto held = std::make_shared<int> (0);
    const std::weak_ptr<int> watch = held;
    bool ran = false;
    q.post ([&ran, held = std::move (held)] { ran = true; });
    q.drain ();
    fail_unless (ran && watch.expired ());
  }
  SerialQueue q ("inner");
  bool inner = false;
  q.post ([&] {
    q.drain (); // would wait for itself
    inner = true;
  });
  q.drain ();
  fail_unless (inner);
}
GST_END_TEST

GST_START_TEST (test_destruction_runs_the_rest)
{
  int ran = 0;
  {
    SerialQueue q ("rest");
    for (int i = 0; i < 100; i++)
      q.post ([&] { ran++; });
  }
  fail_unless_equals_int (ran, 100);
}
GST_END_TEST

// An application drops its last reference to the element in a signal handler.
GST_START_TEST (test_destroyed_by_its_own_task)
{
  {
    SerialQueue warm_up ("warm"); // a sanitizer starts a thread of its own with the first one
  }
  const long before = threads ();
  for (int i = 0; i < 100; i++) {
    std::promise<void> posted, finished;
    auto q = std::make_unique<SerialQueue> ("own");
    SerialQueue *raw = q.get ();
    raw->post ([&] {
      posted.get_future ().wait ();
      q.reset ();
    });
    raw->post ([&] { finished.set_value (); }); // still runs
    posted.set_value ();
    fail_unless (finished.get_future ().wait_for (long_enough) == std::future_status::ready);
  }
  fail_unless (iterate_until ([&] { return threads () == before; }), "threads are left");
}
GST_END_TEST

static Suite *serial_queue_suite ()
{
  Suite *s = suite_create ("common-serial_queue");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_limit);
  tcase_add_test (tc, test_drain);
  tcase_add_test (tc, test_destruction_runs_the_rest);
  tcase_add_test (tc, test_destroyed_by_its_own_task);
  return s;
}
GST_CHECK_MAIN (serial_queue)
