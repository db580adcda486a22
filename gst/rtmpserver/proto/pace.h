// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a publisher is ahead of real time: it sends a file, not what happens now. No clock.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <utility>

namespace reach::rtmp {
class Pace {
public:
  // So far ahead is a live publisher that begins with a group of pictures.
  static constexpr Duration live = seconds (1);

  // The newest media time of the publisher was `media` at `now`.
  void note (nanoseconds media, TimePoint now)
  {
    if (!begun_) {
      begun_ = true;
      newest_ = media;
      at_ = now;
    }
    pass (now);
    if (media > newest_)
      ahead_ += media - std::exchange (newest_, media);
  }
  // How far it is ahead; negative: how far behind.
  Duration ahead (TimePoint now)
  {
    if (begun_)
      pass (now);
    return ahead_;
  }
  // Once it was ahead, it has to be so no longer.
  bool live_at (TimePoint now)
  {
    file_ = ahead (now) > (file_ ? Duration::zero () : live);
    return !file_;
  }

private:
  // Who was silent for a while may catch up.
  static constexpr Duration most_behind = seconds (30);

  // A clock that is up to a hundredth faster than ours puts nobody ahead.
  void pass (TimePoint now)
  {
    const Duration passed = now - std::exchange (at_, now);
    ahead_ -= ahead_ > Duration::zero () ? passed + passed / 100 : passed;
    ahead_ = std::max (ahead_, -most_behind);
  }

  bool begun_ = false, file_ = false;
  nanoseconds newest_{0};
  TimePoint at_{};
  Duration ahead_{};
};
} // namespace reach::rtmp
