// SPDX-License-Identifier: LGPL-2.1-or-later
// What one connection has to send, and in which order. Control goes in front of the next chunk.
// Media messages begin in the order they came; one on another chunk stream begins while the chunks
// of a large one are still going out, so a reply or a little audio never waits for a key frame.
#pragma once
#include "chunk_writer.h"
#include "common/proto/fifo.h"

namespace reach::rtmp {
class TransmitQueue {
public:
  // Whole messages, already in chunks.
  void control (std::vector<std::uint8_t> chunks);
  void media (SharedChunksRef m) { add (std::move (m), false); }
  // Begins when all media in front of it is out, and none begins before its end.
  void in_order (SharedChunksRef m)
  {
    ordered_bytes_ += m->size ();
    add (std::move (m), true);
  }

  // The next bytes, empty when there are none.
  Slice poll ();
  // Of media that has not begun: dropped. What has begun has to be ended.
  void clear_media (std::uint32_t stream);

  const void *place () const { return &control_bytes_; } // of what says whether anything waits
  std::size_t control_bytes () const { return control_bytes_; }
  std::size_t media_bytes () const { return media_bytes_; }
  std::size_t ordered_bytes () const { return ordered_bytes_; } // of media_bytes, not begun

private:
  struct Item {
    SharedChunksRef message;
    bool in_order;
    std::size_t next = 0; // chunk
  };
  void add (SharedChunksRef m, bool in_order);
  bool may_begin () const;

  Fifo<Slice, 8> control_;
  Fifo<Item, 8> waiting_;
  std::vector<Item> active_; // one at most of each chunk stream
  Slice body_;               // of the chunk whose header is out
  std::size_t turn_ = 0, control_bytes_ = 0, media_bytes_ = 0, ordered_bytes_ = 0;
};
} // namespace reach::rtmp
