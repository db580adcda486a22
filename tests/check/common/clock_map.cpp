// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/proto/clock_map.h"
#include "../check.h"
#include <algorithm>
#include <cmath>
#include <random>

using namespace reach;

namespace {
constexpr std::int64_t ms = 1000000, s = 1000 * ms;

// Two clocks and a network between them. The sender started 1234 s after the receiver.
struct World {
  World (double drift_ppm, std::uint32_t seed) : rate (1 - drift_ppm * 1e-6), rng (seed) {}

  std::int64_t remote (std::int64_t local) const
  {
    return std::llround (static_cast<double> (local) * rate) - 1234 * s;
  }
  std::int64_t jitter ()
  {
    return std::min<std::int64_t> (std::llround (delay (rng) * ms), 50 * ms);
  }
  // `extra`: what congestion adds.
  void send_sample (std::int64_t extra = 0) { map.sample (remote (now), now + jitter () + extra); }
  // How much later than captured a stamp of now comes out.
  std::int64_t error () { return map.map (remote (now), now) - now; }

  double rate;
  std::mt19937 rng;
  std::exponential_distribution<double> delay{0.1}; // mean 10 ms
  ClockMap map;
  std::int64_t now = 5 * s;
};

struct Range {
  std::int64_t low = INT64_MAX, high = INT64_MIN;
  void add (std::int64_t v)
  {
    low = std::min (low, v);
    high = std::max (high, v);
  }
};

// Samples every second, stamps every 100 ms; the range of errors.
Range run (World &w, std::int64_t time, std::int64_t extra = 0)
{
  Range r;
  for (const auto end = w.now + time; w.now < end;) {
    w.send_sample (extra);
    for (int i = 0; i < 10; i++, w.now += 100 * ms)
      r.add (w.error ());
  }
  return r;
}
} // namespace

GST_START_TEST (test_first_sample)
{
  ClockMap m;
  fail_unless (!m.ready ());
  m.sample (1000, 5000);
  fail_unless (m.ready ());
  fail_unless_equals_int64 (m.offset (), 4000);
  fail_unless_equals_int64 (m.map (1000, 5000), 5000);
  fail_unless_equals_int64 (m.map (-1000, 5000), 3000);
  m.set_remote_latency (50);
  fail_unless_equals_int64 (m.map (1000, 5000), 5050);
  m.reset ();
  fail_unless (!m.ready ());
  m.sample (1000, 9000);
  fail_unless_equals_int64 (m.map (1000, 9000), 9000);
}
GST_END_TEST

// Before the first stamp was mapped, a better sample is taken at once.
GST_START_TEST (test_better_sample_before_first_use)
{
  ClockMap m;
  m.sample (0, 40 * ms);
  m.sample (100 * ms, 101 * ms);
  m.sample (200 * ms, 230 * ms);
  fail_unless_equals_int64 (m.offset (), 1 * ms);
}
GST_END_TEST

GST_START_TEST (test_slew_is_limited)
{
  ClockMap m;
  m.sample (0, 40 * ms);
  fail_unless_equals_int64 (m.map (0, 40 * ms), 40 * ms);
  m.sample (1 * s, 1 * s); // the first came 40 ms late
  std::int64_t last = 40 * ms;
  for (std::int64_t t = 100 * ms; t < 200 * s; t += 100 * ms) {
    if (t % s == 0)
      m.sample (t, t);
    const std::int64_t out = m.map (t, t);
    const std::int64_t slew = out - last - 100 * ms;
    fail_unless (slew <= 0 && slew >= -50001, "%" G_GINT64_FORMAT, slew);
    last = out;
    // 40 ms take 80 s at 500 ppm.
    fail_unless (t > 78 * s || out - t > 0);
    fail_unless (t < 84 * s || out == t);
  }
}
GST_END_TEST

GST_START_TEST (test_hours_of_drift)
{
  std::uint32_t seed = 1;
  for (const double ppm : {0.0, 200.0, -200.0, 37.0, -3.0}) {
    World w (ppm, seed++);
    run (w, 180 * s); // from the first sample's error, at 500 ppm
    const Range r = run (w, 6 * 3600 * s);
    fail_unless (r.low > -2 * ms && r.high < 2 * ms,
        "drift %f: %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, ppm, r.low, r.high);
    fail_unless (std::abs (w.map.drift_ppm () - ppm) < 10, "%f for %f", w.map.drift_ppm (), ppm);
  }
}
GST_END_TEST

GST_START_TEST (test_congestion)
{
  for (const double ppm : {0.0, 200.0, -200.0}) {
    World w (ppm, 11);
    run (w, 600 * s);
    for (int i = 0; i < 5; i++) {
      const Range r = run (w, 60 * s, 300 * ms);
      fail_unless (r.low > -2 * ms && r.high < 2 * ms, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
          r.low, r.high);
      const Range after = run (w, 300 * s);
      fail_unless (after.low > -2 * ms && after.high < 2 * ms);
    }
  }
}
GST_END_TEST

GST_START_TEST (test_longer_path_is_followed)
{
  World w (50, 3);
  run (w, 600 * s);
  run (w, 600 * s, 20 * ms); // for good
  const Range r = run (w, 600 * s, 20 * ms);
  fail_unless (r.low > 18 * ms && r.high < 22 * ms, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
      r.low, r.high);
}
GST_END_TEST

// A stall, then a burst of stamps that are close together or equal: still in order, and equal
// stamps of two streams meet whenever they arrive.
GST_START_TEST (test_monotonic)
{
  World w (-200, 5);
  std::int64_t last_in = INT64_MIN, last_out = INT64_MIN;
  for (int i = 0; i < 20000; i++) {
    w.send_sample ();
    const std::int64_t captured = w.remote (w.now);
    const std::int64_t early = w.map.map (captured, w.now);
    w.now += static_cast<std::int64_t> (w.rng () % 3000) * ms;
    const std::int64_t late = w.map.map (captured, w.now);
    fail_unless_equals_int64 (early, late);
    for (int k = 0; k < 3; k++) {
      const std::int64_t in = captured + k;
      const std::int64_t out = w.map.map (in, w.now);
      fail_unless (in < last_in || out >= last_out);
      last_in = in;
      last_out = out;
    }
  }
}
GST_END_TEST

GST_START_TEST (test_nonsense_times)
{
  const std::int64_t values[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
  ClockMap m;
  for (int round = 0; round < 20; round++) {
    for (const auto a : values) {
      for (const auto b : values) {
        m.sample (a, b);
        m.set_remote_latency (a);
        m.map (b, a);
        m.map (a, b);
      }
    }
  }
  fail_unless (std::isfinite (m.drift_ppm ()));
  m.reset ();
  m.sample (0, 7);
  fail_unless_equals_int64 (m.map (1, 8), 8);
}
GST_END_TEST

static Suite *clock_map_suite ()
{
  Suite *suite = suite_create ("cam-clock-map");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_first_sample);
  tcase_add_test (tc, test_better_sample_before_first_use);
  tcase_add_test (tc, test_slew_is_limited);
  tcase_add_test (tc, test_hours_of_drift);
  tcase_add_test (tc, test_congestion);
  tcase_add_test (tc, test_longer_path_is_followed);
  tcase_add_test (tc, test_monotonic);
  tcase_add_test (tc, test_nonsense_times);
  return suite;
}
GST_CHECK_MAIN (clock_map)
