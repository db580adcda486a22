// SPDX-License-Identifier: LGPL-2.1-or-later
// What a peer may hold before it is let in.
#include "../check.h"
#include "cam/proto/datagram_reassembly.h"
#include "cam/proto/incoming.h"
#include "common/shares.h"
#include <limits>

using namespace reach;
using namespace reach::cam;

GST_START_TEST (test_a_quarter_for_one_network)
{
  std::vector<Shares::Place> places;
  auto shares = std::make_unique<Shares> (100);
  for (int i = 0; i < 25; i++) {
    places.push_back (shares->take ("a"));
    fail_unless (static_cast<bool> (places.back ()));
  }
  fail_if (static_cast<bool> (shares->take ("a")));
  fail_unless (static_cast<bool> (shares->take ("b")));
  // One is let in, one goes.
  places[3] = {};
  places.pop_back ();
  for (int i = 0; i < 2; i++) {
    places.push_back (shares->take ("a"));
    fail_unless (static_cast<bool> (places.back ()));
  }
  fail_if (static_cast<bool> (shares->take ("a")));
  Shares::Place moved = std::move (places[0]);
  places.clear ();
  for (int i = 0; i < 24; i++)
    places.push_back (shares->take ("a"));
  fail_if (static_cast<bool> (shares->take ("a")));
  shares.reset (); // places may be given back later
}
GST_END_TEST

// One packet cannot make room for 16,000 messages.
GST_START_TEST (test_small_window_before_the_welcome)
{
  DatagramConfig config;
  VectorStorage source;
  std::deque<DatagramEvent> events;
  Reassembly r (config, source, events);
  r.start (100);
  r.limit (1000);
  const std::uint8_t byte = 7;
  const auto add = [&] (std::uint32_t ahead) {
    FragmentHeader f;
    f.message = 100 + ahead;
    f.total = f.length = 1;
    return r.add (f, {&byte, 1}, TimePoint::max (), TimePoint::max ());
  };
  fail_unless (add (Reassembly::limited_window) == Reassembly::Result::no_room);
  fail_unless (add (16000) == Reassembly::Result::no_room);
  fail_unless (add (Reassembly::limited_window - 1) == Reassembly::Result::ok);
  r.limit (std::numeric_limits<std::size_t>::max ());
  fail_unless (add (16000) == Reassembly::Result::ok);
  fail_unless (add (config.max_window) == Reassembly::Result::no_room);
}
GST_END_TEST

static Suite *strangers_suite ()
{
  Suite *s = suite_create ("strangers");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_a_quarter_for_one_network);
  tcase_add_test (tc, test_small_window_before_the_welcome);
  return s;
}

GST_CHECK_MAIN (strangers)
