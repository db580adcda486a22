// SPDX-License-Identifier: LGPL-2.1-or-later
// When the next packet may leave: a token bucket kept as a point in time.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <cstddef>

namespace reach::cam {

class Pacer {
public:
  // bytes per second; `burst` bytes may leave at once after a pause. `batch`: what leaves together
  // covers at least so much time, as each batch wakes both sides up.
  void set_rate (double rate, std::size_t burst, Duration batch)
  {
    rate_ = rate;
    allowance_ = of (burst);
    batch_ = batch;
  }
  double rate () const { return rate_; }
  bool may_send (TimePoint now) const { return now >= next_ || more (); }
  TimePoint next () const { return more () ? TimePoint::min () : next_; }

  // `waits_since`: the oldest of what is to be sent. What our own lateness has kept back since then
  // may leave at once, or a busy machine would never catch up.
  void begin (TimePoint now, TimePoint waits_since)
  {
    if (now < next_)
      return; // still the batch begun before
    next_ = std::max (next_, std::min (now - allowance_, std::max (waits_since, now - most_late)));
    until_ = now + batch_;
  }
  bool more () const { return next_ < until_; }
  void sent (std::size_t bytes) { next_ += of (bytes); }

private:
  static constexpr Duration most_late = milliseconds (50);
  Duration of (std::size_t bytes) const
  {
    return nanoseconds (static_cast<std::int64_t> (static_cast<double> (bytes) * 1e9 / rate_));
  }
  double rate_ = 125000;
  Duration allowance_{}, batch_ = milliseconds (1);
  TimePoint next_{}, until_{};
};
} // namespace reach::cam
