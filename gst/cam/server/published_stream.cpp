// SPDX-License-Identifier: LGPL-2.1-or-later
#include "published_stream.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t overhead = 256; // of a frame that is kept, or tiny ones would cost nothing
} // namespace

PublishedStream::PublishedStream (const StreamInfo &info, std::size_t max_cache)
    : number_ (info.id), type_ (info.type),
      max_cache_ (info.type == MediaType::video ? max_cache : 0),
      caps_ (slice_of ({info.caps.begin (), info.caps.end ()})), tags_ (slice_of (info.tags)),
      global_tags_ (slice_of (info.global_tags))
{
}

MessageRef PublishedStream::input (
    const MessageHeader &h, Slice body, TimePoint now, std::uint8_t *place)
{
  const bool sticky = h.kind == Kind::caps || h.kind == Kind::tags;
  const bool global = h.kind == Kind::tags && (h.flags & tags_global);
  if (sticky && body.size () > (h.kind == Kind::caps ? max_caps : max_tags))
    return {};
  if (sticky)
    (h.kind == Kind::caps ? caps_ : global ? global_tags_ : tags_) = body;
  MessageRef m =
      Message::routed (h.kind, type_, number_, global ? tags_global : 0u, body, now, place);
  if (m && h.kind == Kind::frame)
    note_frame (*m, body, now);
  else if (h.kind == Kind::caps || h.kind == Kind::eos)
    forget ();
  return m;
}

void PublishedStream::note_frame (const Message &m, const Slice &body, TimePoint now)
{
  if (m.key) {
    last_key_ = now;
    want_ = Want::none;
    asked_ = false;
  }
  const bool hole = next_seq_ && m.frame_seq != *next_seq_;
  next_seq_ = m.frame_seq + 1;
  if (hole)
    forget ();
  if (max_cache_ > 0)
    keep (m, body);
}

void PublishedStream::keep (const Message &m, const Slice &body)
{
  // A key frame may be several messages (parameter sets, slices) of the same time.
  const bool goes_on = last_was_key_ && !cache_.empty () && cache_.back ().pts == m.frame_pts;
  if (m.key && !goes_on)
    forget ();
  last_was_key_ = m.key;
  if (!m.key && cache_.empty ())
    return; // its key frame is not here
  const std::size_t size = body.size () + overhead;
  if (cached_bytes_ + size > max_cache_)
    return forget (); // until the next key frame
  cached_bytes_ += size;
  cache_.push_back ({body, m.frame_pts});
}

void PublishedStream::forget ()
{
  cache_.clear ();
  cached_bytes_ = 0;
  last_was_key_ = false;
}

PublishedStream::Join PublishedStream::join (TimePoint now) const
{
  Join j;
  const auto add = [&] (Kind kind, const Slice &body, std::uint32_t flags) {
    if (MessageRef m = Message::routed (kind, type_, number_, flags, body, now)) {
      j.bytes += m->size ();
      j.messages.push_back (std::move (m));
    }
  };
  if (!caps_.bytes.empty ())
    add (Kind::caps, caps_, 0);
  if (!tags_.bytes.empty ())
    add (Kind::tags, tags_, 0);
  if (!global_tags_.bytes.empty ())
    add (Kind::tags, global_tags_, tags_global);
  for (const Cached &c : cache_)
    add (Kind::frame, c.body, c.pts == cache_.back ().pts ? std::uint32_t{0} : frame_past);
  j.decodable = type_ != MediaType::video || !cache_.empty ();
  return j;
}

void PublishedStream::want_key (bool joined)
{
  want_ = std::max (want_, joined ? Want::urgent : Want::patient);
}

TimePoint PublishedStream::poll_timeout () const
{
  if (want_ == Want::none)
    return TimePoint::max ();
  TimePoint due{};
  if (last_request_)
    due = *last_request_ + (asked_ ? key_patience : key_interval);
  if (want_ == Want::patient && last_key_)
    due = std::max (due, *last_key_ + key_patience);
  return due;
}

bool PublishedStream::poll_key_request (TimePoint now)
{
  if (now < poll_timeout ())
    return false;
  last_request_ = now;
  asked_ = true;
  return true;
}
} // namespace reach::cam
