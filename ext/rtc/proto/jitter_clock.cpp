// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jitter_clock.h"
#include "rtp_time.h"
#include <algorithm>

namespace reach::rtc {
void JitterClock::reset ()
{
  timestamps_.reset ();
}

void JitterClock::start (std::uint32_t timestamp, TimePoint now)
{
  timestamps_.reset ();
  first_ = timestamps_.unwrap (timestamp);
  base_ = start_ = slewed_ = block_began_ = now;
  offset_ = {};
  blocks_[0] = {};
  used_ = 1;
  place_ = 0;
}

TimePoint JitterClock::at (std::int64_t ticks) const
{
  return base_ + offset_ + from_ticks (ticks - first_, rate_);
}

TimePoint JitterClock::peek (std::uint32_t timestamp) const
{
  return at (timestamps_.peek (timestamp));
}

// transit: by how much the packet came later than base_ says, negative if earlier.
void JitterClock::note (Duration transit, TimePoint now)
{
  if (now - block_began_ >= block_length) {
    block_began_ = now;
    place_ = (place_ + 1) % blocks_.size ();
    used_ = std::min (used_ + 1, blocks_.size ());
    blocks_[place_] = transit;
  } else
    blocks_[place_] = std::min (blocks_[place_], transit);
  const Duration smallest =
      *std::min_element (blocks_.begin (), blocks_.begin () + static_cast<std::ptrdiff_t> (used_));
  const Duration step = std::max<Duration> (now - slewed_, {}) / 200;
  slewed_ = std::max (slewed_, now);
  if (now - start_ < settling)
    offset_ = std::min (offset_, smallest);
  else
    offset_ += std::clamp (smallest - offset_, -step, step);
}

TimePoint JitterClock::input (std::uint32_t timestamp, TimePoint now)
{
  jumped_ = false;
  if (!timestamps_.started ())
    start (timestamp, now);
  const TimePoint expected = at (timestamps_.peek (timestamp));
  if (now - expected > jump || expected - now > jump) {
    start (timestamp, now);
    jumped_ = true;
    return now;
  }
  const std::int64_t ticks = timestamps_.unwrap (timestamp);
  note (now - base_ - from_ticks (ticks - first_, rate_), now);
  return at (ticks);
}
} // namespace reach::rtc
