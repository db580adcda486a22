// SPDX-License-Identifier: LGPL-2.1-or-later
// The cache of the sync methods that begin with a burst.
#include "publication.h"

namespace reach::rtmp {

// Whether what is cached behind it is a burst.
bool Publication::enough (const Mark &from) const
{
  switch (settings_.burst.unit) {
  case Burst::Unit::bytes:
    return cached_bytes_ - from.bytes >= settings_.burst.amount;
  case Burst::Unit::messages:
    return cached_messages_ - from.message >= settings_.burst.amount;
  case Burst::Unit::ns: { // timestamps wrap, and audio and video may be out of order
    const auto ms = static_cast<std::int32_t> (newest_ - from.timestamp);
    return ms >= 0 &&
           std::uint64_t{1000000} * static_cast<std::uint64_t> (ms) >= settings_.burst.amount;
  }
  case Burst::Unit::none:
    break;
  }
  return true;
}

void Publication::keep_for_bursts (const Media &m, bool key)
{
  if (m.info.header || (gop_.empty () && !key && settings_.sync == SyncMethod::burst_keyframe))
    return;
  if (key)
    keys_.push_back ({cached_messages_, cached_bytes_, m.chunks->timestamp ()});
  cached_messages_++;
  cached_bytes_ += m.chunks->size ();
  gop_bytes_ += m.chunks->size ();
  gop_.push_back (m);
  trim_for_bursts ();
}

// Nothing is kept that no burst needs, and no more than the cache may have.
void Publication::trim_for_bursts ()
{
  const auto first = [this] { return cached_messages_ - gop_.size (); };
  if (settings_.sync == SyncMethod::burst) {
    while (gop_.size () > 1 &&
           enough ({first () + 1, cached_bytes_ - gop_bytes_ + gop_.front ().chunks->size (),
               gop_[1].chunks->timestamp ()}))
      drop_cached (first () + 1);
  } else {
    while (keys_.size () > 1 && enough (keys_[1]))
      keys_.pop_front ();
    if (!keys_.empty () && enough (keys_.front ()))
      drop_cached (keys_.front ().message);
  }
  while (gop_bytes_ > settings_.gop_bytes || gop_.size () > settings_.gop_messages) {
    if (settings_.sync != SyncMethod::burst_keyframe)
      drop_cached (first () + 1);
    else if (keys_.size () > 1)
      drop_cached (keys_[1].message);
    else
      return forget ();
  }
}

void Publication::drop_cached (std::uint64_t upto)
{
  while (cached_messages_ - gop_.size () < upto) {
    gop_bytes_ -= gop_.front ().chunks->size ();
    gop_.pop_front ();
    for (auto &[stream, gop] : other_gops_)
      if (!gop.empty ())
        gop.pop_front ();
  }
  while (!keys_.empty () && keys_.front ().message < upto)
    keys_.pop_front ();
}

Publication::Backlog Publication::backlog () const
{
  if (settings_.sync == SyncMethod::latest)
    return {0, 0, true};
  Backlog b{0, gop_bytes_, settings_.sync >= SyncMethod::burst};
  if (settings_.sync == SyncMethod::burst_keyframe)
    b.any_frame = false;
  if (settings_.sync != SyncMethod::burst_with_keyframe)
    return b;
  if (!keys_.empty () && enough (keys_.front ()))
    return {0, gop_bytes_, false}; // it is in front
  Mark at{cached_messages_ - gop_.size (), cached_bytes_ - gop_bytes_, 0};
  for (std::size_t i = 0; i < gop_.size (); i++) {
    at.timestamp = gop_[i].chunks->timestamp ();
    if (!enough (at))
      break;
    b.first = i;
    b.bytes = static_cast<std::size_t> (cached_bytes_ - at.bytes);
    at.message++;
    at.bytes += gop_[i].chunks->size ();
  }
  return b;
}
} // namespace reach::rtmp
