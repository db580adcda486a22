// SPDX-License-Identifier: LGPL-2.1-or-later
// How often a peer may have a key frame of an encoder that others share: each costs several times
// what other frames do. Three soon after each other, then one a second; what is asked for too soon
// comes later. Sans-IO.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <optional>

namespace reach::rtc {
class KeyframeGate {
public:
  void ask () { wanted_ = true; }
  // True: it is to be made now.
  bool take (TimePoint now)
  {
    if (!wanted_ || now < due ())
      return false;
    fill (now);
    allowed_ -= 1;
    last_ = now;
    wanted_ = false;
    return true;
  }
  // What take () has given cannot be had before then.
  void put_off (TimePoint until)
  {
    allowed_ = std::min (allowed_ + 1, burst);
    not_before_ = until;
    wanted_ = true;
  }
  std::optional<TimePoint> poll_timeout () const
  {
    return wanted_ ? std::optional (due ()) : std::nullopt;
  }

private:
  static constexpr double burst = 3;
  static constexpr Duration spacing = milliseconds (300), period = seconds (1);

  void fill (TimePoint now)
  {
    const auto passed = std::chrono::duration<double> (now - last_) / period;
    allowed_ = last_ == TimePoint{} ? burst : std::min (burst, allowed_ + passed);
  }
  TimePoint due () const
  {
    if (last_ == TimePoint{})
      return not_before_;
    const double missing = std::max (0.0, 1 - allowed_);
    const auto refill = std::chrono::duration_cast<Duration> (missing * period);
    return std::max ({not_before_, last_ + spacing, last_ + refill});
  }

  bool wanted_ = false;
  double allowed_ = burst; // at last_
  TimePoint last_{}, not_before_{};
};
} // namespace reach::rtc
