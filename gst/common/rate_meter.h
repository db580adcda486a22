// SPDX-License-Identifier: LGPL-2.1-or-later
// How much came per second, over the last second: a window that slides in steps. Time comes in.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace reach {
class RateMeter {
public:
  static constexpr Duration window = seconds (1);

  explicit RateMeter (TimePoint now) : step_ (step_of (now)), begin_ (now) {}

  void add (std::uint64_t n, TimePoint now)
  {
    advance (now);
    counts_[index (step_)] += n;
    sum_ += n;
  }
  // Per second. Of a meter younger than the window: over its life, but at least one step, so that
  // a first burst is not shown as a rate it never had.
  double per_second (TimePoint now)
  {
    advance (now);
    // The window ends now and holds `steps` - 1 whole steps and the part of the present one.
    const Duration present = now.time_since_epoch () - step_ * step;
    const Duration full = (steps - 1) * step + std::max (present, Duration{});
    const Duration over = std::max (std::min (full, now - begin_), step);
    return static_cast<double> (sum_) / std::chrono::duration<double> (over).count ();
  }

private:
  static constexpr std::int64_t steps = 11; // ten whole ones and the present one
  static constexpr Duration step = window / (steps - 1);

  static std::int64_t step_of (TimePoint t) { return t.time_since_epoch () / step; }
  static std::size_t index (std::int64_t s)
  {
    return static_cast<std::size_t> ((s % steps + steps) % steps);
  }
  void advance (TimePoint now)
  {
    const std::int64_t to = step_of (now);
    if (to - step_ >= steps) {
      counts_.fill (0);
      sum_ = 0;
      step_ = to;
    }
    while (step_ < to)
      sum_ -= std::exchange (counts_[index (++step_)], 0);
  }

  std::array<std::uint64_t, steps> counts_{};
  std::uint64_t sum_ = 0;
  std::int64_t step_; // the present one
  TimePoint begin_;
};
} // namespace reach
