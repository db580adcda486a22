// SPDX-License-Identifier: LGPL-2.1-or-later
// A limit of requests for each source.
#pragma once
#include "address.h"
#include "common/proto/rate_limit.h"
#include <vector>

namespace reach::turn::server {
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
    return buckets_.empty () || bucket_of (source).take (rate_, 1, now);
  }
  bool has (const stun::Address &source, TimePoint now)
  {
    return buckets_.empty () || bucket_of (source).has (rate_, 1, now);
  }

private:
  Bucket &bucket_of (const stun::Address &source)
  {
    std::uint64_t h = (stun::AddressHash{}(source.network ()) ^ seed_) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
    return buckets_[h % buckets_.size ()];
  }

  Rate rate_;
  std::uint64_t seed_;
  std::vector<Bucket> buckets_;
};
} // namespace reach::turn::server
