// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts packets in order. What follows the last one goes on at once; at a gap the rest waits until
// the first packet behind it would be late, then the gap is lost. Holds memory by handle.
#pragma once
#include "common/proto/time.h"
#include "rtp_handle.h"
#include "rtp_packet.h"
#include <variant>
#include <vector>

namespace reach::rtc {
struct MediaPacket {
  RtpPacket packet; // a view of memory that `owner` keeps
  Handle owner;
  std::int64_t number = 0; // extended
  TimePoint time{};        // of its timestamp, on the local clock (JitterClock)
  TimePoint arrived{};
  bool recovered = false; // by RTX or FEC
};

class JitterBuffer {
public:
  struct Limits {
    std::size_t packets = 2048, bytes = 8u << 20; // more: gaps are lost at once
  };
  struct Lost {
    std::int64_t first = 0, count = 0;
  };
  enum class Insert : std::uint8_t { taken, late, duplicate, jump };

  explicit JitterBuffer (const Limits &limits);

  // jump: so far ahead that all that waited was thrown away first; it is then taken.
  Insert insert (MediaPacket p);
  // The next in order, or a gap whose time is over; `latency`: how long after its time a packet
  // still counts as in time.
  std::optional<std::variant<MediaPacket, Lost>> poll (TimePoint now, Duration latency);
  // When the gap in front is lost.
  std::optional<TimePoint> poll_timeout (Duration latency) const;
  // Forgets all; the next packet is the first.
  void reset ();

  std::int64_t next () const { return next_; } // the number that is waited for
  std::size_t packets () const { return packets_; }
  std::size_t bytes () const { return bytes_; }
  std::uint64_t dropped () const { return dropped_; }

private:
  struct Slot {
    MediaPacket packet;
    bool used = false;
  };
  Slot &slot (std::int64_t n) { return ring_[static_cast<std::size_t> (n) & (ring_.size () - 1)]; }
  const Slot &slot (std::int64_t n) const
  {
    return ring_[static_cast<std::size_t> (n) & (ring_.size () - 1)];
  }
  void fit (std::int64_t number);
  void drop_all ();
  bool full () const { return packets_ > limits_.packets || bytes_ > limits_.bytes; }

  Limits limits_;
  std::size_t max_ring_;
  std::vector<Slot> ring_;            // by number; grows up to the limit
  std::int64_t next_ = 0, first_ = 0; // first_: the lowest that is here
  std::optional<Lost> skipped_;
  std::size_t packets_ = 0, bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool started_ = false;
};
} // namespace reach::rtc
