// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publication.h"
#include "common/prefetch.h"
#include <algorithm>

namespace reach::rtmp {

Publication::Publication (Owner &owner, const Settings &settings, std::uint32_t chunk_size)
    : owner_ (owner), settings_ (settings), chunk_size_ (chunk_size)
{
}

Publication::~Publication () = default;

SharedChunksRef Publication::frame (
    MessageType type, std::uint32_t timestamp, Slice body, std::uint32_t stream) const
{
  return SharedChunksRef::make (type, timestamp, std::move (body), stream, chunk_size_);
}

// For streams that few have: however many those are, they hold no copy.
Media Publication::framed_for (const Media &m, std::uint32_t stream) const
{
  const SharedChunks &c = *m.chunks;
  return {SharedChunksRef::make (c.type (), c.timestamp (), c.payload (), stream, chunk_size_,
              SharedChunks::Join::never),
      m.info};
}

// At time 0 always: FFmpeg takes metadata of a later time for a further stream, of subtitles.
void Publication::metadata (Slice body, TimePoint now)
{
  metadata_ = body;
  hold ({frame (MessageType::data_amf0, 0, std::move (body), usual_stream), {0, false, true}}, now);
}

// False: it is the same once more.
bool Publication::note_header (MessageType type, const Slice &body, const MediaInfo &info)
{
  const auto at = std::ranges::find_if (
      headers_, [&] (const Header &h) { return h.type == type && h.track == info.track; });
  if (at == headers_.end ()) {
    headers_.push_back ({type, info.track, body});
    return true;
  }
  if (std::ranges::equal (at->body.bytes, body.bytes))
    return false;
  at->body = body;
  // What was kept cannot be decoded with the new one.
  forget ();
  return true;
}

void Publication::media (
    MessageType type, std::uint32_t timestamp, Slice body, const MediaInfo &info, TimePoint now)
{
  if (info.header && !note_header (type, body, info))
    return;
  newest_ = timestamp;
  messages_++;
  bytes_ += body.size ();
  if (type == MessageType::video && info.key && !info.header && info.track == 0) {
    key_asked_ = false;
    patient_since_ = TimePoint::max ();
  }
  Media m{frame (type, timestamp, std::move (body), usual_stream), info};
  keep (m);
  hold (std::move (m), now);
  if (now - key_patience >= patient_since_) {
    patient_since_ = TimePoint::max ();
    want_key (false, now);
  }
}

void Publication::keep (const Media &m)
{
  if (settings_.gop_bytes == 0 || settings_.sync < SyncMethod::latest_keyframe)
    return;
  const bool begins =
      m.chunks->type () == MessageType::video && m.info.key && !m.info.header && m.info.track == 0;
  if (bursts ())
    return keep_for_bursts (m, begins);
  if (begins)
    forget ();
  else if (gop_.empty ())
    return;
  if (m.info.header)
    return; // who joins has it already
  gop_bytes_ += m.chunks->size ();
  gop_.push_back (m);
  if (gop_bytes_ > settings_.gop_bytes || gop_.size () > settings_.gop_messages)
    forget ();
}

void Publication::forget ()
{
  gop_.clear ();
  other_gops_.clear ();
  gop_bytes_ = 0;
  keys_.clear ();
}

// With a merge time, video leaves as soon as that has passed since the last time and takes along
// what waits; the rest waits for video that long. A tenth is left for frames that come early.
void Publication::hold (Media m, TimePoint now)
{
  if (players_.empty ())
    return;
  const bool video = m.chunks->type () == MessageType::video;
  pending_.add (std::move (m));
  const Duration merge = settings_.merge;
  const TimePoint soonest = std::max (now, delivered_ + merge - merge / 10);
  due_ = std::min (due_, video ? soonest : std::max (soonest, now + merge));
  if (pending_.bytes () > max_held)
    due_ = now;
}

void Publication::timeout (TimePoint now)
{
  if (now >= due_)
    deliver (now);
}

// What is pending, framed for those whose stream has this id.
const Batch &Publication::batch_for (std::uint32_t stream)
{
  if (stream == usual_stream)
    return pending_;
  const auto at = std::ranges::find (others_, stream, &Batch::stream);
  if (at != others_.end ())
    return *at;
  Batch &b = others_.emplace_back (stream);
  b.set_time (pending_.time ());
  for (const Media &m : pending_.media ())
    b.add (framed_for (m, stream));
  return b;
}

// One player after the other gets all that is due and writes it: what belongs to it is looked at
// once, while it is in the processor's cache.
void Publication::deliver (TimePoint now)
{
  due_ = TimePoint::max ();
  delivered_ = now;
  pending_.set_time (now);
  for (std::size_t i = 0; i < players_.size (); i++) {
    if (i + 1 < players_.size ())
      prefetch (players_[i + 1].places);
    Player &p = *players_[i].player;
    const Batch &b = batch_for (p.stream_);
    if (p.pass (b))
      continue;
    for (const Media &m : b.media ())
      p.push (m, now);
    p.flush ();
  }
  pending_.clear ();
  others_.clear ();
}

void Publication::send_headers (Player &p, TimePoint now, bool audio, bool video)
{
  const std::uint32_t timestamp = gop_.empty () ? newest_ : gop_.front ().chunks->timestamp ();
  for (const Header &h : headers_)
    if (h.type == MessageType::audio ? audio : video)
      p.push (header_for (p, h.type, timestamp, h.body, h.track), now);
}

// A player's own: it may wait for long, so the body is not copied into it.
Media Publication::header_for (const Player &p, MessageType type, std::uint32_t timestamp,
    Slice body, std::uint8_t track) const
{
  return {SharedChunksRef::make (
              type, timestamp, std::move (body), p.stream_, chunk_size_, SharedChunks::Join::never),
      {track, false, true}};
}

// Joins, which come as often as clients like, put nothing together that was put together before.
const std::deque<Media> &Publication::gop_for (std::uint32_t stream)
{
  if (stream == usual_stream)
    return gop_;
  auto &all = other_gops_[stream];
  while (all.size () < gop_.size ())
    all.push_back (framed_for (gop_[all.size ()], stream));
  return all;
}

// What a player gets first: what was said before, then the group of pictures under way.
void Publication::start (Player &p, TimePoint now)
{
  if (pending_.bytes () > 0)
    deliver (now); // it is in the cache too
  const Backlog b = backlog ();
  p.start (b.any_frame, b.bytes);
  if (metadata_.size () > 0)
    p.push (header_for (p, MessageType::data_amf0, 0, metadata_, 0), now);
  send_headers (p, now, true, true);
  if (b.any_frame)
    p.decodable_.set ();
  const auto &gop = gop_for (p.stream_);
  for (std::size_t i = b.first; i < gop.size (); i++)
    p.push (gop[i], now);
  p.flush ();
  if (gop_.empty () && !b.any_frame)
    want_key (false, now);
}

std::unique_ptr<Player> Publication::join (PlayerLink &link, std::uint32_t stream, TimePoint now)
{
  if (settings_.idle && players_.empty ())
    forget ();
  auto p = std::unique_ptr<Player> (new Player (*this, link, stream, settings_.player));
  start (*p, now); // before it is in the list: what is pending is not for it
  p->index_ = static_cast<std::uint32_t> (players_.size ());
  players_.push_back ({p.get (), p->places ()});
  if (ended_)
    p->end (now);
  owner_.players_changed (players_.size ());
  return p;
}

void Publication::leave (Player &p)
{
  players_[p.index_] = players_.back ();
  players_[p.index_].player->index_ = p.index_;
  players_.pop_back ();
  if (players_.empty ()) {
    pending_.clear ();
    due_ = TimePoint::max ();
  }
  owner_.players_changed (players_.size ());
}

void Publication::want_key (bool patient, TimePoint now)
{
  if (patient) {
    patient_since_ = std::min (patient_since_, now);
    return;
  }
  if (key_asked_ && now - asked_ < key_interval)
    return;
  key_asked_ = true;
  asked_ = now;
  owner_.key_wanted ();
}

void Publication::end (TimePoint now)
{
  if (pending_.bytes () > 0)
    deliver (now);
  ended_ = true;
  for (const Member &m : players_)
    m.player->end (now);
}

bool Publication::drained () const
{
  return std::ranges::all_of (players_, [] (const Member &m) { return m.player->drained (); });
}
} // namespace reach::rtmp
