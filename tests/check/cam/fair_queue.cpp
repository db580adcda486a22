// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/fair_queue.h"
#include "../check.h"
#include "common/address.h"

using namespace reach;
using namespace reach::cam;

static std::string all_of (FairQueue<int> &q)
{
  std::string s;
  while (const auto i = q.take ())
    s += std::to_string (*i) + ' ';
  return s;
}

GST_START_TEST (test_turns)
{
  FairQueue<int> q (100, 50);
  for (int i = 0; i < 5; i++)
    fail_unless (!q.put ("a", i));
  fail_unless (!q.put ("b", 10) && !q.put ("b", 11) && !q.put ("c", 20));
  fail_unless_equals_int (q.size (), 8);
  fail_unless_equals_string (all_of (q).c_str (), "0 10 20 1 11 2 3 4 ");
  fail_unless (!q.take () && q.size () == 0);
  // Who has had its turn waits for the others.
  q.put ("a", 1), q.put ("b", 2), q.put ("a", 3);
  fail_unless (q.take () == 1);
  q.put ("c", 4);
  fail_unless_equals_string (all_of (q).c_str (), "2 3 4 ");
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  FairQueue<int> q (5, 3);
  for (int i = 0; i < 3; i++)
    fail_unless (!q.put ("flood", i));
  fail_unless (q.put ("flood", 3) == 3);
  fail_unless (!q.put ("a", 10) && !q.put ("b", 20));
  // Full: a newcomer takes a place of who has the most, the newest.
  fail_unless (q.put ("c", 30) == 2);
  fail_unless (q.put ("d", 40) == 1);
  // Nobody has more than one any more.
  fail_unless (q.put ("e", 50) == 50);
  fail_unless_equals_int (q.size (), 5);
  fail_unless_equals_string (all_of (q).c_str (), "0 10 20 30 40 ");
}
GST_END_TEST

GST_START_TEST (test_networks)
{
  fail_unless_equals_string (network_of ("192.0.2.1:80").c_str (), "192.0.2.1");
  fail_unless (network_of ("[2001:db8:1:2:3::4]:80") == network_of ("[2001:db8:1:2::1]:1"));
  fail_if (network_of ("[2001:db8:1:2::1]:80") == network_of ("[2001:db8:1:3::1]:80"));
  fail_if (network_of ("192.0.2.1:80") == network_of ("192.0.2.2:80"));
  network_of ("");
  network_of ("[]");
  network_of ("[");
}
GST_END_TEST

static Suite *fair_queue_suite ()
{
  Suite *s = suite_create ("fair_queue");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_turns);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_networks);
  return s;
}

GST_CHECK_MAIN (fair_queue)
