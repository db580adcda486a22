// SPDX-License-Identifier: LGPL-2.1-or-later
// What the path carries, from the rate at which packets are acknowledged; and whether it is full,
// from the delay its queue adds, or from loss no random cause explains.
#pragma once
#include "common/proto/time.h"
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace reach::cam {

class BandwidthEstimator {
public:
  void on_acked (std::size_t bytes)
  {
    delivered_ += bytes;
    acked_packets_++;
  }
  void on_lost () { lost_packets_++; }
  // The sender had more to send than it was allowed to: the sample shows the path, not the source.
  void on_limited () { limited_ = true; }
  void on_idle () { always_limited_ = false; }
  // After each acknowledgement.
  void update (Duration latest_rtt, Duration smoothed_rtt, Duration min_rtt, TimePoint now);

  double rate () const { return rate_; } // bytes per second, 0 = not known
  bool congested () const { return state_ == State::congested; }
  // What pacing must not exceed, bytes per second.
  double cap () const;
  // How fast to go when more waits than the known rate carries.
  double probe_rate () const { return congested () ? rate_ : 2 * rate_; }

private:
  enum class State : std::uint8_t { open, congested, careful };
  void finish_interval (Duration smoothed_rtt, Duration min_rtt, TimePoint now);
  bool heavy_loss ();
  void restart (TimePoint now);
  void congest (double sample);
  void raise (double sample, bool limited);

  State state_ = State::open;
  double rate_ = 0;
  Duration queueing_{};
  bool limited_ = false, always_limited_ = true, started_ = false;
  TimePoint start_{}, last_update_{};
  std::uint64_t delivered_ = 0;
  unsigned acked_packets_ = 0, lost_packets_ = 0;
  Duration interval_rtt_ = Duration::max (); // smallest of the interval
  unsigned calm_ = 0;                        // intervals without a sign of congestion
  std::array<double, 10> recent_{};          // rates of the last intervals that the path limited
  std::size_t n_recent_ = 0;
};
} // namespace reach::cam
