// SPDX-License-Identifier: LGPL-2.1-or-later
// A limit from loss alone: above 10 % it falls, below 2 % it rises, between it stays
// (draft-ietf-rmcat-gcc-02, 6).
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <cstdint>

namespace reach::rtc {
class LossLimit {
public:
  explicit LossLimit (double max) : max_ (max), rate_ (max) {}

  // Of packets that a feedback told of; late ones that were taken for lost count back.
  void input (std::int64_t lost, std::int64_t total)
  {
    lost_ += static_cast<double> (lost);
    total_ += static_cast<double> (total);
    fresh_ += total;
  }
  // Of a receiver report: an average by itself.
  void report (double fraction)
  {
    lost_ = fraction * 100;
    total_ = 100;
    fresh_ = 100;
  }
  // rate: what is used now, bit/s.
  void update (double rate, Duration rtt, TimePoint now);
  double rate () const { return rate_; }
  double fraction () const { return fraction_; }
  void set_max (double max)
  {
    // Where nothing limited yet, nothing does.
    rate_ = rate_ >= max_ ? max : std::min (rate_, max);
    max_ = max;
  }
  // What a probe has shown to be possible.
  void raise (double rate);

private:
  double max_, rate_;
  double fraction_ = 0;
  double lost_ = 0, total_ = 0; // older ones count less
  std::int64_t fresh_ = 0;
  TimePoint updated_{}, fell_{};
};
} // namespace reach::rtc
