// SPDX-License-Identifier: LGPL-2.1-or-later
// How long packets wait on the way, more than at the best of the last half minute.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <array>
#include <cstddef>

namespace reach::rtc {
class QueueDelay {
public:
  void input (TimePoint sent, microseconds arrival, TimePoint now)
  {
    const Duration d = arrival - sent.time_since_epoch (); // of two clocks
    if (used_ == 0 || now - began_ >= block) {
      began_ = now;
      place_ = used_ == 0 ? 0 : (place_ + 1) % blocks_.size ();
      used_ = std::min (used_ + 1, blocks_.size ());
      blocks_[place_] = d;
      if (used_ == 1)
        now_ = d;
    }
    blocks_[place_] = std::min (blocks_[place_], d);
    // Jitter is no queue.
    now_ = d < now_ ? d : now_ + (d - now_) / 16;
  }
  Duration value () const
  {
    if (used_ == 0)
      return {};
    return now_ - *std::min_element (
                      blocks_.begin (), blocks_.begin () + static_cast<std::ptrdiff_t> (used_));
  }

private:
  static constexpr Duration block = seconds (5);
  std::array<Duration, 6> blocks_{};
  std::size_t used_ = 0, place_ = 0;
  TimePoint began_{};
  Duration now_{};
};
} // namespace reach::rtc
