// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is ahead of real time.
#include "rtmpserver/proto/pace.h"
#include "../check.h"

using namespace reach;
using reach::rtmp::Pace;

namespace {
constexpr TimePoint start{seconds (1000)};

// Media of `media` length that comes within `wall`, in steps of 40 ms.
TimePoint send (Pace &p, nanoseconds &at, TimePoint now, Duration media, Duration wall)
{
  const auto steps = media / milliseconds (40);
  for (std::int64_t i = 0; i < steps; i++) {
    now += wall / steps;
    at += milliseconds (40);
    p.note (at, now);
  }
  return now;
}
} // namespace

GST_START_TEST (test_file)
{
  Pace p;
  nanoseconds at{0};
  p.note (at, start);
  fail_unless (p.live_at (start));
  const TimePoint now = send (p, at, start, seconds (60), seconds (1));
  fail_unless (p.ahead (now) > seconds (58) && p.ahead (now) < seconds (60));
  fail_unless (!p.live_at (now + seconds (50)));
  fail_unless (p.live_at (now + seconds (60))); // time has passed, and nothing came
}
GST_END_TEST

// It begins with a second of the past, its clock is fast, and its timestamps are uneven.
GST_START_TEST (test_live)
{
  Pace p;
  nanoseconds at{0};
  TimePoint now = send (p, at, start, milliseconds (960), Duration (24));
  now = send (p, at, now, seconds (3600 * 10), seconds (3600 * 10 - 30));
  fail_unless (p.live_at (now));
  p.note (at - seconds (2), now); // another track
  fail_unless (p.live_at (now));
}
GST_END_TEST

// The network was away, and all that waited comes at once.
GST_START_TEST (test_catching_up)
{
  Pace p;
  nanoseconds at{0};
  TimePoint now = send (p, at, start, seconds (10), seconds (10));
  now = send (p, at, now + seconds (8), seconds (8), Duration (200));
  fail_unless (p.live_at (now));
  now = send (p, at, now, seconds (4), Duration (200));
  fail_unless (!p.live_at (now));
  // What it may catch up with is bounded.
  now = send (p, at, now + seconds (3600), seconds (120), Duration (3000));
  fail_unless (!p.live_at (now));
}
GST_END_TEST

static Suite *pace_suite ()
{
  Suite *s = suite_create ("rtmp-pace");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_file);
  tcase_add_test (tc, test_live);
  tcase_add_test (tc, test_catching_up);
  return s;
}
GST_CHECK_MAIN (pace)
