// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP timestamps → local times. A packet's arrival is its capture time plus what network and queues
// added, which is never negative: so the smallest of the last seconds tells the offset.
#pragma once
#include "common/proto/time.h"
#include "rtp_sequence.h"
#include <array>
#include <cstdint>

namespace reach::rtc {
class JitterClock {
public:
  explicit JitterClock (std::uint32_t rate) : rate_ (rate) {}

  // When the packet would have come over the fastest way there was lately. At or before `now`,
  // except for a timestamp of the future; follows drift by at most 0.5 %.
  TimePoint input (std::uint32_t timestamp, TimePoint now);
  // Of a packet that was sent later than its timestamp says, as by RTX: does not count.
  TimePoint peek (std::uint32_t timestamp) const;
  bool started () const { return timestamps_.started (); }
  // The last input () found timestamps far from what they should be, and began anew.
  bool jumped () const { return jumped_; }
  void reset ();

private:
  static constexpr Duration block_length = seconds (1), jump = seconds (10), settling = seconds (2);
  TimePoint at (std::int64_t ticks) const;
  void start (std::uint32_t timestamp, TimePoint now);
  void note (Duration transit, TimePoint now);

  std::uint32_t rate_;
  Unwrapper<std::uint32_t> timestamps_;
  std::int64_t first_ = 0;            // ticks
  TimePoint base_{};                  // local time of first_
  std::array<Duration, 10> blocks_{}; // the smallest transit of each, in units since `start_`
  std::size_t used_ = 0, place_ = 0;
  TimePoint block_began_{}, start_{}, slewed_{};
  Duration offset_{}; // added to base_
  bool jumped_ = false;
};
} // namespace reach::rtc
