// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_queue.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t npos = SIZE_MAX;

bool is_frame (const Message &m)
{
  return m.header.kind == Kind::frame;
}
// Subject to dropping; everything else is kept or refused.
bool is_media (const Message &m)
{
  return is_frame (m) && m.droppable;
}
bool is_control (const Message &m)
{
  return !is_frame (m) && m.header.kind != Kind::file_data;
}

bool nobody_needs (const Message &m)
{
  return m.frame_flags & frame_droppable;
}
} // namespace

// Few, and looked up for each frame of each receiver.
MediaQueue::Stream &MediaQueue::entry_of (std::uint16_t id)
{
  for (auto &[known, s] : streams_)
    if (known == id)
      return s;
  return streams_.emplace_back (id, Stream{}).second;
}

bool MediaQueue::refuse (const Message &m) const
{
  if (is_control (m) && control_ >= limits_.max_control)
    return true;
  const std::size_t held = bytes_ - frame_bytes_;
  return limits_.max_bytes && held && held + m.size () > limits_.max_bytes;
}

// A frame of a stream that waits for a key frame; a key frame ends the wait.
bool MediaQueue::left_out (const Message &m)
{
  Stream &s = entry_of (m.header.stream);
  if (!m.key) {
    s.deltas = true;
    // So far its frames looked independent and went one by one, the last one too.
    if (s.last_dropped && s.wait == Wait::none)
      lose_group (s);
    if (s.wait == Wait::dropped)
      count_drop (m);
  } else if (s.wait != Wait::none) {
    end_wait (s, Wait::none);
  }
  if (!nobody_needs (m)) {
    s.last = m.frame_seq;
    s.last_dropped = false;
  }
  return s.wait != Wait::none;
}

void MediaQueue::lose_group (Stream &s)
{
  stats_.gops_dropped++;
  end_wait (s, Wait::dropped);
  needs_++;
}

void MediaQueue::end_wait (Stream &s, Wait next)
{
  if (s.wait == Wait::dropped && !s.reported)
    needs_--;
  s.wait = next;
  s.reported = false;
}

void MediaQueue::account (const Message &m, bool in)
{
  const auto add = [in] (std::size_t &to, std::size_t n) { to = in ? to + n : to - n; };
  add (bytes_, m.size ());
  add (control_, is_control (m));
  if (!is_media (m))
    return;
  Stream &s = entry_of (m.header.stream);
  add (frame_bytes_, m.size ());
  add (frames_, 1);
  add (s.bytes, m.size ());
  add (s.frames, 1);
  add (s.droppable, nobody_needs (m));
}

bool MediaQueue::push (MessageRef m, TimePoint now)
{
  if (!is_media (*m) && refuse (*m))
    return false;
  if (is_frame (*m) && left_out (*m))
    return true;
  account (*m, true);
  stats_.messages++;
  queue_.push_back (std::move (m));
  enforce (now);
  return true;
}

bool MediaQueue::pass (const Message &m, TimePoint now)
{
  if (!queue_.empty ())
    return false;
  if (is_frame (m)) {
    const Stream &s = entry_of (m.header.stream);
    const bool late = limits_.max_time != Duration{} && now - m.created > limits_.max_time;
    if (s.wait != Wait::none || s.last_dropped || late)
      return false;
    left_out (m);
  }
  stats_.messages++;
  return true;
}

MessageRef MediaQueue::pop (TimePoint now)
{
  enforce (now);
  if (queue_.empty ())
    return {};
  MessageRef m = std::move (queue_.front ());
  queue_.pop_front ();
  account (*m, false);
  if (m->header.kind == Kind::caps || m->header.kind == Kind::tags)
    note_left (m);
  return m;
}

void MediaQueue::note_left (const MessageRef &m)
{
  Sticky &s = entry_of (m->header.stream).left;
  (m->header.kind == Kind::caps       ? s.caps
      : m->header.flags & tags_global ? s.global_tags
                                      : s.tags) = m;
}

MediaQueue::Sticky MediaQueue::sticky (std::uint16_t stream) const
{
  Sticky s;
  for (const auto &[id, entry] : streams_)
    if (id == stream)
      s = entry.left;
  for (auto i = queue_.begin (); !s.caps && i != queue_.end (); ++i)
    if ((*i)->header.kind == Kind::caps && (*i)->header.stream == stream)
      s.caps = *i;
  return s;
}

Duration MediaQueue::age (TimePoint now) const
{
  if (queue_.empty ())
    return {};
  return std::max (now - queue_.front ()->created, Duration{});
}

bool MediaQueue::over_bytes () const
{
  return limits_.max_bytes && bytes_ > limits_.max_bytes && frames_ > 1;
}

const Message *MediaQueue::too_old (TimePoint now) const
{
  if (limits_.max_time == Duration{} || frames_ == 0)
    return nullptr;
  const auto it = std::ranges::find_if (queue_, [] (const MessageRef &m) { return is_media (*m); });
  return now - (*it)->created > limits_.max_time ? it->get () : nullptr;
}

void MediaQueue::enforce (TimePoint now)
{
  while (over_bytes ())
    shrink_bytes ();
  while (const Message *m = too_old (now))
    shrink_old (*m);
}

// The stream with the most bytes gives.
void MediaQueue::shrink_bytes ()
{
  const auto victim = std::ranges::max_element (
      streams_, {}, [] (const auto &entry) { return entry.second.bytes; });
  const std::uint16_t id = victim->first;
  const Stream &s = victim->second;
  const auto of_victim = [&] (const Message &m) { return m.header.stream == id && over_bytes (); };
  if (s.droppable)
    drop_if ([&] (const Message &m) { return of_victim (m) && nobody_needs (m); });
  if (!over_bytes ())
    return;
  if (s.deltas)
    return drop_group (id, true);
  drop_first (of_victim);
}

void MediaQueue::shrink_old (const Message &oldest)
{
  if (entry_of (oldest.header.stream).deltas && !nobody_needs (oldest))
    return drop_group (oldest.header.stream, false);
  drop_first ([&] (const Message &m) { return &m == &oldest; });
}

// Where the newest queued key frame of a stream begins: it may be several messages (parameter sets,
// slices) of the same time.
std::size_t MediaQueue::newest_key (std::uint16_t stream) const
{
  std::size_t found = npos;
  std::int64_t pts = no_time;
  for (std::size_t i = queue_.size (); i-- > 0;) {
    const Message &m = *queue_[i];
    if (!is_media (m) || m.header.stream != stream)
      continue;
    if (found != npos && (!m.key || m.frame_pts != pts))
      break;
    if (!m.key)
      continue;
    found = i;
    pts = m.frame_pts;
  }
  return found;
}

void MediaQueue::drop_group (std::uint16_t stream, bool keep_oversized)
{
  const std::size_t key = newest_key (stream);
  const Message *first_kept = key == npos ? nullptr : queue_[key].get ();
  bool before = true, delta_before = false, first = true;
  const auto drop = [&] (const Message &m) {
    if (m.header.stream != stream)
      return false;
    before = before && &m != first_kept;
    if (!before)
      return false;
    if (first || (m.key && delta_before))
      stats_.gops_dropped++;
    first = false;
    delta_before = !m.key;
    return true;
  };
  if (first_kept && drop_if (drop) > 0)
    return;

  Stream &s = entry_of (stream);
  // A key frame above the byte limit was let in; if it had to go for the next frame, none would
  // ever be sent.
  if (!keep_oversized || s.frames == 1 || !first_kept || first_kept->size () <= limits_.max_bytes)
    first_kept = nullptr;
  drop_if ([&] (const Message &m) { return m.header.stream == stream && &m != first_kept; });
  lose_group (s);
}

// Near the front this moves little, so that dropping one frame per push stays cheap.
template <typename F> void MediaQueue::drop_first (F &&f)
{
  const auto it =
      std::ranges::find_if (queue_, [&] (const MessageRef &m) { return is_media (*m) && f (*m); });
  if (it == queue_.end ())
    return;
  const Message &m = **it;
  Stream &s = entry_of (m.header.stream);
  s.last_dropped = s.last_dropped || m.frame_seq == s.last;
  account (m, false);
  count_drop (m);
  queue_.erase (it);
}

// Asks for each queued frame once, oldest first.
template <typename F> std::size_t MediaQueue::drop_if (F &&f, bool counted)
{
  auto to = queue_.begin ();
  for (auto from = to; from != queue_.end (); ++from) {
    if (is_media (**from) && f (**from)) {
      account (**from, false);
      if (counted)
        count_drop (**from);
      continue;
    }
    if (to != from)
      *to = std::move (*from);
    ++to;
  }
  const auto n = static_cast<std::size_t> (queue_.end () - to);
  queue_.erase_from (to);
  return n;
}

void MediaQueue::count_drop (const Message &m)
{
  stats_.frames_dropped++;
  stats_.bytes_dropped += m.size ();
}

void MediaQueue::wait_for_key (std::uint16_t stream)
{
  bool key = false;
  drop_if (
      [&] (const Message &m) {
        const bool mine = m.header.stream == stream;
        key = key || (mine && m.key);
        return mine && !key;
      },
      false);
  end_wait (entry_of (stream), key ? Wait::none : Wait::joining);
}

std::optional<std::uint16_t> MediaQueue::poll_key_request ()
{
  if (needs_ == 0)
    return std::nullopt;
  for (auto &[id, s] : streams_) {
    if (s.wait != Wait::dropped || s.reported)
      continue;
    s.reported = true;
    needs_--;
    return id;
  }
  return std::nullopt;
}

bool MediaQueue::poll_dropped (Stats &delta)
{
  delta.frames_dropped = stats_.frames_dropped - polled_.frames_dropped;
  delta.bytes_dropped = stats_.bytes_dropped - polled_.bytes_dropped;
  delta.gops_dropped = stats_.gops_dropped - polled_.gops_dropped;
  delta.messages = stats_.messages - polled_.messages;
  polled_ = stats_;
  return delta.frames_dropped > 0;
}

void MediaQueue::clear ()
{
  queue_.clear ();
  streams_.clear ();
  bytes_ = frame_bytes_ = frames_ = control_ = needs_ = 0;
}
} // namespace reach::cam
