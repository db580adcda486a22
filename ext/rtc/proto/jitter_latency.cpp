// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jitter_latency.h"
#include <algorithm>

namespace reach::rtc {
JitterLatency::JitterLatency (const Config &config)
    : config_ (config),
      value_ (config.adaptive ? std::clamp (config.start, config.min, config.max) : config.start)
{
}

void JitterLatency::set_fixed (Duration latency)
{
  config_.adaptive = false;
  value_ = latency;
}

void JitterLatency::input (Duration delay, TimePoint now)
{
  if (!config_.adaptive)
    return;
  const auto place = std::clamp<std::int64_t> (delay / step, 0, steps - 1);
  weights_[static_cast<std::size_t> (place)] += weight_;
  sum_ += weight_;
  if (++count_ % 64 == 0)
    weight_ += weight_ / 32;
  if (weight_ > 1u << 20) {
    sum_ = 0;
    for (std::uint32_t &w : weights_)
      sum_ += w >>= 10;
    weight_ >>= 10;
  }
  // A delay that is larger than all is heeded at once, the rest now and then.
  if (count_ % 32 == 0 || delay > value_)
    adapt (now);
}

// Up at once, down by 5 % of the difference each 100 ms.
void JitterLatency::adapt (TimePoint now)
{
  const auto allowed = static_cast<std::uint64_t> (static_cast<double> (sum_) * config_.late);
  std::uint64_t above = 0;
  std::size_t n = steps;
  while (n > 0 && above + weights_[n - 1] <= allowed)
    above += weights_[--n];
  const Duration target =
      std::clamp<Duration> (step * static_cast<std::int64_t> (n), config_.min, config_.max);
  if (target > value_)
    value_ = target;
  else if (now - adapted_ >= milliseconds (100)) {
    // The first packets say too little to go down by.
    if (count_ > 200)
      value_ -= (value_ - target) / 20;
    adapted_ = now;
  }
}
} // namespace reach::rtc
