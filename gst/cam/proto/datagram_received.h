// SPDX-License-Identifier: LGPL-2.1-or-later
// The packet numbers received, and when to acknowledge them.
#pragma once
#include "datagram_packet.h"

namespace reach::cam {

class ReceivedNumbers {
public:
  explicit ReceivedNumbers (std::size_t max_ranges)
      : max_ranges_ (std::max<std::size_t> (max_ranges, 2))
  {
  }

  void set_latency (Duration latency) { calm_delay_ = calm_ack_delay (latency); }

  // Received before, or too long ago to know.
  bool known (std::uint64_t number) const;
  void add (std::uint64_t number, bool eliciting, TimePoint now);
  // What the peer sends gets lost, or our acknowledgements do: they come sooner for a while.
  void trouble (TimePoint now) { trouble_ = now; }
  // Something else to tell: the next message wanted has changed without a packet.
  void want_ack (TimePoint now);

  std::uint64_t largest () const { return ranges_.empty () ? 0 : ranges_.back ().last; }
  bool empty () const { return ranges_.empty (); }
  // When an acknowledgement should leave; max () = nothing to tell.
  TimePoint deadline () const { return due_; }
  // Writes the ranges and considers them told.
  AckFrame take (std::uint32_t next_message, TimePoint now);

private:
  bool insert (std::uint64_t number);

  std::vector<NumberRange> ranges_; // oldest first
  std::size_t max_ranges_;
  std::uint64_t floor_ = 0; // below: forgotten, counts as received
  unsigned unacked_ = 0;
  Duration calm_delay_ = least_ack_delay;
  TimePoint largest_at_{}, last_ack_{}, first_unacked_{};
  std::optional<TimePoint> trouble_; // the last
  TimePoint due_ = TimePoint::max ();
  bool repeat_ = false; // the last acknowledgement is worth sending twice
};
} // namespace reach::cam
