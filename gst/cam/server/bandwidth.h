// SPDX-License-Identifier: LGPL-2.1-or-later
// What one sender may bring, over all its connections: a token bucket kept as a point in time,
// shared by the loops that have them.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <atomic>
#include <cstddef>

namespace reach::cam {

class Bandwidth {
public:
  static constexpr Duration burst = seconds (1); // so much of it at once, after a pause

  explicit Bandwidth (std::uint64_t bits_per_second)
      : ns_per_byte_ (8e9 / static_cast<double> (bits_per_second))
  {
  }
  // Any thread. False: it would be too much. After a pause one frame passes, however large.
  bool take (std::size_t bytes, TimePoint now)
  {
    const std::int64_t t = nanoseconds (now.time_since_epoch ()).count ();
    const auto cost = static_cast<std::int64_t> (static_cast<double> (bytes) * ns_per_byte_);
    std::int64_t spent = spent_until_.load (std::memory_order_relaxed), begin;
    do {
      begin = std::max (spent, t - nanoseconds (burst).count ());
      if (begin + cost > t && begin > t - nanoseconds (burst).count ())
        return false;
    } while (!spent_until_.compare_exchange_weak (spent, begin + cost, std::memory_order_relaxed));
    return true;
  }

private:
  const double ns_per_byte_;
  std::atomic<std::int64_t> spent_until_{INT64_MIN};
};
} // namespace reach::cam
