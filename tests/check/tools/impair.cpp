// SPDX-License-Identifier: LGPL-2.1-or-later
// The decision core of reach-impair: seeded, with a fake clock.
#include "impair.h"
#include "../check.h"
#include <algorithm>

using namespace reach;
using namespace reach::impair;

namespace {
using Packet = std::vector<std::uint8_t>;

Packet packet (std::size_t n, std::size_t size = 100)
{
  Packet p (size);
  store_be (p.data (), static_cast<std::uint32_t> (n));
  return p;
}

// Numbers of the packets that came out by `now`.
std::vector<unsigned> drain (Link &link, TimePoint now)
{
  std::vector<unsigned> out;
  while (auto p = link.poll_transmit (now))
    out.push_back (load_be<std::uint32_t> (p->data ()));
  return out;
}

std::vector<unsigned> run (const Profile &profile, std::uint64_t seed, unsigned n)
{
  Link link (profile, seed);
  TimePoint now{};
  std::vector<unsigned> out;
  for (unsigned i = 0; i < n; i++, now += milliseconds (1)) {
    link.input (packet (i), now);
    for (auto number : drain (link, now))
      out.push_back (number);
  }
  for (auto number : drain (link, now + seconds (10)))
    out.push_back (number);
  return out;
}
} // namespace

GST_START_TEST (test_plain_link_changes_nothing)
{
  Link link ({}, 1);
  const TimePoint now{};
  fail_if (link.poll_timeout ());
  link.input (packet (7), now);
  fail_unless (link.poll_timeout () == now);
  const auto p = link.poll_transmit (now);
  fail_unless (p && *p == packet (7));
  fail_if (link.poll_transmit (now));
  fail_unless_equals_int (link.counters ().bytes_out, 100);
}
GST_END_TEST

GST_START_TEST (test_seed_decides_the_loss)
{
  Profile profile;
  profile.loss = 10;
  const auto a = run (profile, 42, 10000), b = run (profile, 42, 10000),
             c = run (profile, 43, 10000);
  fail_unless (a == b);
  fail_unless (a != c);
  fail_unless (a.size () > 8800 && a.size () < 9200);
  fail_unless (std::is_sorted (a.begin (), a.end ()));
  // A further impairment leaves the losses where they were.
  profile.reorder = 20;
  auto d = run (profile, 42, 10000);
  std::sort (d.begin (), d.end ());
  fail_unless (a == d);
}
GST_END_TEST

GST_START_TEST (test_delay_and_jitter_keep_the_order)
{
  Profile profile;
  profile.delay = milliseconds (20);
  profile.jitter = milliseconds (30);
  Link link (profile, 5);
  TimePoint now{};
  for (unsigned i = 0; i < 200; i++)
    link.input (packet (i), now + milliseconds (i));
  fail_if (link.poll_transmit (now + milliseconds (19)));
  fail_unless (*link.poll_timeout () >= now + milliseconds (20));
  fail_unless (*link.poll_timeout () <= now + milliseconds (50));
  const auto all = drain (link, now + milliseconds (199 + 50));
  fail_unless_equals_int (all.size (), 200);
  fail_unless (std::is_sorted (all.begin (), all.end ()));
}
GST_END_TEST

GST_START_TEST (test_reorder_and_duplicate)
{
  Profile profile;
  profile.reorder = 10;
  profile.duplicate = 10;
  const unsigned n = 5000;
  auto out = run (profile, 9, n);
  fail_if (std::is_sorted (out.begin (), out.end ()));
  fail_unless (out.size () > n + 400 && out.size () < n + 600);
  std::sort (out.begin (), out.end ());
  out.erase (std::unique (out.begin (), out.end ()), out.end ());
  fail_unless_equals_int (out.size (), n);
}
GST_END_TEST

GST_START_TEST (test_rate_spreads_and_the_queue_is_bounded)
{
  Profile profile;
  profile.rate = 800'000; // 100 bytes a millisecond
  profile.queue = 1000;
  Link link (profile, 1);
  TimePoint now{};
  for (unsigned i = 0; i < 15; i++)
    link.input (packet (i), now);
  fail_unless_equals_int (link.counters ().queue_dropped, 5);
  for (unsigned i = 1; i <= 10; i++) {
    fail_if (link.poll_transmit (now + milliseconds (i) - nanoseconds (1)));
    fail_unless_equals_int (drain (link, now + milliseconds (i)).size (), 1);
  }
  fail_if (link.poll_timeout ());
  // An idle line does not save up time.
  now += seconds (5);
  link.input (packet (1), now);
  fail_unless (link.poll_timeout () == now + milliseconds (1));
}
GST_END_TEST

GST_START_TEST (test_what_is_on_the_way_is_bounded)
{
  Profile profile;
  profile.delay = seconds (100);
  profile.max_held = 1000;
  Link link (profile, 1);
  for (unsigned i = 0; i < 20; i++)
    link.input (packet (i), TimePoint{});
  fail_unless_equals_int (link.counters ().queue_dropped, 10);
  fail_unless_equals_int (drain (link, TimePoint{} + seconds (100)).size (), 10);
}
GST_END_TEST

static Suite *impair_suite (void)
{
  Suite *s = suite_create ("impair");
  TCase *tc = tcase_create ("link");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_plain_link_changes_nothing);
  tcase_add_test (tc, test_seed_decides_the_loss);
  tcase_add_test (tc, test_delay_and_jitter_keep_the_order);
  tcase_add_test (tc, test_reorder_and_duplicate);
  tcase_add_test (tc, test_rate_spreads_and_the_queue_is_bounded);
  tcase_add_test (tc, test_what_is_on_the_way_is_bounded);
  return s;
}

GST_CHECK_MAIN (impair);
