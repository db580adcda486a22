// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets that were sent and may be asked for again. The bytes stay where they are: a handle keeps
// them, and what the peer got is made of them again (PacketRewriter).
#pragma once
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include "rtp_handle.h"
#include <array>
#include <memory>
#include <vector>

namespace reach::rtc {
class PacketHistory {
public:
  struct Limits {
    std::size_t packets = 2048; // rounded up to a power of two
    std::size_t bytes = 4u << 20;
    Duration age = seconds (1);
    unsigned resends = 8;                // of one packet
    Duration spacing = milliseconds (5); // between two of them, at least; else the RTT
  };
  struct Entry {
    Handle owner;
    Bytes source; // the packet, as PacketRewriter takes it
    TimePoint sent{}, resent{};
    std::uint32_t timestamp = 0; // the peer's
    std::uint16_t sequence = 0;  // the peer's
    std::uint8_t resends = 0;
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
  static constexpr std::size_t per_chunk = 16;
  struct Chunk {
    std::array<Entry, per_chunk> entries;
    std::size_t used = 0;
  };
  std::size_t place (std::uint16_t sequence) const
  {
    return sequence / per_chunk & (ring_.size () - 1);
  }
  Entry *find (std::uint16_t sequence) const; // null: it is not there
  void drop (std::uint16_t sequence);
  void trim (TimePoint now);

  Limits limits_;
  std::vector<std::unique_ptr<Chunk>> ring_; // by number; only those in which something is
  std::unique_ptr<Chunk> spare_;             // so that a steady stream allocates nothing
  std::uint16_t oldest_ = 0, newest_ = 0;
  std::size_t packets_ = 0, bytes_ = 0;
};
} // namespace reach::rtc
