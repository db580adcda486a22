// SPDX-License-Identifier: LGPL-2.1-or-later
// From fragments to messages in order. A gap holds later messages back until its deadline, and for
// ever where a reliable message is missing.
#pragma once
#include "datagram_packet.h"
#include <deque>
#include <limits>

namespace reach::cam {

class Reassembly {
public:
  enum class Result : std::uint8_t { ok, duplicate, late, no_room, bad, too_big, storage };

  Reassembly (
      const DatagramConfig &config, StorageSource &source, std::deque<DatagramEvent> &events)
      : config_ (config), source_ (source), events_ (events)
  {
  }
  // Of a message, and of all that is held; with it, the window is small.
  void limit (std::size_t most) { most_ = most; }
  static constexpr std::size_t limited_window = 16;
  void start (std::uint32_t first_message) { ring_.restart (first_message); }

  // deadline: when the message must be complete, previous: when the one before it must be.
  Result add (const FragmentHeader &f, Bytes payload, TimePoint deadline, TimePoint previous);
  // Delivers what is in order and skips what is too late. True: the next wanted message changed.
  bool advance (TimePoint now);
  // The sender has nothing more of the messages before `oldest`: what is missing of them is lost.
  void forward (std::uint32_t oldest);
  TimePoint timeout () const { return timeout_; }

  std::uint32_t next_message () const { return static_cast<std::uint32_t> (ring_.base ()); }
  std::uint64_t delivered () const { return delivered_; }
  std::uint64_t lost () const { return lost_; }
  std::size_t held () const { return held_; }

private:
  struct Interval {
    std::uint32_t from, to;
  };
  struct Slot {
    std::unique_ptr<Storage> storage; // present: at least one fragment was seen
    std::uint32_t total = 0;
    std::uint32_t prefix = 0;    // bytes received from the start on
    std::vector<Interval> apart; // received behind it, sorted, never touching
    std::uint16_t reliable_before = 0;
    bool reliable = false;
    TimePoint deadline{}, previous{};
    bool complete () const { return storage && prefix == total; }
  };

  Result open (Slot &s, const FragmentHeader &f, TimePoint deadline, TimePoint previous);
  Result insert (Slot &s, const FragmentHeader &f);
  void deliver ();
  void skip_front ();
  void pop ();
  bool step (TimePoint now);
  void report_lost ();

  const DatagramConfig &config_;
  StorageSource &source_;
  std::deque<DatagramEvent> &events_;
  IndexedRing<Slot> ring_;
  std::uint64_t first_known_ = 0; // no storage before it
  std::size_t held_ = 0;          // bytes of storage
  std::size_t most_ = std::numeric_limits<std::size_t>::max ();
  std::uint64_t delivered_ = 0, lost_ = 0, unreported_ = 0;
  TimePoint timeout_ = TimePoint::max ();
};
} // namespace reach::cam
