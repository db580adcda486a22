// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_nack.h"

namespace reach::rtc {
void NackGenerator::reset ()
{
  missing_.clear ();
  highest_ = -1;
  next_.reset ();
  oldest_untried_.reset ();
}

void NackGenerator::give_up_all ()
{
  stats_.given_up += missing_.size ();
  missing_.clear ();
  oldest_untried_.reset ();
  failed_ = true;
}

void NackGenerator::found (std::int64_t number, TimePoint now, bool answer)
{
  const auto m = std::lower_bound (missing_.begin (), missing_.end (), number,
      [] (const Missing &x, std::int64_t n) { return x.number < n; });
  if (m == missing_.end () || m->number != number)
    return;
  if (m->tries == 0)
    stats_.reordered++;
  else {
    stats_.recovered++;
    if (answer && m->tries == 1) {
      const Duration sample = std::min<Duration> (now - m->asked, seconds (5));
      rtt_ = measured_ ? (rtt_ * 7 + sample) / 8 : sample;
      measured_ = true;
    }
  }
  missing_.erase (m);
}

void NackGenerator::received (std::int64_t number, TimePoint now, bool answer)
{
  if (highest_ < 0) {
    highest_ = number;
    return;
  }
  if (number <= highest_) {
    found (number, now, answer);
    return;
  }
  const auto gap = static_cast<std::uint64_t> (number - highest_ - 1);
  stats_.missing += gap;
  if (gap > 0 && gap + missing_.size () > config_.max_missing) {
    stats_.given_up += gap;
    give_up_all ();
  } else if (gap > 0) {
    if (!oldest_untried_)
      oldest_untried_ = highest_ + 1;
    for (std::int64_t n = highest_ + 1; n < number; n++)
      missing_.push_back ({n, now, {}, 0});
  }
  highest_ = number;
  if (!oldest_untried_)
    return;
  // By this packet the first of them may be due; else by time.
  const bool due = highest_ - *oldest_untried_ >= config_.reorder_packets;
  const TimePoint at = due ? now : now + config_.reorder_time;
  next_ = next_ ? std::min (*next_, at) : at;
}

TimePoint NackGenerator::due (const Missing &m) const
{
  if (m.tries == 0)
    return highest_ - m.number >= config_.reorder_packets ? m.noticed
                                                          : m.noticed + config_.reorder_time;
  return m.asked + std::max (rtt_ + rtt_ / 4, config_.min_spacing);
}

void NackGenerator::forget_before (std::int64_t number)
{
  while (!missing_.empty () && missing_.front ().number < number) {
    stats_.given_up++;
    missing_.pop_front ();
  }
}

std::size_t NackGenerator::poll (TimePoint now, std::span<std::uint16_t> to)
{
  if (!next_ || now < *next_)
    return 0;
  const auto hopeless = [&] (const Missing &m) {
    return now - m.noticed >= config_.max_age || (m.tries >= config_.max_tries && now >= due (m));
  };
  const std::size_t gone = erase_if (missing_, hopeless);
  stats_.given_up += gone;
  failed_ = failed_ || gone > 0;
  std::size_t n = 0;
  next_.reset ();
  oldest_untried_.reset ();
  for (Missing &m : missing_) {
    if (now >= due (m) && m.tries < config_.max_tries && n < to.size ()) {
      to[n++] = static_cast<std::uint16_t> (m.number);
      m.asked = now;
      m.tries++;
    }
    const TimePoint at = std::min (due (m), m.noticed + config_.max_age);
    next_ = next_ ? std::min (*next_, at) : at;
    if (m.tries == 0 && !oldest_untried_)
      oldest_untried_ = m.number;
  }
  stats_.requests += n;
  return n;
}

std::optional<TimePoint> NackGenerator::poll_timeout () const
{
  return next_;
}
} // namespace reach::rtc
