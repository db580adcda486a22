// SPDX-License-Identifier: LGPL-2.1-or-later
// Token buckets as one number each: the time at which what was taken will be paid for (GCRA).
#pragma once
#include "address.h"
#include "common/proto/time.h"
#include <atomic>
#include <vector>

namespace reach::turn::server {
struct Rate {
  double per_second = 0; // 0: no limit
  double burst = 0;      // what may come at once

  bool limited () const { return per_second > 0; }
  std::int64_t cost (double n) const { return static_cast<std::int64_t> (n * 1e9 / per_second); }
};

// One thread.
class Bucket {
public:
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

// A limit for each source: an IPv4 address, or the first 64 bits of an IPv6 address. So many
// buckets and no more, whoever sends: sources that fall into one bucket share it, which ones is
// different in each process.
class SourceLimiter {
public:
  SourceLimiter (Rate rate, std::size_t buckets, std::uint64_t seed)
      : rate_ (rate), seed_ (seed),
        buckets_ (rate.limited () ? std::max<std::size_t> (buckets, 1) : 0)
  {
  }
  bool take (const stun::Address &source, TimePoint now)
  {
    if (buckets_.empty ())
      return true;
    stun::Address network = source.host ();
    std::fill (network.ip.begin () + 8, network.ip.end (), std::uint8_t{0});
    std::uint64_t h = (stun::AddressHash{}(network) ^ seed_) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
    return buckets_[h % buckets_.size ()].take (rate_, 1, now);
  }

private:
  Rate rate_;
  std::uint64_t seed_;
  std::vector<Bucket> buckets_;
};
} // namespace reach::turn::server
