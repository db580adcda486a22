// SPDX-License-Identifier: LGPL-2.1-or-later
// Slices waiting to be written, in order, with the offset that a partial write left. Bounded by its
// users: they look at bytes () before they push.
#pragma once
#include "common/proto/slice.h"
#include <sys/uio.h>
#include <vector>

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
    for (auto i = first_; i < queue_.size () && n < out.size (); i++, n++) {
      const Bytes b = queue_[i].bytes.subspan (n == 0 ? offset_ : 0);
      out[n] = {const_cast<std::uint8_t *> (b.data ()), b.size ()};
    }
    return n;
  }
  // `n` bytes were written: lets go of what is done.
  void consume (std::size_t n)
  {
    bytes_ -= n;
    n += offset_;
    while (first_ < queue_.size () && n >= queue_[first_].size ()) {
      n -= queue_[first_].size ();
      queue_[first_++].owner = {};
    }
    offset_ = n;
    forget ();
  }
  std::size_t bytes () const { return bytes_; }
  bool empty () const { return bytes_ == 0; }
  void clear ()
  {
    queue_.clear ();
    first_ = bytes_ = offset_ = 0;
  }

private:
  // The places of what is done: all at once when nothing is left, else when they are the larger
  // part, so that each slice is moved once at most on average.
  void forget ()
  {
    if (2 * first_ < queue_.size ())
      return;
    queue_.erase (queue_.begin (), queue_.begin () + static_cast<std::ptrdiff_t> (first_));
    first_ = 0;
    if (queue_.empty () && queue_.capacity () > max_kept)
      queue_.shrink_to_fit ();
  }

  static constexpr std::size_t max_kept = 512; // places of an empty queue
  // A vector, not a deque: a queue is nearly always empty, and then what the next slice touches is
  // this object and the one allocation that stays.
  std::vector<Slice> queue_;
  std::size_t first_ = 0; // the oldest in queue_
  std::size_t bytes_ = 0, offset_ = 0;
};
} // namespace reach
