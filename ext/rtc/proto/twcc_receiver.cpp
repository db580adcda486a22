// SPDX-License-Identifier: LGPL-2.1-or-later
#include "twcc_receiver.h"
#include <algorithm>

namespace reach::rtc {
void TwccReceiver::received (
    std::uint16_t number, std::uint32_t media_ssrc, std::size_t size, TimePoint now)
{
  now_ = now;
  media_ssrc_ = media_ssrc;
  bytes_ += size;
  std::int64_t n = unwrapper_.peek (number);
  // Numbers of another place: the sender began anew.
  if (first_ >= 0 && (n < first_ - 2000 || n > first_ + 20000)) {
    pending_.clear ();
    unwrapper_.reset ();
    first_ = -1;
  }
  n = unwrapper_.unwrap (number);
  if (first_ < 0)
    first_ = n;
  const auto at = std::upper_bound (pending_.begin (), pending_.end (), n,
      [] (std::int64_t x, const TwccArrival &a) { return x < a.number; });
  if (at != pending_.begin () && (at - 1)->number == n)
    return;
  if (pending_.size () >= config_.max_pending)
    pending_.pop_front ();
  // Nearly always the last.
  pending_.push_back ({n, now});
  for (std::size_t i = pending_.size () - 1; i > 0 && pending_[i - 1].number > n; i--)
    std::swap (pending_[i - 1], pending_[i]);
  if (!due_)
    due_ = std::max (now, told_ + interval_);
}

// Feedback takes its share of the rate at most, and comes often where that allows it.
void TwccReceiver::adapt (std::size_t feedback, TimePoint now)
{
  const double passed = std::chrono::duration<double> (now - told_).count ();
  const double rate = passed > 0 ? static_cast<double> (bytes_) / passed : 0;
  // 28: IP and UDP; 10: the tag.
  const double cost = static_cast<double> (feedback) + 38;
  const double wanted = rate > 0 ? cost / (rate * config_.share) : 1;
  interval_ = std::clamp (
      std::chrono::duration_cast<Duration> (std::chrono::duration<double> (std::min (wanted, 1.0))),
      config_.min_interval, config_.max_interval);
  bytes_ = 0;
  told_ = now;
}

bool TwccReceiver::poll_transmit (RtcpWriter &to)
{
  if (!due_ || now_ < *due_ || pending_.empty ())
    return false;
  const std::size_t before = to.size ();
  // One that came late is told of alone, before the others.
  const std::int64_t front = pending_.front ().number;
  const std::int64_t first = front < first_ || front - first_ > 1000 ? front : first_;
  const std::span<const TwccArrival> arrivals (&pending_.front (), pending_.size ());
  const std::size_t n = write_twcc (to, config_.local_ssrc, media_ssrc_, count_, first, arrivals);
  if (n == 0)
    return false; // no room: another datagram
  count_++;
  first_ = std::max (first_, arrivals[n - 1].number + 1);
  for (std::size_t i = 0; i < n; i++)
    pending_.pop_front ();
  if (pending_.empty ()) {
    due_.reset ();
    adapt (to.size () - before, now_);
  }
  return true;
}

std::optional<TimePoint> TwccReceiver::poll_timeout () const
{
  return due_;
}
} // namespace reach::rtc
