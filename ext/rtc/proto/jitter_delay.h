// SPDX-License-Identifier: LGPL-2.1-or-later
// How long frames wait in the jitter buffer, as W3C counts it (webrtc-stats, jitterBufferDelay):
// from the arrival of a frame's first packet until its last one leaves; of audio once for each
// sample. A frame counts when the next one begins to leave.
#pragma once
#include "jitter_buffer.h"

namespace reach::rtc {
class JitterDelay {
public:
  struct Counts {
    Duration waited{}, target{}; // sums over what was emitted
    std::uint64_t emitted = 0;   // frames, or samples
  };
  // rate: of the timestamps, where samples are counted; 0: frames are.
  explicit JitterDelay (std::uint32_t rate) : rate_ (rate) {}

  // One that leaves the buffer, whose latency is `target`.
  void left (const MediaPacket &p, TimePoint now, Duration target)
  {
    const std::uint32_t timestamp = p.packet.timestamp ();
    if (open_ && timestamp == timestamp_) {
      first_ = std::min (first_, p.arrived);
      last_ = now;
      return;
    }
    if (open_)
      add (timestamp - timestamp_, target);
    open_ = true;
    timestamp_ = timestamp;
    first_ = p.arrived;
    last_ = now;
  }
  // What comes next has other timestamps.
  void reset () { open_ = false; }
  const Counts &counts () const { return counts_; }

private:
  void add (std::uint32_t step, Duration target)
  {
    if (rate_ != 0 && step <= rate_) // more, or back: a pause or a jump
      samples_ = step;
    const std::uint32_t n = rate_ == 0 ? 1 : samples_;
    counts_.waited += (last_ - first_) * n;
    counts_.target += target * n;
    counts_.emitted += n;
  }

  const std::uint32_t rate_;
  bool open_ = false;
  std::uint32_t timestamp_ = 0, samples_ = 0;
  TimePoint first_{}, last_{};
  Counts counts_;
};
} // namespace reach::rtc
