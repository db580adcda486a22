// SPDX-License-Identifier: LGPL-2.1-or-later
// Token buckets as one number each: the time at which what was taken will be paid for (GCRA).
#pragma once
#include "time.h"
#include <algorithm>
#include <atomic>
#include <cstdint>

namespace reach {
struct Rate {
  double per_second = 0; // 0: no limit
  double burst = 0;      // what may come at once

  bool limited () const { return per_second > 0; }
  std::int64_t cost (double n) const { return static_cast<std::int64_t> (n * 1e9 / per_second); }
};

// One thread.
class Bucket {
public:
  // Takes it in any case. When as much as that is paid for: until then nothing more is to come.
  TimePoint charge (const Rate &rate, double n, TimePoint now)
  {
    const std::int64_t t = now.time_since_epoch ().count ();
    paid_ = std::max (paid_, t) + rate.cost (n);
    return TimePoint (Duration (std::max (t, paid_ - rate.cost (rate.burst))));
  }
  bool has (const Rate &rate, double n, TimePoint now) const
  {
    const std::int64_t t = now.time_since_epoch ().count ();
    return std::max (paid_, t) + rate.cost (n) - t <= rate.cost (rate.burst);
  }
  bool take (const Rate &rate, double n, TimePoint now)
  {
    const std::int64_t t = now.time_since_epoch ().count ();
    const std::int64_t next = std::max (paid_, t) + rate.cost (n);
    if (next - t > rate.cost (rate.burst))
      return false;
    paid_ = next;
    return true;
  }

private:
  std::int64_t paid_ = INT64_MIN;
};

// The same for several threads; nobody waits for anybody.
class SharedBucket {
public:
  TimePoint charge (const Rate &rate, double n, TimePoint now)
  {
    const std::int64_t t = now.time_since_epoch ().count ();
    std::int64_t paid = paid_.load (std::memory_order_relaxed);
    while (!paid_.compare_exchange_weak (
        paid, std::max (paid, t) + rate.cost (n), std::memory_order_relaxed)) {
    }
    return TimePoint (
        Duration (std::max (t, std::max (paid, t) + rate.cost (n) - rate.cost (rate.burst))));
  }
  bool take (const Rate &rate, double n, TimePoint now)
  {
    const std::int64_t t = now.time_since_epoch ().count ();
    std::int64_t paid = paid_.load (std::memory_order_relaxed);
    for (;;) {
      const std::int64_t next = std::max (paid, t) + rate.cost (n);
      if (next - t > rate.cost (rate.burst))
        return false;
      if (paid_.compare_exchange_weak (paid, next, std::memory_order_relaxed))
        return true;
    }
  }

private:
  std::atomic<std::int64_t> paid_{INT64_MIN};
};
} // namespace reach
