// SPDX-License-Identifier: LGPL-2.1-or-later
// When to ask for a key frame: at once, then again while none comes, never often.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <cstdint>
#include <optional>

namespace reach::rtc {
class KeyframeRequester {
public:
  struct Config {
    Duration spacing = milliseconds (300); // between two requests, or twice the RTT if that is more
    unsigned max_tries = 20;               // for one want; a new one starts again
  };
  explicit KeyframeRequester (const Config &config) : config_ (config) {}

  void want (TimePoint now)
  {
    tries_ = 0;
    if (!wanted_)
      next_ = std::max (now, earliest_);
    wanted_ = true;
  }
  void received () { wanted_ = false; }
  // True: send a PLI now.
  bool poll (TimePoint now, Duration rtt)
  {
    if (!wanted_ || now < next_)
      return false;
    requests_++;
    earliest_ = now + std::max (config_.spacing, 2 * rtt);
    next_ = earliest_;
    wanted_ = ++tries_ < config_.max_tries;
    return true;
  }
  std::optional<TimePoint> poll_timeout () const
  {
    return wanted_ ? std::optional (next_) : std::nullopt;
  }
  bool wanted () const { return wanted_; }
  std::uint64_t requests () const { return requests_; }

private:
  Config config_;
  bool wanted_ = false;
  TimePoint next_{}, earliest_{};
  unsigned tries_ = 0;
  std::uint64_t requests_ = 0;
};
} // namespace reach::rtc
