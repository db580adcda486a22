// SPDX-License-Identifier: LGPL-2.1-or-later
// The send queue of one link: messages of one media type, several streams. Bounded in bytes and
// time. What does not fit is dropped so that what is sent stays decodable: a stream with delta
// units loses whole groups of pictures, and after a loss its next frame sent is a key frame.
//
// What goes, in this order:
// 1. frames flagged droppable: nothing refers to them;
// 2. of a stream without delta units: its oldest frames, one by one;
//    of a stream with them: everything before its newest queued key frame;
// 3. if that was nothing: all of its queued frames, and those to come up to its next key frame.
// Messages that are no frames (caps, tags, eos, hello) are never dropped and keep their place among
// the frames of their stream; they, and all messages not marked droppable, are refused when full.
#pragma once
#include "common/proto/fifo.h"
#include "message.h"
#include <utility>
#include <vector>

namespace reach::cam {

class MediaQueue {
public:
  struct Limits {
    std::size_t max_bytes = 4u << 20;        // 0 = no limit
    Duration max_time = milliseconds (1000); // 0 = no limit
    std::size_t max_control = 1024; // queued messages that are neither frames nor file data
  };
  struct Stats {
    std::uint64_t frames_dropped = 0;
    std::uint64_t bytes_dropped = 0;
    std::uint64_t gops_dropped = 0; // wholly or in part
    std::uint64_t messages = 0;     // accepted by push () into the queue
  };
  MediaQueue (MediaType type, Limits l) : type_ (type), limits_ (l) {}
  MediaType type () const { return type_; }
  // Takes effect with the next push () or pop ().
  void set_limits (Limits l) { limits_ = l; }

  // A new peer: `stream` sends nothing but its non-frame messages until a key frame. Frames left
  // out for this reason do not count as dropped and ask for no key frame: the caller knows that a
  // peer came.
  void wait_for_key (std::uint16_t stream);

  // false: refused because full. Never so for droppable frames, which may be dropped instead. One
  // message larger than max_bytes is accepted when nothing else waits.
  bool push (MessageRef m, TimePoint now);
  // Of an empty queue: `m` need not wait in it and is for the caller to send; the same as push ()
  // and pop (), for less. False: push () it.
  bool pass (const Message &m, TimePoint now);
  // The next to send; empty when there is none.
  MessageRef pop (TimePoint now);

  // The caps and tags of a stream at the front of the queue: the last that left it; caps that never
  // did are the first that wait. A new link's list tells them, and the queue goes on from there.
  struct Sticky {
    MessageRef caps, tags, global_tags;
  };
  Sticky sticky (std::uint16_t stream) const;

  bool empty () const { return queue_.empty (); }
  std::size_t bytes () const { return bytes_; }
  std::size_t count () const { return queue_.size (); }
  // Of the oldest message.
  Duration age (TimePoint now) const;

  // A stream that needs a key frame because frames were dropped; each need is reported once.
  std::optional<std::uint16_t> poll_key_request ();
  // What came since the last call; false when nothing of it was dropped.
  bool poll_dropped (Stats &delta);
  Stats stats () const { return stats_; }
  // Forgets messages and streams as if new; the statistics stay.
  void clear ();

private:
  enum class Wait : std::uint8_t { none, joining, dropped };
  struct Stream {
    std::size_t bytes = 0, frames = 0, droppable = 0; // queued
    bool deltas = false; // had a delta unit: its frames depend on others
    Wait wait = Wait::none;
    bool reported = false;
    std::uint32_t last = 0; // number of its newest frame that others may refer to
    bool last_dropped = false;
    Sticky left; // the queue
  };

  Stream &entry_of (std::uint16_t id);
  bool refuse (const Message &m) const;
  bool left_out (const Message &m);
  void note_left (const MessageRef &m);
  void account (const Message &m, bool in);
  void count_drop (const Message &m);
  bool over_bytes () const;
  const Message *too_old (TimePoint now) const;
  void enforce (TimePoint now);
  void shrink_bytes ();
  void shrink_old (const Message &oldest);
  void lose_group (Stream &s);
  void end_wait (Stream &s, Wait next);
  void drop_group (std::uint16_t stream, bool keep_oversized);
  std::size_t newest_key (std::uint16_t stream) const;
  template <typename F> void drop_first (F &&f);
  template <typename F> std::size_t drop_if (F &&f, bool counted = true);

  MediaType type_;
  Limits limits_;
  Fifo<MessageRef> queue_;
  std::vector<std::pair<std::uint16_t, Stream>> streams_;
  std::size_t bytes_ = 0, frame_bytes_ = 0, frames_ = 0, control_ = 0;
  std::size_t needs_ = 0; // streams with an unreported need for a key frame
  Stats stats_, polled_;
};
} // namespace reach::cam
