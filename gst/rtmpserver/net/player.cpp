// SPDX-License-Identifier: LGPL-2.1-or-later
#include "player.h"
#include "publication.h"

namespace reach::rtmp {
namespace {
bool is_frame (const Media &m)
{
  return !m.info.header && is_media (m.chunks->type ());
}
bool is_video (const Media &m)
{
  return m.chunks->type () == MessageType::video;
}
} // namespace

Player::Player (Publication &p, PlayerLink &link, std::uint32_t stream, const PlayerLimits &limits)
    : publication_ (p), link_ (link), stream_ (stream), limits_ (limits),
      multitrack_ (link.session ().peer ().capabilities.extensions & Capabilities::multitrack)
{
}

Player::~Player ()
{
  publication_.leave (*this);
}

void Player::start (bool any_frame, std::size_t burst)
{
  paused_ = false;
  decodable_.reset ();
  if (any_frame)
    decodable_.set ();
  burst_ = bytes_ + burst;
}

bool Player::wants_video (const MediaInfo &m)
{
  // Frames of the old configuration are no reference for those of the new one.
  if (m.header || m.key)
    decodable_.set (m.track, m.key);
  if (m.header || decodable_.test (m.track))
    return true;
  stats_.skipped++;
  return false;
}

bool Player::wants (const Media &m)
{
  if (paused_ || ending_ || (m.info.track != 0 && !multitrack_))
    return false;
  switch (m.chunks->type ()) {
  case MessageType::video:
    return video_ && wants_video (m.info);
  case MessageType::audio:
    return audio_;
  default:
    return true;
  }
}

Places Player::places () const
{
  Places p = link_.places ();
  std::ranges::copy (std::array<const void *, 2>{this, &decodable_}, p.end () - 2);
  return p;
}

// Nearly always: it wants all of it, and the connection has sent all that was before.
bool Player::pass (const Batch &b)
{
  if (!queue_.empty () || paused_ || ending_ || !audio_ || !video_ || !b.plain ())
    return false;
  if (b.has_video () && !decodable_.test (0) && !b.begins_with_key ())
    return false;
  if (!link_.pass (b))
    return false;
  if (b.has_video ())
    decodable_.set (0);
  stats_.messages += b.media ().size ();
  stats_.frames += b.video_frames ();
  stats_.bytes += b.bytes ();
  return true;
}

void Player::push (const Media &m, TimePoint now)
{
  if (!wants (m))
    return;
  if (queue_.empty () && link_.has_room ())
    return send (m);
  bytes_ += m.chunks->size ();
  queue_.push_back ({m, now});
  if (over (now))
    make_room (now);
}

void Player::send (const Media &m)
{
  burst_ -= std::min (burst_, m.chunks->size ());
  if (!link_.session ().send (stream_, m.chunks))
    return;
  sent_ = true;
  stats_.messages++;
  stats_.frames += is_video (m) && is_frame (m);
  stats_.bytes += m.chunks->size ();
}

void Player::flush ()
{
  if (std::exchange (sent_, false))
    link_.flush ();
}

void Player::pump (TimePoint now)
{
  if (!queue_.empty () && over (now))
    make_room (now);
  while (!queue_.empty () && link_.has_room ()) {
    const Item i = std::move (queue_.front ());
    queue_.pop_front ();
    bytes_ -= i.media.chunks->size ();
    send (i.media);
  }
  if (queue_.empty ()) {
    full_ = false;
    burst_ = 0;
    if (ending_)
      say_end ();
  }
  flush ();
}

// What came as a burst may wait, though it is more than the limit.
bool Player::over (TimePoint now) const
{
  return bytes_ > limits_.bytes + burst_ ||
         (limits_.messages > 0 && burst_ == 0 && queue_.size () > limits_.messages) ||
         (limits_.time > Duration::zero () && burst_ == 0 &&
             now - queue_.front ().since > limits_.time);
}

template <typename F> std::size_t Player::drop_if (F &&unwanted)
{
  const std::size_t n = erase_if (queue_, [&] (const Item &i) {
    if (!unwanted (i.media))
      return false;
    bytes_ -= i.media.chunks->size ();
    return true;
  });
  stats_.dropped += n;
  return n;
}

// Of each video track, all in front of its newest key frame.
void Player::drop_to_keys ()
{
  std::array<std::size_t, 256> newest{};
  for (std::size_t i = 0; i < queue_.size (); i++)
    if (const Media &m = queue_[i].media; is_video (m) && m.info.key && !m.info.header)
      newest[m.info.track] = i;
  std::size_t at = 0;
  drop_if ([&] (const Media &m) {
    const std::size_t i = at++;
    return is_video (m) && is_frame (m) && i < newest[m.info.track];
  });
}

// Half of the limits in bytes and time; key frame or not.
void Player::drop_to_soft_limits (TimePoint now)
{
  std::size_t at = 0, left = queue_.size ();
  drop_if ([&] (const Media &m) {
    const Item &i = queue_[at++];
    const bool within = bytes_ <= limits_.bytes / 2 &&
                        (limits_.messages_soft == 0 || left <= limits_.messages_soft) &&
                        (limits_.time == Duration::zero () || now - i.since <= limits_.time / 2);
    const bool drop = !within && !m.info.header;
    left -= drop ? 1 : 0;
    return drop;
  });
}

// With no frame between them, only the newest of each kind says anything.
void Player::drop_old_headers ()
{
  std::map<std::pair<MessageType, std::uint8_t>, std::size_t> newest;
  const auto which = [] (const Media &m) { return std::pair (m.chunks->type (), m.info.track); };
  for (std::size_t i = 0; i < queue_.size (); i++)
    newest[which (queue_[i].media)] = i;
  std::size_t at = 0;
  erase_if (queue_, [&] (const Item &i) {
    if (at++ == newest[which (i.media)])
      return false;
    bytes_ -= i.media.chunks->size ();
    return true;
  });
}

void Player::make_room (TimePoint now)
{
  const std::uint64_t before = stats_.dropped;
  if (!std::exchange (full_, true))
    stats_.times_full++;
  if (limits_.recover == RecoverPolicy::none) {
    drop_if ([] (const Media &) { return true; });
    paused_ = true;
    return link_.give_up ();
  }
  burst_ = 0;
  const auto still_over = [&] { return !queue_.empty () && over (now); };
  if (limits_.recover == RecoverPolicy::keyframe) {
    drop_to_keys ();
    if (still_over () && drop_if ([] (const Media &m) { return is_video (m) && is_frame (m); })) {
      decodable_.reset ();
      publication_.want_key (true, now);
    }
  }
  const bool soft = limits_.recover == RecoverPolicy::soft_limit;
  if (soft)
    drop_to_soft_limits (now);
  if (soft ? bytes_ > limits_.bytes : still_over ()) {
    drop_if ([] (const Media &m) { return !m.info.header; });
    drop_old_headers ();
  }
  // What is left is small, and has to come.
  for (Item &i : queue_)
    i.since = now;
  publication_.queue_full (*this, stats_.dropped - before);
}

void Player::pause (bool on, TimePoint now)
{
  if (on == paused_)
    return;
  queue_.clear ();
  bytes_ = burst_ = 0;
  if (!on)
    return publication_.start (*this, now);
  paused_ = true;
  link_.session ().drop_media (stream_);
}

void Player::receive (bool audio, bool video, TimePoint now)
{
  const bool more_audio = audio && !audio_, more_video = video && !video_;
  audio_ = audio;
  video_ = video;
  erase_if (queue_, [&] (const Item &i) {
    const MessageType t = i.media.chunks->type ();
    const bool gone = (t == MessageType::audio && !audio) || (t == MessageType::video && !video);
    if (gone)
      bytes_ -= i.media.chunks->size ();
    return gone;
  });
  if (paused_ || (!more_audio && !more_video))
    return;
  if (more_video) {
    decodable_.reset ();
    publication_.want_key (false, now);
  }
  publication_.send_headers (*this, now, more_audio, more_video); // they may have changed
  flush ();
}

void Player::end (TimePoint now)
{
  ending_ = true;
  pump (now);
}

void Player::say_end ()
{
  ending_ = false;
  paused_ = true;
  Session &s = link_.session ();
  s.send_user_control (UserControl::stream_eof, stream_);
  s.send_status (stream_, {code::play_unpublish_notify, "the publisher has ended"});
  s.send_status (stream_, {code::play_stop, "stopped playing"});
  sent_ = true;
}

Player::Stats Player::stats (TimePoint now) const
{
  Stats s = stats_;
  s.queued_bytes = bytes_;
  s.queued_messages = queue_.size ();
  if (!queue_.empty ())
    s.queued_time = now - queue_.front ().since;
  return s;
}
} // namespace reach::rtmp
