// SPDX-License-Identifier: LGPL-2.1-or-later
#include "backoff.h"
#include <algorithm>
#include <climits>

namespace reach {

Backoff::Backoff (Config c) : config_ (c)
{
  config_.max = std::clamp (config_.max, Duration{}, Duration (std::chrono::hours (24)));
  config_.first = std::clamp (config_.first, Duration{}, config_.max);
  config_.factor = std::max (config_.factor, 1.0);
  config_.jitter = std::clamp (config_.jitter, 0.0, 1.0);
  reset ();
}

Duration Backoff::next (std::uint32_t random)
{
  if (attempts_ < UINT_MAX)
    attempts_++;
  const double spread = 2.0 * random / UINT32_MAX - 1; // -1 to 1
  const double wait = wait_ * (1 + config_.jitter * spread);
  wait_ = std::min (wait_ * config_.factor, static_cast<double> (config_.max.count ()));
  return Duration (static_cast<Duration::rep> (wait));
}

void Backoff::reset ()
{
  wait_ = static_cast<double> (config_.first.count ());
  attempts_ = 0;
}
} // namespace reach
