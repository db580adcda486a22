// SPDX-License-Identifier: LGPL-2.1-or-later
// Slices waiting to be written, in order, with the offset that a partial write left. Bounded by its
// users: they look at bytes () before they push.
#pragma once
#include "common/proto/fifo.h"
#include "common/proto/slice.h"
#include <sys/uio.h>

namespace reach {
class SendQueue {
public:
  void push (Slice s)
  {
    if (s.bytes.empty ())
      return;
    bytes_ += s.bytes.size ();
    queue_.push_back (std::move (s));
  }
  // Fills `out` from the front; returns how many entries.
  std::size_t gather (std::span<iovec> out) const
  {
    std::size_t n = 0;
    for (; n < queue_.size () && n < out.size (); n++) {
      const Bytes b = queue_[n].bytes.subspan (n == 0 ? offset_ : 0);
      out[n] = {const_cast<std::uint8_t *> (b.data ()), b.size ()};
    }
    return n;
  }
  // `n` bytes were written: lets go of what is done.
  void consume (std::size_t n)
  {
    bytes_ -= n;
    n += offset_;
    while (!queue_.empty () && n >= queue_.front ().size ()) {
      n -= queue_.front ().size ();
      queue_.pop_front ();
    }
    offset_ = n;
  }
  std::size_t bytes () const { return bytes_; }
  bool empty () const { return bytes_ == 0; }
  void clear ()
  {
    queue_.clear ();
    bytes_ = offset_ = 0;
  }

private:
  Fifo<Slice> queue_;
  std::size_t bytes_ = 0, offset_ = 0;
};
} // namespace reach
