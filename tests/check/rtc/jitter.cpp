// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of the receiver by themselves: buffer, clock, latency, key frame requests, windows.
#include "rtc/proto/jitter_buffer.h"
#include "rtc/proto/jitter_clock.h"
#include "rtc/proto/jitter_delay.h"
#include "rtc/proto/jitter_latency.h"
#include "rtc/proto/rtp_keyframe.h"
#include "rtc/proto/rtp_statistics.h"
#include "rtp_packets.h"
#include <random>
#include <set>

using namespace reach;
using namespace reach::test;
using Insert = JitterBuffer::Insert;

namespace {
constexpr TimePoint t{seconds (100)};

Insert put (JitterBuffer &b, std::int64_t number, Duration time = {})
{
  static const Octets bytes = make_packet ({}, as_bytes ("x"));
  return b.insert ({*RtpPacket::parse (bytes), Shared::make ({}), number, t + time, t, false});
}

// Numbers that come out at that time; "-3" for three that are lost.
std::string take (JitterBuffer &b, Duration at, Duration latency = milliseconds (100))
{
  std::string s;
  while (const auto e = b.poll (t + at, latency)) {
    const auto *p = std::get_if<MediaPacket> (&*e);
    s += p ? std::to_string (p->number)
           : "-" + std::to_string (std::get<JitterBuffer::Lost> (*e).count);
    s += " ";
  }
  return s;
}
} // namespace

GST_START_TEST (test_order_and_deadlines)
{
  JitterBuffer b ({});
  fail_unless (!b.poll_timeout (milliseconds (100)));
  fail_unless (put (b, 10) == Insert::taken && take (b, {}) == "10 ");
  fail_unless (put (b, 13, milliseconds (30)) == Insert::taken && take (b, {}) == "");
  fail_unless (*b.poll_timeout (milliseconds (100)) == t + milliseconds (130));
  fail_unless (put (b, 12, milliseconds (20)) == Insert::taken);
  fail_unless (*b.poll_timeout (milliseconds (100)) == t + milliseconds (120));
  fail_unless (put (b, 12) == Insert::duplicate && put (b, 10) == Insert::late);
  fail_unless (take (b, milliseconds (119)) == "" && take (b, milliseconds (120)) == "-1 12 13 ");
  fail_unless (put (b, 11) == Insert::late && b.packets () == 0 && b.bytes () == 0);
  fail_unless (
      put (b, 15) == Insert::taken && put (b, 14) == Insert::taken && take (b, {}) == "14 15 ");
  // Far ahead: what waited is thrown away, and the loss is told of once.
  fail_unless (put (b, 18, seconds (5)) == Insert::taken);
  fail_unless (put (b, 16 + 100000) == Insert::jump && take (b, {}) == "-100000 100016 ");
  fail_unless (b.dropped () == 1 && Shared::alive == 0);
  b.reset ();
  fail_unless (put (b, 5) == Insert::taken && take (b, {}) == "5 ");
}
GST_END_TEST

namespace {
void leave (JitterDelay &d, std::uint32_t timestamp, int arrived, int left)
{
  const Octets bytes = make_packet ({false, 96, 1, timestamp, 1}, as_bytes ("x"));
  MediaPacket p;
  p.packet = *RtpPacket::parse (bytes);
  p.arrived = t + milliseconds (arrived);
  d.left (p, t + milliseconds (left), milliseconds (200));
}
} // namespace

// Frames from the first packet that came until the last that left; samples likewise, each.
GST_START_TEST (test_delay)
{
  JitterDelay frames (0);
  leave (frames, 3000, 12, 30);
  leave (frames, 3000, 10, 40);
  fail_unless (frames.counts ().emitted == 0); // it may have more
  leave (frames, 6000, 50, 50);
  fail_unless (frames.counts ().emitted == 1 && frames.counts ().waited == milliseconds (30));
  fail_unless (frames.counts ().target == milliseconds (200));
  frames.reset (); // what was begun does not count
  leave (frames, 100, 60, 60);
  fail_unless (frames.counts ().emitted == 1);
  JitterDelay samples (48000);
  leave (samples, 0xffffff00, 0, 5);
  leave (samples, 0xffffff00 + 960, 20, 20);
  fail_unless (samples.counts ().emitted == 960);
  fail_unless (samples.counts ().waited == milliseconds (5) * 960);
  leave (samples, 90000000, 40, 40); // a jump: as long as the one before
  fail_unless (samples.counts ().emitted == 1920);
}
GST_END_TEST

// Against a set of numbers, with any order.
GST_START_TEST (test_random_order)
{
  std::mt19937 random (11);
  std::int64_t total = 0;
  for (int round = 0; round < 50; round++) {
    JitterBuffer b ({.packets = 5000});
    std::set<std::int64_t> in;
    std::int64_t next = 0, out = 0;
    bool right = true;
    put (b, 0);
    take (b, {}, seconds (10));
    for (int i = 0; i < 2000; i++) {
      const std::int64_t n =
          std::max<std::int64_t> (i / 8 + 1 - static_cast<int> (random () % 60), 1);
      const Insert expected = n <= next         ? Insert::late
                              : in.contains (n) ? Insert::duplicate
                                                : Insert::taken;
      right = right && put (b, n) == expected;
      in.insert (n);
      while (const auto e = b.poll (t, seconds (10))) {
        out = std::get<MediaPacket> (*e).number;
        right = right && out == ++next && in.contains (next);
      }
      right = right && !in.contains (next + 1);
    }
    fail_unless (right);
    total += out;
  }
  fail_unless (total > 50 * 100, "%ld", total);
  fail_unless_equals_int (Shared::alive, 0);
}
GST_END_TEST

GST_START_TEST (test_clock)
{
  // Jitter of 30 ms on a clock that runs 200 ppm fast: times follow the fastest packets.
  JitterClock c (90000);
  std::mt19937 random (3);
  Duration worst{};
  bool jumped = false;
  for (int i = 0; i < 6000; i++) { // two minutes
    const Duration at = milliseconds (20) * i;
    const auto ts =
        static_cast<std::uint32_t> (0xfffff000u + static_cast<std::uint32_t> (1800 * i));
    const Duration drift = at / 5000;
    const TimePoint came = t + at - drift + milliseconds (10) + microseconds (random () % 30000);
    const TimePoint time = c.input (ts, came);
    jumped = jumped || c.jumped ();
    if (i > 500)
      worst = std::max (worst, std::chrono::abs (time - (t + at - drift + milliseconds (10))));
  }
  fail_unless (
      !jumped && worst < milliseconds (5), "%ld us", static_cast<long> (worst / microseconds (1)));
  // Timestamps from elsewhere.
  c.input (12345, t + seconds (121));
  fail_unless (c.jumped () && c.peek (12345 + 90000) == t + seconds (122));
}
GST_END_TEST

GST_START_TEST (test_latency)
{
  JitterLatency fixed ({.start = milliseconds (70), .adaptive = false});
  fixed.input (seconds (1), t);
  fail_unless (fixed.value () == milliseconds (70));
  JitterLatency l (JitterLatency::Config{});
  TimePoint now = t;
  const auto feed = [&] (int n, Duration usual, Duration rare) {
    for (int i = 0; i < n; i++) {
      now += milliseconds (5);
      l.input (i % 20 == 0 ? rare : usual, now);
    }
    return l.value ();
  };
  fail_unless (feed (4000, milliseconds (3), milliseconds (5)) <= milliseconds (25));
  const Duration high = feed (2000, milliseconds (3), milliseconds (150));
  fail_unless (high >= milliseconds (150) && high <= milliseconds (160));
  fail_unless (feed (40000, milliseconds (3), milliseconds (5)) <= milliseconds (30));
  fail_unless (feed (400, seconds (5), seconds (5)) == seconds (1)); // its maximum
}
GST_END_TEST

GST_START_TEST (test_keyframe_requests)
{
  KeyframeRequester k ({.spacing = milliseconds (300), .max_tries = 3});
  const Duration rtt = milliseconds (50);
  fail_unless (!k.poll (t, rtt) && !k.poll_timeout ());
  k.want (t);
  fail_unless (k.poll (t, rtt) && !k.poll (t, rtt));
  k.want (t + milliseconds (10)); // is under way
  fail_unless (!k.poll (t + milliseconds (299), rtt) && k.poll (t + milliseconds (300), rtt));
  k.received ();
  fail_unless (!k.wanted () && !k.poll (t + seconds (1), rtt));
  k.want (t + milliseconds (400));
  fail_unless (*k.poll_timeout () == t + milliseconds (600)); // never often
  int n = 0;
  for (int i = 0; i < 100; i++)
    n += k.poll (t + milliseconds (600 + 100 * i), seconds (1));
  fail_unless (n == 3 && k.requests () == 5);
}
GST_END_TEST

GST_START_TEST (test_seen_window)
{
  std::mt19937 random (4);
  SeenWindow w;
  std::set<std::int64_t> seen;
  std::int64_t highest = 0x10000;
  bool right = true;
  for (int i = 0; i < 100000; i++) {
    const std::int64_t n = highest + static_cast<std::int64_t> (random () % 40) - 30 +
                           (random () % 500 == 0 ? 3000 : 0);
    const bool old = !seen.empty () && n <= *seen.rbegin () - SeenWindow::size;
    right = right && w.add (n) == (!old && !seen.contains (n));
    if (!old)
      seen.insert (n);
    highest = std::max (highest, n);
    while (*seen.begin () <= highest - SeenWindow::size)
      seen.erase (seen.begin ());
  }
  fail_unless (right);
}
GST_END_TEST

static Suite *jitter_suite ()
{
  Suite *s = suite_create ("rtc-jitter");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_order_and_deadlines);
  tcase_add_test (tc, test_delay);
  tcase_add_test (tc, test_random_order);
  tcase_add_test (tc, test_clock);
  tcase_add_test (tc, test_latency);
  tcase_add_test (tc, test_keyframe_requests);
  tcase_add_test (tc, test_seen_window);
  return s;
}
GST_CHECK_MAIN (jitter)
