// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands that one receiver has not acknowledged yet, in order. A few of them at a time are in
// the send queue or under way; a new link gets all of these again, and the receiver leaves out what
// it has seen.
#pragma once
#include "media_queue.h"
#include <deque>

namespace reach::cam {

class CommandQueue {
public:
  struct Limits {
    std::size_t max_commands = 1024;
    std::size_t max_bytes = 4u << 20;
    std::size_t window = 32; // unacknowledged at a time; well below what a receiver lets wait
    // A command under way is given up when none was acknowledged for so long; max = never.
    Duration patience = Duration::max ();
  };
  explicit CommandQueue (MediaQueue &out) : CommandQueue (out, Limits{}) {}
  CommandQueue (MediaQueue &out, Limits l) : out_ (out), limits_ (l) {}

  bool push (MessageRef command, TimePoint now); // false: full
  void restart (TimePoint now);                  // a new link
  // The command with this id is over; false when none is under way with it.
  bool acknowledged (std::uint64_t id, TimePoint now);
  bool remove (std::uint64_t id);      // of one that waits; false: there is none
  std::vector<std::uint64_t> clear (); // the ids of what is given up
  // The link is gone: nobody can acknowledge before restart ().
  void pause ();
  std::vector<std::uint64_t> timeout (TimePoint now); // the same
  TimePoint poll_timeout () const;                    // TimePoint::max (): nothing is waited for
  std::size_t count () const { return commands_.size (); }
  std::size_t bytes () const { return bytes_; }

private:
  struct Entry {
    MessageRef command;
    TimePoint sent{};
  };
  void fill (TimePoint now);
  std::size_t find (std::uint64_t id, std::size_t among) const; // `among`: not found
  void erase (std::size_t at);

  MediaQueue &out_;
  const Limits limits_;
  std::deque<Entry> commands_;
  std::size_t bytes_ = 0, under_way_ = 0; // under way: the first ones
  TimePoint acknowledged_{};              // the last time
};
} // namespace reach::cam
