// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notices.h"
#include <algorithm>

namespace reach::rtmp {

Notices::Track *Notices::track_of (const Of &of)
{
  const std::pair key{of.type, of.track};
  const auto at = tracks_.find (key);
  if (at != tracks_.end ())
    return &at->second;
  return tracks_.size () < max_tracks ? &tracks_[key] : nullptr;
}

void Notices::set (const Of &of, Slice body)
{
  Track *t = track_of (of);
  if (!t || (t->codec != Codec::unknown && t->codec != of.codec) ||
      std::ranges::equal (t->body.bytes, body.bytes))
    return;
  t->body = std::move (body);
  t->fresh = true;
}

void Notices::header (const Of &of, Slice body)
{
  Track *t = track_of (of);
  if (!t || std::ranges::equal (t->header.bytes, body.bytes))
    return;
  t->codec = of.codec;
  t->header = std::move (body);
  if (!t->fresh) // what has not been sent yet was said of this one
    t->body = {};
}

std::optional<Notices::Notice> Notices::before (
    MessageType type, MediaInfo &frame, std::uint32_t timestamp)
{
  if (tracks_.empty () || frame.header)
    return std::nullopt;
  const auto at = tracks_.find ({type, frame.track});
  if (at == tracks_.end () || at->second.body.size () == 0)
    return std::nullopt;
  Track &t = at->second;
  const bool due = type == MessageType::video ? frame.key : timestamp - t.said >= sound_interval;
  if (!std::exchange (t.fresh, false) && !due)
    return std::nullopt;
  t.said = timestamp;
  return Notice{t.body, {frame.track, std::exchange (frame.key, false), false}};
}
} // namespace reach::rtmp
