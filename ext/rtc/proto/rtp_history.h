// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets that were sent and may be asked for again. The bytes stay where they are: a handle keeps
// them, and what the peer got is made of them again (PacketRewriter).
#pragma once
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include "rtp_handle.h"

namespace reach::rtc {
class PacketHistory {
public:
  struct Limits {
    std::size_t packets = 2048; // rounded up to a power of two
    std::size_t bytes = 4u << 20;
    Duration age = seconds (2);
    unsigned resends = 8;                // of one packet
    Duration spacing = milliseconds (5); // between two of them, at least; else the RTT
  };
  struct Entry {
    Handle owner;
    Bytes source; // the packet, as PacketRewriter takes it
    TimePoint sent{}, resent{};
    std::uint32_t timestamp = 0; // the peer's
    std::uint16_t sequence = 0;  // the peer's
    std::uint16_t resends = 0;
    bool used = false;
  };
  enum class Refusal : std::uint8_t { none, unknown, too_old, too_soon, too_often };

  explicit PacketHistory (const Limits &limits);

  // What was just sent. One with the same number replaces the former.
  void add (
      Handle owner, Bytes source, std::uint16_t sequence, std::uint32_t timestamp, TimePoint now);
  // The packet, when it may be sent again now; it then counts as resent. Valid until the next add
  // ().
  const Entry *resend (std::uint16_t sequence, Duration rtt, TimePoint now, Refusal *why = nullptr);
  // The newest that is not larger than `max`, for probing; null: none.
  const Entry *newest (std::size_t max) const;
  void clear ();

  std::size_t packets () const { return packets_; }
  std::size_t bytes () const { return bytes_; }

private:
  Entry &slot (std::uint16_t sequence) { return ring_[sequence & (ring_.size () - 1)]; }
  void drop (Entry &e);
  void trim (TimePoint now);
  void grow ();

  Limits limits_;
  std::size_t max_ring_;
  std::vector<Entry> ring_; // by number; grows up to the limit
  std::uint16_t oldest_ = 0, newest_ = 0;
  std::size_t packets_ = 0, bytes_ = 0;
};
} // namespace reach::rtc
