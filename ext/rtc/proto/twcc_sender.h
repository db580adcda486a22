// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers of the packets to one peer, of all its streams, and what its feedback says of them.
#pragma once
#include "rtp_sequence.h"
#include "twcc_feedback.h"
#include <vector>

namespace reach::rtc {
struct PacketResult {
  std::int64_t number = 0;
  TimePoint sent{};
  microseconds arrival{}; // the receiver's clock; of one that was received
  std::uint32_t size = 0;
  std::uint16_t cluster = 0; // of a probe, 0: none
  bool received = false;
  bool was_lost = false; // an earlier feedback said so
};

class TwccSender {
public:
  static constexpr std::uint16_t max_cluster = (1 << 14) - 1;

  // max: packets that are remembered; rounded up to a power of two.
  explicit TwccSender (std::size_t max = 8192);

  // The number that goes into a packet of that size, which leaves now. cluster: see PacketResult,
  // at most max_cluster.
  std::uint16_t sent (std::size_t size, TimePoint now, std::uint16_t cluster = 0);
  // What is new, in the order of numbers; valid until the next call.
  std::span<const PacketResult> feedback (const TwccFeedback &f);

  std::size_t in_flight () const { return in_flight_; } // bytes that no feedback has covered
  TimePoint last_sent () const { return last_sent_; }
  std::uint64_t unknown () const { return unknown_; } // numbers never sent, or forgotten

private:
  enum class State : std::uint16_t { flying, lost, received };
  // Each peer has a second of them.
  struct Entry {
    std::uint32_t sent = 0; // microseconds, that wrap
    std::uint16_t size = 0;
    std::uint16_t cluster : 14 = 0;
    std::uint16_t state : 2 = 0;

    bool is (State s) const { return state == static_cast<std::uint16_t> (s); }
  };
  static std::uint32_t ticks (TimePoint t)
  {
    return static_cast<std::uint32_t> (t.time_since_epoch () / microseconds (1));
  }
  Entry &entry (std::int64_t n)
  {
    return ring_[static_cast<std::size_t> (n) & (ring_.size () - 1)];
  }
  void grow ();
  std::int64_t first () const; // of the numbers that have an entry
  TimePoint sent_at (const Entry &e) const;
  void note (std::int64_t number, const TwccStatus &s, microseconds reference);
  void pass (std::int64_t number);

  std::size_t max_;
  std::vector<Entry> ring_;                         // grows up to max_
  std::int64_t kept_ = 0x10000;                     // what was older when it grew last is gone
  std::int64_t next_ = 0x10000, covered_ = 0x10000; // covered_: the first that no feedback passed
  std::size_t in_flight_ = 0;
  bool started_ = false;
  std::int32_t last_reference_ = 0;
  std::int64_t reference_ = 0; // unwrapped
  std::vector<PacketResult> results_;
  TimePoint last_sent_{};
  std::uint64_t unknown_ = 0;
};
} // namespace reach::rtc
