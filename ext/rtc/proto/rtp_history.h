// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets that were sent and may be asked for again. The bytes stay where they are: a handle keeps
// them, and what the peer got is made of them again (PacketRewriter). Each peer has a history of
// its own, so a packet takes no more than 24 bytes in it.
#pragma once
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include "rtp_handle.h"
#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace reach::rtc {
class PacketHistory {
public:
  struct Limits {
    std::size_t packets = 2048; // rounded up to a power of two
    std::size_t bytes = 4u << 20;
    Duration age = seconds (1);          // 30 minutes at most
    unsigned resends = 8;                // of one packet
    Duration spacing = milliseconds (5); // between two of them, at least; else the RTT
  };
  // Valid until the next add ().
  struct Entry {
    Bytes source;                // the packet, as PacketRewriter takes it
    std::uint32_t timestamp = 0; // the peer's
    std::uint16_t sequence = 0;  // the peer's
  };
  enum class Refusal : std::uint8_t { none, unknown, too_old, too_soon, too_often };

  explicit PacketHistory (const Limits &limits);
  ~PacketHistory () { clear (); }
  PacketHistory (const PacketHistory &) = delete;
  PacketHistory &operator= (const PacketHistory &) = delete;

  // What was just sent; the handle's type has a view (), and is that of all the others. One with
  // the same number replaces the former.
  void add (Handle packet, std::uint16_t sequence, std::uint32_t timestamp, TimePoint now);
  // The packet, when it may be sent again now; it then counts as resent.
  std::optional<Entry> resend (
      std::uint16_t sequence, Duration rtt, TimePoint now, Refusal *why = nullptr);
  // The newest that is not larger than `max`, for probing.
  std::optional<Entry> newest (std::size_t max) const;
  void clear ();

  std::size_t packets () const { return packets_; }
  std::size_t bytes () const { return bytes_; }

private:
  using Ticks = std::uint32_t; // microseconds, that wrap
  static Ticks ticks (TimePoint t)
  {
    return static_cast<Ticks> (t.time_since_epoch () / microseconds (1));
  }
  // Threads that send may be some late with `now`.
  static Duration passed (Ticks since, TimePoint now)
  {
    return microseconds (static_cast<std::int32_t> (ticks (now) - since));
  }
  struct Slot {
    void *packet = nullptr; // a reference of type_; null: nothing is there
    Ticks sent = 0, resent = 0;
    std::uint32_t timestamp = 0;
    std::uint16_t sequence = 0;
    std::uint8_t resends = 0;
  };
  static constexpr std::size_t per_chunk = 16;
  struct Chunk {
    std::array<Slot, per_chunk> slots;
    std::size_t used = 0;
  };
  std::size_t place (std::uint16_t sequence) const
  {
    return sequence / per_chunk & (ring_.size () - 1);
  }
  Slot *find (std::uint16_t sequence) const; // null: it is not there
  Entry entry (const Slot &s) const { return {type_->view (s.packet), s.timestamp, s.sequence}; }
  void drop (std::uint16_t sequence);
  void begin (std::uint16_t sequence, const Handle::Type *type, TimePoint now);
  void trim (TimePoint now);

  Limits limits_;
  const Handle::Type *type_ = nullptr;       // of all packets
  std::vector<std::unique_ptr<Chunk>> ring_; // by number; only those in which something is
  std::unique_ptr<Chunk> spare_;             // so that a steady stream allocates nothing
  std::uint16_t oldest_ = 0, newest_ = 0;
  std::size_t packets_ = 0, bytes_ = 0;
  TimePoint added_{}; // the last one
};
} // namespace reach::rtc
