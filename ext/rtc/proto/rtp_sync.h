// SPDX-License-Identifier: LGPL-2.1-or-later
// Sender reports → how streams of one sender lie to each other in time (lip sync).
#pragma once
#include "rtp_sequence.h"
#include "rtp_time.h"
#include <optional>
#include <span>

namespace reach::rtc {
// One SSRC's: its timestamps on the sender's NTP clock.
class StreamClock {
public:
  explicit StreamClock (std::uint32_t rate) : rate_ (rate) {}

  void sender_report (std::uint64_t ntp, std::uint32_t timestamp)
  {
    if (ntp == 0) // RFC 3550, 6.4.1: the sender has no clock
      return;
    ntp_ = ntp;
    timestamp_ = timestamp;
  }
  // Within 2^31 ticks of the last report; nothing before the first.
  std::optional<std::uint64_t> ntp (std::uint32_t timestamp) const
  {
    if (!ntp_)
      return {};
    const auto ticks = static_cast<std::int32_t> (timestamp - timestamp_);
    return NtpClock{TimePoint{}, *ntp_}.at (TimePoint{} + from_ticks (ticks, rate_));
  }
  void reset () { ntp_.reset (); }

private:
  std::uint32_t rate_;
  std::optional<std::uint64_t> ntp_;
  std::uint32_t timestamp_ = 0;
};

// A packet of a stream: when it was captured, on the sender's clock, and its local time.
struct SyncPoint {
  std::uint64_t ntp = 0;
  TimePoint local{};
};
// By how much the local times of a stream are to be delayed so that they agree with those of
// `streams`, itself among them: the slowest gets none, the others what makes up for it. More than
// `max` is taken for a wrong clock: none.
inline Duration sync_delay (
    const SyncPoint &stream, std::span<const SyncPoint> streams, Duration max = seconds (5))
{
  Duration delay{};
  for (const SyncPoint &s : streams) {
    // s's local time minus this one's, for the same moment at the sender.
    const Duration later = (s.local - stream.local) - ntp_between (stream.ntp, s.ntp);
    if (later <= max)
      delay = std::max (delay, later);
  }
  return delay;
}
} // namespace reach::rtc
