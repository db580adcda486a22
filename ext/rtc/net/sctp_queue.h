// SPDX-License-Identifier: LGPL-2.1-or-later
// What waits for room in SCTP's own send buffer: messages in order, and resets of streams behind
// the messages of theirs. What is buffered is known for each stream.
#pragma once
#include "rtc/proto/dcep.h"
#include <deque>
#include <map>
#include <set>

namespace reach::rtc {
class SctpQueue {
public:
  struct Message {
    std::uint16_t stream = 0;
    std::uint32_t ppid = 0;
    Reliability reliability;
    std::vector<std::uint8_t> bytes;
  };

  explicit SctpQueue (std::size_t limit) : limit_ (limit) {}

  bool fits (std::size_t size) const { return total_ + size <= limit_; }
  bool empty () const { return messages_.empty (); }
  void push (Message m);
  const Message &front () const { return messages_.front (); }
  // True: the stream has now no more than its threshold, and had more before.
  bool pop ();

  void reset (std::uint16_t stream) { resets_.insert (stream); }
  // Streams that are to be reset and have nothing left here, at most `most`.
  std::vector<std::uint16_t> resettable (std::size_t most) const;
  void reset_begun (std::uint16_t stream) { resets_.erase (stream); }
  bool resets_wait () const { return !resets_.empty (); }

  std::size_t buffered () const { return total_; }
  std::size_t buffered (std::uint16_t stream) const;
  void set_threshold (std::uint16_t stream, std::size_t bytes);

private:
  struct Stream {
    std::size_t bytes = 0, messages = 0, threshold = 0;
  };
  const std::size_t limit_;
  std::size_t total_ = 0;
  std::deque<Message> messages_;
  std::map<std::uint16_t, Stream> streams_;
  std::set<std::uint16_t> resets_;
};
} // namespace reach::rtc
