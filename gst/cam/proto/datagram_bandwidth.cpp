// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_bandwidth.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr Duration longest_silence = milliseconds (200);
constexpr Duration shortest_interval = milliseconds (50);
// The queueing delay that means "full".
Duration full_queue (Duration min_rtt)
{
  return std::max<Duration> (milliseconds (25), min_rtt / 2);
}
constexpr unsigned calm_intervals = 100;
// Loss alone counts only when it is more than any wireless link has: over a third of this many
// packets.
constexpr unsigned loss_window = 100;
} // namespace

void BandwidthEstimator::update (
    Duration latest_rtt, Duration smoothed_rtt, Duration min_rtt, TimePoint now)
{
  interval_rtt_ = std::min (interval_rtt_, latest_rtt);
  // A pause or an outage says nothing about what the path carries.
  if (!started_ || now - last_update_ > std::max (longest_silence, 3 * smoothed_rtt)) {
    started_ = true;
    last_update_ = now;
    restart (now);
    acked_packets_ = lost_packets_ = 0;
    return;
  }
  last_update_ = now;
  if (now - start_ >= std::max (shortest_interval, smoothed_rtt))
    finish_interval (smoothed_rtt, min_rtt, now);
}

bool BandwidthEstimator::heavy_loss ()
{
  if (lost_packets_ + acked_packets_ < loss_window)
    return false;
  const bool heavy = lost_packets_ * 3 > lost_packets_ + acked_packets_;
  lost_packets_ = acked_packets_ = 0;
  return heavy;
}

void BandwidthEstimator::finish_interval (Duration smoothed_rtt, Duration min_rtt, TimePoint now)
{
  const double sample =
      static_cast<double> (delivered_) / std::chrono::duration<double> (now - start_).count ();
  queueing_ = interval_rtt_ == Duration::max () ? Duration{} : interval_rtt_ - min_rtt;
  const bool full = queueing_ > full_queue (min_rtt) || heavy_loss ();
  if (full) {
    congest (sample);
  } else {
    raise (sample, limited_ && always_limited_);
    calm_ = limited_ ? 0 : calm_ + 1;
    if (state_ == State::congested && calm_ >= calm_intervals)
      state_ = State::careful;
  }
  restart (now);
}

void BandwidthEstimator::restart (TimePoint now)
{
  start_ = now;
  delivered_ = 0;
  limited_ = false;
  always_limited_ = true;
  interval_rtt_ = Duration::max ();
}

// The bottleneck is busy, so what arrives is what it carries, whoever limits the source.
void BandwidthEstimator::congest (double sample)
{
  rate_ = state_ == State::congested && rate_ > 0 ? rate_ + (sample - rate_) * 0.3 : sample;
  state_ = State::congested;
  calm_ = 0;
  n_recent_ = 0;
}

void BandwidthEstimator::raise (double sample, bool limited)
{
  if (state_ == State::congested) {
    rate_ += std::max (0.0, sample - rate_) * 0.5;
    return;
  }
  if (limited) {
    recent_[n_recent_++ % recent_.size ()] = sample;
    if (n_recent_ >= recent_.size ())
      rate_ = *std::max_element (recent_.begin (), recent_.end ());
  }
  rate_ = std::max (rate_, sample);
}

double BandwidthEstimator::cap () const
{
  switch (state_) {
  case State::open:
    return std::numeric_limits<double>::max ();
  case State::careful:
    return rate_ * 1.5;
  case State::congested:
    break;
  }
  // Drain what stands in the bottleneck's queue; probe upwards while there is none.
  return rate_ * (queueing_ > milliseconds (25) ? 0.85 : queueing_ > milliseconds (8) ? 1.0 : 1.15);
}
} // namespace reach::cam
