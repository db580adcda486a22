// SPDX-License-Identifier: LGPL-2.1-or-later
// What a sender's links tell of its streams: when they may, in which words, and after a change.
#include "sender_engine.h"
#include <algorithm>

namespace reach::cam {
namespace {
// How long the stream list waits for streams that have no caps yet. A promised stream that stays
// silent delays the others by no more than this, once.
constexpr Duration caps_grace = milliseconds (800), caps_patience = milliseconds (1200);
} // namespace

// What a hello must tell those who join later.
void SenderEngine::note_sticky (const Message &m)
{
  const auto it = streams_.find (m.header.stream);
  if (it == streams_.end ())
    return;
  StreamInfo &s = it->second;
  const Bytes b = m.body ();
  if (m.header.kind == Kind::caps) {
    s.caps.assign (reinterpret_cast<const char *> (b.data ()), b.size ());
    s.eos = false;
  } else if (m.header.kind == Kind::tags) {
    (m.header.flags & tags_global ? s.global_tags : s.tags).assign (b.begin (), b.end ());
  } else if (m.header.kind == Kind::eos) {
    s.eos = true;
  }
}

// Links open when every stream has caps, so that the list they tell is worth acting on.
bool SenderEngine::streams_known () const
{
  if (!started_)
    return false;
  const auto known = [] (const auto &p) { return !p.second.caps.empty () || p.second.eos; };
  return welcome_anyway_ || std::all_of (streams_.begin (), streams_.end (), known) ||
         (grace_over_ && std::any_of (streams_.begin (), streams_.end (), known));
}

void SenderEngine::streams_maybe_known ()
{
  if (!started_ || stopping_)
    return;
  bool wanted = false;
  for (const auto &s : subscribers_)
    wanted = wanted || s->waiting ();
  for (const auto &c : channels_)
    wanted = wanted || (c && c->due ());
  if (!wanted)
    return;
  if (!streams_known () && !grace_->armed ()) {
    grace_->arm (Clock::now () + (grace_over_ ? caps_patience : caps_grace));
    return;
  }
  if (!streams_known ())
    return;
  for (const auto &s : subscribers_)
    if (s->waiting ())
      s->welcome ();
  for (const auto &c : channels_)
    if (c && !c->link ())
      c->pump ();
}

StreamList SenderEngine::stream_list () const
{
  StreamList l;
  l.list_complete = true;
  for (const auto &[id, info] : streams_)
    l.streams.push_back (settings_.mode == Mode::caller ? before_queue (info) : info);
  return l;
}

// In push the queue waits for the link, with caps and tags in their place: a list that told the
// newest would tell them ahead of their frames, and then again.
StreamInfo SenderEngine::before_queue (StreamInfo s) const
{
  const auto &c = channels_[static_cast<std::size_t> (s.type)];
  const MediaQueue::Sticky q = c->queue ().sticky (s.id);
  const auto bytes = [] (const MessageRef &m) { return m ? m->body () : Bytes (); };
  const auto put = [] (auto &to, Bytes from) { to.assign (from.begin (), from.end ()); };
  if (q.caps)
    put (s.caps, bytes (q.caps));
  put (s.tags, bytes (q.tags));
  put (s.global_tags, bytes (q.global_tags));
  return s;
}

Hello SenderEngine::hello (MediaType type, std::uint64_t link_key) const
{
  const auto clock = element_.read_clock ();
  Hello h;
  h.role = LinkRole::sender;
  h.type = type;
  h.media_types = type_bit (type);
  h.run_id = run_id_;
  h.session_key = session_key_;
  h.link_key = link_key;
  h.temporary_guid = identity_.use_guid && identity_.temporary;
  if (identity_.use_guid)
    h.guid = identity_.guid;
  h.guid_to = identity_.guid_to;
  h.guid_group = identity_.guid_group;
  if (settings_.mode == Mode::caller)
    h.token = identity_.token;
  h.running_time = clock.running_time;
  h.latency = clock.latency;
  h.latency_ms = static_cast<std::uint32_t> (
      std::chrono::duration_cast<milliseconds> (settings_.latency).count ());
  h.timeout_ms = timeout_ms (settings_.timeout (type));
  StreamList l = stream_list ();
  h.list_complete = l.list_complete;
  h.streams = std::move (l.streams);
  return h;
}

MessageRef SenderEngine::streams_message () const
{
  return Message::control (
      Kind::streams, MediaType::data, 0, encode (stream_list ()), Clock::now ());
}

// The list changed while links are open.
void SenderEngine::tell_streams ()
{
  const auto m = streams_message ();
  for (auto &c : channels_)
    if (c && c->open ())
      c->link ()->send_control (m);
  for (auto &v : listeners_)
    for (Subscriber *s : v)
      s->link ().send_control (m);
}
} // namespace reach::cam
