// SPDX-License-Identifier: LGPL-2.1-or-later
// When the next packet may leave. Packets go some faster than the estimate, so that a key frame is
// no burst, and at a probe's rate while there is one. What a usual frame has goes at once: each
// packet that waits is a wake-up, and a frame is of use only when its last packet is there.
#pragma once
#include "common/proto/time.h"
#include <algorithm>
#include <cstdint>
#include <optional>

namespace reach::rtc {
struct Probe {
  std::uint16_t cluster = 0; // 0: none
  double rate = 0;           // bit/s
  std::size_t bytes = 0;
  unsigned packets = 0;
};

class Pacer {
public:
  // As browsers have it. In bytes it is what the buffers of sockets and links can be trusted to
  // take.
  static constexpr Duration burst = milliseconds (40), probe_time = milliseconds (150);
  static constexpr double burst_bytes = 63000;

  // rate: bit/s of media, `factor` times as fast packets leave.
  void set_rate (double rate, double factor = 2.5)
  {
    rate_ = rate * factor;
    burst_ = std::min (burst, time_of (burst_bytes, rate_));
  }
  void start (const Probe &p, TimePoint now)
  {
    probe_ = p;
    until_ = now + probe_time;
    next_ = std::min (next_, now);
  }
  // Of a packet that leaves now: the probe that it belongs to, or 0.
  std::uint16_t sent (std::size_t bytes, TimePoint now)
  {
    end_late (now);
    const double rate = probing () ? probe_.rate : rate_;
    next_ = std::max (next_, now - (probing () ? Duration{} : burst_)) +
            time_of (static_cast<double> (bytes), rate);
    if (!probing ())
      return 0;
    const std::uint16_t cluster = probe_.cluster;
    sent_ += bytes;
    if (++packets_ >= probe_.packets && sent_ >= probe_.bytes)
      end ();
    return cluster;
  }
  // The moment from which the next packet may leave; the past: at once.
  TimePoint next () const { return next_; }
  // What a probe still needs: send as much padding, packet by packet, where there is no media.
  std::size_t padding_wanted (TimePoint now)
  {
    end_late (now);
    if (!probing () || now < next_)
      return 0;
    return probe_.bytes > sent_ ? probe_.bytes - sent_ : 1;
  }
  bool probing () const { return probe_.cluster != 0; }
  const Probe &probe () const { return probe_; }

private:
  static Duration time_of (double bytes, double rate)
  {
    return std::chrono::duration_cast<Duration> (
        std::chrono::duration<double> (bytes * 8 / std::max (rate, 1000.0)));
  }
  void end ()
  {
    probe_ = {};
    sent_ = 0;
    packets_ = 0;
  }
  // Where nobody sends padding a probe may find nothing to send.
  void end_late (TimePoint now)
  {
    if (probing () && now >= until_)
      end ();
  }

  double rate_ = 300000;
  Duration burst_ = burst;
  Probe probe_;
  std::size_t sent_ = 0;
  unsigned packets_ = 0;
  TimePoint next_{}, until_{};
};
} // namespace reach::rtc
