// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parts of the datagram core (docs/protocol-cam-udp.md) share: addresses, limits, events
// and the two small interfaces for cryptography that a core without libraries needs.
#pragma once
#include "incoming.h"
#include <algorithm>

namespace reach::cam {

// A peer's socket address as opaque bytes, compared as a whole.
struct Address {
  static constexpr std::size_t max_size = 32;
  std::array<std::uint8_t, max_size> data{};
  std::uint8_t size = 0;

  Address () = default;
  explicit Address (Bytes b) : size (static_cast<std::uint8_t> (std::min (b.size (), max_size)))
  {
    std::copy_n (b.begin (), size, data.begin ());
  }
  Bytes bytes () const { return {data.data (), size}; }
  bool operator== (const Address &) const = default;
};

// Keyed message authentication, for example HMAC-SHA-256 cut to 16 bytes.
class Mac {
public:
  static constexpr std::size_t size = 16;
  virtual ~Mac () = default;
  virtual void compute (Bytes key, Bytes data, std::span<std::uint8_t, size> out) = 0;
};

// Unpredictable numbers.
class Random {
public:
  virtual ~Random () = default;
  virtual std::uint64_t next () = 0;
};

struct DatagramConfig {
  // UDP payload of a datagram: 1200 less the 37 bytes a DTLS record adds.
  std::size_t max_datagram = 1163;
  milliseconds latency{200};       // how long a message may take; the larger of both sides counts
  milliseconds max_latency{10000}; // what a peer can raise it to
  milliseconds timeout{3000};      // to connect, and without any packet; max () = wait for ever
  std::size_t max_message = 16u << 20;
  std::size_t max_incomplete_bytes = 32u << 20; // held by reassembly; at least max_message
  std::size_t max_window = 16384;               // messages ahead of the next one to deliver
  std::size_t max_intervals = 1024;             // separate pieces of one incomplete message
  std::size_t max_ack_ranges = 64;              // runs of packet numbers remembered
  std::size_t max_in_flight = 1u << 16;         // packets not yet acknowledged
  std::size_t max_fragments = 1u << 18;         // of messages not yet acknowledged
  unsigned max_malformed = 16;                  // packets; the link closes then
  std::size_t backlog = 64u << 10;              // unsent bytes that room () asks for at least
};

// How long an acknowledgement may wait: while nothing is lost a part of the latency, else the
// least.
constexpr Duration least_ack_delay = milliseconds (10), longest_ack_delay = milliseconds (25);
constexpr Duration calm_ack_delay (Duration latency)
{
  return std::clamp (latency / 8, least_ack_delay, longest_ack_delay);
}

enum class DatagramFault : std::uint8_t {
  none,
  local,     // close () here
  orderly,   // the peer's close
  refused,   // the listener's limit
  version,   // no version in common
  timed_out, // no answer, or no packet any more
  malformed, // too many packets that are not our protocol
  too_big,   // a message over the limit
  storage,   // the storage for a message was refused
  exhausted, // all packet numbers used
};
const char *datagram_fault_name (DatagramFault f);

struct DatagramStats {
  std::uint64_t bytes_sent = 0, bytes_received = 0; // UDP payload
  std::uint64_t packets_sent = 0, packets_received = 0;
  std::uint64_t packets_lost = 0, packets_spurious = 0; // found lost; of these, acknowledged later
  std::uint64_t packets_duplicate = 0, packets_malformed = 0, packets_refused = 0;
  std::uint64_t bytes_payload = 0, bytes_retransmitted = 0; // message bytes sent first, and again
  std::uint64_t fragments_retransmitted = 0, fragments_duplicate = 0, fragments_late = 0;
  std::uint64_t messages_sent = 0, messages_given_up = 0;
  std::uint64_t messages_received = 0, messages_lost = 0;
  std::uint64_t bandwidth = 0;   // bits per second, 0 = not known
  std::uint64_t pacing_rate = 0; // bits per second
  nanoseconds rtt{}, min_rtt{};
};

struct DatagramEvent {
  enum class Kind : std::uint8_t { established, message, messages_lost, estimate_changed, closed };
  Kind kind;
  Incoming message{};      // message
  std::uint64_t value = 0; // messages_lost: how many; estimate_changed: bits per second
  DatagramFault fault = DatagramFault::none; // closed
};

// Values of a window of 64-bit ids [base, end), each at its own place in a power of two of slots.
// Only growth allocates, and popped slots keep what they hold, so vectors in them keep their
// memory.
template <typename T> class IndexedRing {
public:
  explicit IndexedRing (std::uint64_t first = 0) : base_ (first), end_ (first) {}
  T &push ()
  {
    if (end_ - base_ == slots_.size ())
      grow ();
    return slots_[end_++ & mask_];
  }
  void pop_front () { base_++; }
  T &operator[] (std::uint64_t id) { return slots_[id & mask_]; }
  const T &operator[] (std::uint64_t id) const { return slots_[id & mask_]; }
  T &front () { return slots_[base_ & mask_]; }
  std::uint64_t base () const { return base_; }
  std::uint64_t end () const { return end_; }
  std::uint64_t size () const { return end_ - base_; }
  bool empty () const { return base_ == end_; }
  bool holds (std::uint64_t id) const { return id >= base_ && id < end_; }
  // Starts again, empty, with ids from `first`.
  void restart (std::uint64_t first) { base_ = end_ = first; }

private:
  void grow ()
  {
    std::vector<T> more (std::max<std::size_t> (16, slots_.size () * 2));
    for (std::uint64_t i = base_; i != end_; i++)
      more[i & (more.size () - 1)] = std::move (slots_[i & mask_]);
    slots_ = std::move (more);
    mask_ = slots_.size () - 1;
  }
  std::vector<T> slots_;
  std::uint64_t base_, end_, mask_ = 0;
};

// The 64-bit value nearest to `near` whose low 32 bits are `low`.
inline std::uint64_t unwrap32 (std::uint64_t near, std::uint32_t low)
{
  const auto delta = static_cast<std::int32_t> (low - static_cast<std::uint32_t> (near));
  return near + static_cast<std::uint64_t> (static_cast<std::int64_t> (delta));
}
} // namespace reach::cam
