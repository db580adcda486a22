// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transmit_queue.h"
#include <algorithm>

namespace reach::rtmp {

void TransmitQueue::control (std::vector<std::uint8_t> chunks)
{
  control_bytes_ += chunks.size ();
  control_.push_back (slice_of (std::move (chunks)));
}

void TransmitQueue::add (SharedChunksRef m, bool in_order)
{
  media_bytes_ += m->size ();
  waiting_.push_back ({std::move (m), in_order});
}

bool TransmitQueue::may_begin () const
{
  if (waiting_.empty ())
    return false;
  const Item &next = waiting_.front ();
  return std::ranges::none_of (active_, [&] (const Item &i) {
    return next.in_order || i.in_order ||
           i.message->chunk_stream () == next.message->chunk_stream ();
  });
}

Slice TransmitQueue::poll ()
{
  if (body_.size () > 0) {
    media_bytes_ -= body_.size ();
    return std::exchange (body_, {});
  }
  if (!control_.empty ()) {
    Slice s = std::move (control_.front ());
    control_.pop_front ();
    control_bytes_ -= s.size ();
    return s;
  }
  if (may_begin ()) {
    if (waiting_.front ().in_order)
      ordered_bytes_ -= waiting_.front ().message->size ();
    active_.push_back (std::move (waiting_.front ()));
    waiting_.pop_front ();
    turn_ = active_.size () - 1;
  }
  if (active_.empty ())
    return {};
  turn_ %= active_.size ();
  Item &i = active_[turn_];
  auto chunk = i.message->chunk (i.next++);
  if (i.next == i.message->count ())
    active_.erase (active_.begin () + static_cast<std::ptrdiff_t> (turn_));
  else
    turn_++;
  body_ = std::move (chunk.body);
  media_bytes_ -= chunk.head.size ();
  return std::move (chunk.head);
}

void TransmitQueue::clear_media (std::uint32_t stream)
{
  erase_if (waiting_, [&] (const Item &i) {
    const bool gone = !i.in_order && i.message->stream () == stream;
    if (gone)
      media_bytes_ -= i.message->size ();
    return gone;
  });
}
} // namespace reach::rtmp
