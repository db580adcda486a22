// SPDX-License-Identifier: LGPL-2.1-or-later
// How long to wait for packets: so long that nearly all of those that came lately would have been
// in time.
#pragma once
#include "common/proto/time.h"
#include <array>
#include <cstdint>

namespace reach::rtc {
class JitterLatency {
public:
  struct Config {
    Duration min = milliseconds (20), max = seconds (1);
    Duration start = milliseconds (100);
    bool adaptive = true; // false: `start` is kept
    double late = 0.01;   // how many may come later
  };
  explicit JitterLatency (const Config &config);

  // By how much a packet came later than the fastest ones. Also of those that came too late.
  void input (Duration delay, TimePoint now);
  Duration value () const { return value_; }
  void set_fixed (Duration latency);

private:
  static constexpr Duration step = milliseconds (4);
  static constexpr std::size_t steps = 256;
  void adapt (TimePoint now);

  Config config_;
  Duration value_;
  // What of the packets had which delay; older ones count less by half in about 1,400 packets.
  std::array<std::uint32_t, steps> weights_{};
  std::uint64_t sum_ = 0;
  std::uint32_t weight_ = 1 << 10; // of the next one; grows instead of the others shrinking
  std::uint32_t count_ = 0;
  TimePoint adapted_{};
};
} // namespace reach::rtc
