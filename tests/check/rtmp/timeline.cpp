// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmpserver/proto/timeline.h"
#include "../check.h"

using namespace reach;
using rtmp::Timeline;
using Kind = Timeline::Kind;

namespace {
// A sender in real time: its timestamp and the time of arrival go on together.
class Sender {
public:
  explicit Sender (std::uint32_t first) : timestamp (first) {}

  Timeline::Stamp send (Kind kind, std::uint8_t track = 0)
  {
    return timeline.map (kind, track, timestamp, 0, now);
  }
  void pass (milliseconds d)
  {
    now += d;
    timestamp += static_cast<std::uint32_t> (d.count ());
  }

  Timeline timeline;
  std::uint32_t timestamp;
  TimePoint now{};
};

void is_at (Timeline::Stamp s, std::int64_t ms, bool discontinuity = false)
{
  fail_unless (s.time == milliseconds (ms), "%lld ns, not %lld ms",
      static_cast<long long> (s.time.count ()), static_cast<long long> (ms));
  fail_unless (s.discontinuity == discontinuity);
}
} // namespace

GST_START_TEST (test_starts_at_zero)
{
  for (const std::uint32_t first : {0u, 1000u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    Sender s (first);
    is_at (s.send (Kind::video), 0);
    s.pass (milliseconds (40));
    is_at (s.send (Kind::video), 40);
    is_at (s.send (Kind::audio), 40);
  }
}
GST_END_TEST

GST_START_TEST (test_nano_offset)
{
  Timeline t;
  t.map (Kind::video, 0, 100, 0, {});
  fail_unless (t.map (Kind::video, 0, 101, 999999, {}).time == nanoseconds (1999999));
  fail_unless (t.map (Kind::audio, 0, 101, 1, {}).time == nanoseconds (1000001));
}
GST_END_TEST

// Numbers of 32 bits, those that lost the sign, and those that lost FLV's extension byte.
GST_START_TEST (test_wraps)
{
  for (const unsigned bits : {32u, 31u, 24u}) {
    const std::uint32_t mask = bits == 32 ? 0xffffffffu : (1u << bits) - 1;
    Timeline t;
    TimePoint now{};
    for (int i = 0; i < 10; i++) {
      const std::uint32_t timestamp = (mask - 200 + static_cast<std::uint32_t> (i) * 40 + 1) & mask;
      is_at (t.map (Kind::video, 0, timestamp, 0, now), i * 40);
      now += milliseconds (40);
    }
  }
}
GST_END_TEST

// Three wraps of 49 days each, and with them 28 h 28 m, 24 days and 31 bits.
GST_START_TEST (test_28_hours_28_minutes_and_months)
{
  Sender s (0xfffffff0);
  const milliseconds step (600000);
  std::int64_t ms = 0;
  for (; ms < std::int64_t{150} * 24 * 3600 * 1000; ms += step.count ()) {
    is_at (s.send (Kind::video), ms);
    s.pass (step);
  }
}
GST_END_TEST

GST_START_TEST (test_interleaved_tracks)
{
  Timeline t;
  is_at (t.map (Kind::video, 0, 1000, 0, {}), 0);
  is_at (t.map (Kind::audio, 0, 900, 0, {}), -100);
  is_at (t.map (Kind::audio, 1, 950, 0, {}), -50);
  is_at (t.map (Kind::video, 0, 3000, 0, {}), 2000);
  is_at (t.map (Kind::audio, 0, 923, 0, {}), -77);
  is_at (t.map (Kind::video, 1, 3000, 0, {}), 2000);
}
GST_END_TEST

GST_START_TEST (test_never_goes_back)
{
  Timeline t;
  t.map (Kind::audio, 0, 1000, 0, {});
  is_at (t.map (Kind::audio, 0, 1020, 0, {}), 20);
  is_at (t.map (Kind::audio, 0, 1010, 0, {}), 20);
  is_at (t.map (Kind::audio, 0, 1020, 0, {}), 20);
  is_at (t.map (Kind::audio, 0, 1043, 0, {}), 43);
}
GST_END_TEST

// An encoder that starts again: both tracks go on together, and stay together.
GST_START_TEST (test_jump_back)
{
  Sender s (3600000);
  s.send (Kind::video);
  s.send (Kind::audio);
  s.pass (milliseconds (5000));
  s.send (Kind::video);
  s.send (Kind::audio);
  const std::uint32_t old = s.timestamp;
  s.pass (milliseconds (40));
  s.timestamp = 0;
  is_at (s.send (Kind::video), 5040, true);
  is_at (s.timeline.map (Kind::audio, 0, old + 20, 0, s.now), 5020); // was still under way
  s.pass (milliseconds (10));
  is_at (s.send (Kind::audio), 5050, true);
  s.pass (milliseconds (30));
  is_at (s.send (Kind::video), 5080);
  is_at (s.send (Kind::audio), 5080);
}
GST_END_TEST

GST_START_TEST (test_jump_forward)
{
  Sender s (0);
  s.send (Kind::video);
  s.pass (milliseconds (40));
  s.timestamp += 3600000;
  is_at (s.send (Kind::video), 40, true);
  s.pass (milliseconds (40));
  is_at (s.send (Kind::audio), 80);
}
GST_END_TEST

// A gap that took its time is none; nor is one that is small.
GST_START_TEST (test_gap)
{
  Sender s (0);
  s.send (Kind::video);
  s.pass (seconds (3600));
  is_at (s.send (Kind::video), 3600000);
  s.timestamp += 8000;
  is_at (s.send (Kind::video), 3608000);
}
GST_END_TEST

// A file that is sent faster than it plays.
GST_START_TEST (test_faster_than_real_time)
{
  Timeline t;
  for (std::uint32_t ms = 0; ms < 7200000; ms += 5000)
    is_at (t.map (Kind::video, 0, ms, 0, {}), ms);
}
GST_END_TEST

// Metadata in the middle of a stream often has timestamp 0: it belongs to now, and moves nobody.
GST_START_TEST (test_data_with_timestamp_zero)
{
  Sender s (0);
  is_at (s.timeline.map (Kind::data, 0, 0, 0, s.now), 0);
  s.send (Kind::video);
  s.pass (seconds (3600));
  is_at (s.send (Kind::video), 3600000);
  is_at (s.timeline.map (Kind::data, 0, 0, 0, s.now), 3600000, true);
  s.pass (milliseconds (40));
  is_at (s.send (Kind::video), 3600040);
  is_at (s.send (Kind::audio), 3600040);
}
GST_END_TEST

// Tracks whose numbers have nothing to do with each other.
GST_START_TEST (test_tracks_with_different_origins)
{
  Timeline t;
  TimePoint now{};
  for (std::uint32_t i = 0; i < 300; i++) {
    is_at (t.map (Kind::video, 0, 1000000000 + i * 40, 0, now), i * 40);
    is_at (t.map (Kind::audio, 0, i * 40, 0, now), i * 40);
    now += milliseconds (40);
  }
}
GST_END_TEST

// Whatever comes, a track's times do not go back, and the stream's are near to what has passed.
GST_START_TEST (test_hostile_timestamps)
{
  Timeline t;
  TimePoint now{};
  std::uint32_t random = 1;
  nanoseconds last[2]{seconds (-10), seconds (-10)};
  bool back = false;
  for (int i = 0; i < 20000; i++) {
    random = random * 1664525 + 1013904223;
    const unsigned which = random >> 31;
    const auto stamp = t.map (
        which != 0 ? Kind::audio : Kind::video, static_cast<std::uint8_t> (0), random, 0, now);
    back = back || stamp.time < last[which];
    last[which] = stamp.time;
    now += milliseconds (1);
  }
  fail_unless (!back);
  // Each message can gain no more than the tolerance of a gap.
  fail_unless (last[0] < seconds (10) * 20000);
}
GST_END_TEST

static Suite *timeline_suite ()
{
  Suite *s = suite_create ("rtmp-timeline");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_starts_at_zero);
  tcase_add_test (tc, test_nano_offset);
  tcase_add_test (tc, test_wraps);
  tcase_add_test (tc, test_28_hours_28_minutes_and_months);
  tcase_add_test (tc, test_interleaved_tracks);
  tcase_add_test (tc, test_never_goes_back);
  tcase_add_test (tc, test_jump_back);
  tcase_add_test (tc, test_jump_forward);
  tcase_add_test (tc, test_gap);
  tcase_add_test (tc, test_faster_than_real_time);
  tcase_add_test (tc, test_data_with_timestamp_zero);
  tcase_add_test (tc, test_tracks_with_different_origins);
  tcase_add_test (tc, test_hostile_timestamps);
  return s;
}
GST_CHECK_MAIN (timeline)
