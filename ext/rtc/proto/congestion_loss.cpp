// SPDX-License-Identifier: LGPL-2.1-or-later
#include "congestion_loss.h"
#include <cmath>

namespace reach::rtc {
namespace {
// Of 20 packets of which 5 % get lost at random, in every eighth case three and more are: so it
// takes more of them, except when nearly nothing comes through.
constexpr double kept = 0.9, enough = 100, obvious = 0.4;
} // namespace

void LossLimit::update (double rate, Duration rtt, TimePoint now)
{
  // Few packets say little: of slow streams it takes a second to have enough.
  const Duration passed = now - updated_;
  if (fresh_ < 20 || passed < milliseconds (200))
    return;
  fraction_ = std::clamp (lost_ / std::max (total_, 1.0), 0.0, 1.0);
  const double sample = total_;
  lost_ *= kept;
  total_ *= kept;
  fresh_ = 0;
  updated_ = now;
  if (fraction_ > 0.10) {
    const bool clear = sample >= enough || fraction_ > obvious;
    if (!clear || now - fell_ < milliseconds (300) + rtt)
      return;
    rate_ = std::min (rate_, rate) * (1 - 0.5 * fraction_);
    fell_ = now;
    lost_ = total_ = 0; // does not count twice
  } else if (fraction_ < 0.02) {
    const double s = std::min (std::chrono::duration<double> (passed).count (), 1.0);
    rate_ = std::min (rate_ * std::pow (1.08, s) + 1000 * s, max_);
  }
}

void LossLimit::raise (double rate)
{
  rate_ = std::clamp (rate, rate_, max_);
}
} // namespace reach::rtc
