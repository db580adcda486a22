// SPDX-License-Identifier: LGPL-2.1-or-later
// When packets came, and feedback about it every 50 to 100 ms.
#pragma once
#include "common/proto/fifo.h"
#include "rtp_sequence.h"
#include "twcc_feedback.h"

namespace reach::rtc {
class TwccReceiver {
public:
  struct Config {
    std::uint32_t local_ssrc = 0;
    Duration min_interval = milliseconds (50), max_interval = milliseconds (100);
    double share = 0.05;            // of what comes, for feedback
    std::size_t max_pending = 4096; // arrivals not yet told of; more: the oldest are forgotten
  };
  explicit TwccReceiver (const Config &config) : config_ (config) {}

  // Each packet that has a transport-wide number, of whichever stream; `size` with all headers.
  void received (std::uint16_t number, std::uint32_t media_ssrc, std::size_t size, TimePoint now);
  void timeout (TimePoint now) { now_ = now; }
  // Appends a feedback packet when one is due; true if it did: call again.
  bool poll_transmit (RtcpWriter &to);
  std::optional<TimePoint> poll_timeout () const;
  Duration interval () const { return interval_; }

private:
  void adapt (std::size_t feedback, TimePoint now);

  Config config_;
  Unwrapper<std::uint16_t> unwrapper_;
  Fifo<TwccArrival, 4096> pending_; // in the order of numbers
  std::int64_t first_ = -1;         // where the next report begins
  std::uint32_t media_ssrc_ = 0;
  std::uint8_t count_ = 0; // of feedback packets
  std::size_t bytes_ = 0;  // came since the last feedback
  std::optional<TimePoint> due_;
  TimePoint told_{}, now_{};
  Duration interval_ = milliseconds (100);
};
} // namespace reach::rtc
