// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.h"
#include <algorithm>

namespace reach::rtmp {

Session::Session (const Config &config, StorageSource &storage, TimePoint now)
    : config_ (config), handshake_ (config.crypto), reader_ (storage, config.limits), start_ (now),
      heard_ (now), pinged_ (now), window_in_ (config.window)
{
  reader_.limit (config.limits.before_publish);
}

void Session::input (Bytes in, TimePoint now)
{
  if (ended ())
    return;
  stats_.bytes_in += in.size ();
  heard_ = now;
  if (phase_ == Phase::handshake) {
    in = handshake_.input (in);
    if (auto bytes = handshake_.poll_transmit (); !bytes.empty ())
      out_.control (std::move (bytes));
    if (handshake_.state () == Handshake::State::refused)
      return end (EndReason::not_rtmp, "no RTMP version");
    if (handshake_.state () == Handshake::State::done)
      phase_ = Phase::connect;
  }
  if (in.empty () || phase_ == Phase::handshake)
    return;
  sequence_ += static_cast<std::uint32_t> (in.size ());
  reader_.input (in);
  while (auto m = reader_.poll ())
    if (!ended ())
      receive (std::move (*m), now);
  if (!ended () && reader_.fault () != ChunkReader::Fault::none)
    end (EndReason::malformed, fault_name (reader_.fault ()));
  if (!ended ())
    acknowledge ();
  check_replies ();
}

void Session::receive (Message m, TimePoint now)
{
  stats_.messages_in++;
  switch (m.type) {
  case MessageType::set_chunk_size: // the reader's
  case MessageType::abort:
    return;
  case MessageType::window_ack_size:
  case MessageType::set_peer_bandwidth:
    return receive_bandwidth (m);
  case MessageType::acknowledgement:
    return receive_acknowledgement (ByteReader (m.payload.bytes).u32 ());
  case MessageType::user_control:
    return receive_user_control (m, now);
  case MessageType::command_amf0:
  case MessageType::command_amf3:
    return receive_command (m);
  case MessageType::aggregate:
    if (auto parts = split_aggregate (m, config_.limits.aggregate_parts)) {
      for (Message &part : *parts)
        receive_media (std::move (part));
      return;
    }
    return end (EndReason::too_much, "an aggregate of too many messages");
  default:
    return receive_media (std::move (m));
  }
}

void Session::receive_media (Message m)
{
  if (m.type == MessageType::data_amf3) { // a format byte, then AMF0
    const Bytes b = m.payload.bytes;
    m.type = MessageType::data_amf0;
    if (!b.empty () && b.front () == 0)
      m.payload = m.payload.sub (1, b.size () - 1);
  }
  const bool known = m.type == MessageType::audio || m.type == MessageType::video ||
                     m.type == MessageType::data_amf0;
  const auto s = streams_.find (m.stream);
  if (!known || s == streams_.end ())
    stats_.ignored++;
  else
    deliver (s->second, std::move (m));
}

// In front of the verdict a little is kept: some clients do not wait for it, and the first messages
// say how to decode the rest.
void Session::deliver (NetStream &s, Message m)
{
  if (s.use == Use::publishing) {
    events_.emplace_back (Received{std::move (m)});
    return;
  }
  const std::size_t cost = m.payload.size () + sizeof (Message);
  std::size_t held = 0;
  for (const auto &[id, stream] : streams_)
    held += stream.held_bytes;
  if (s.use == Use::asked_publish && held + cost <= config_.limits.before_publish) {
    s.held_bytes += cost;
    s.held.push_back (std::move (m));
  } else {
    stats_.ignored++;
  }
}

void Session::end (EndReason why, std::string detail)
{
  if (ended ())
    return;
  phase_ = Phase::ended;
  requests_.clear ();
  held_.clear ();
  streams_.clear ();
  events_.emplace_back (Ended{why, std::move (detail)});
}

// A client that asks and does not read what it is told.
void Session::check_replies ()
{
  if (out_.control_bytes () + out_.ordered_bytes () > config_.limits.replies)
    end (EndReason::too_much, "replies are not read");
}

void Session::close (std::string detail)
{
  end (EndReason::closed, std::move (detail));
}

void Session::timeout (TimePoint now)
{
  const Limits &l = config_.limits;
  if (ended () || now < poll_timeout ())
    return;
  if (phase_ == Phase::handshake || phase_ == Phase::connect)
    return end (EndReason::handshake_timeout, "no connect command in time");
  if (l.idle > Duration::zero () && now >= heard_ + l.idle)
    return end (EndReason::idle, "nothing came for too long");
  if (phase_ == Phase::connected && now >= pinged_ + l.ping)
    quiet_ ? void (pinged_ = now) : ping (now);
  check_replies ();
}

TimePoint Session::poll_timeout () const
{
  const Limits &l = config_.limits;
  if (ended ())
    return TimePoint::max ();
  if (phase_ == Phase::handshake || phase_ == Phase::connect)
    return start_ + l.handshake;
  const TimePoint idle = l.idle > Duration::zero () ? heard_ + l.idle : TimePoint::max ();
  return phase_ == Phase::connected ? std::min (idle, pinged_ + l.ping) : idle;
}

std::optional<Event> Session::poll_event ()
{
  crowded_ |= events_.size () > kept_events;
  if (events_.empty ()) {
    if (std::exchange (crowded_, false))
      std::deque<Event> ().swap (events_); // it keeps what many have taken
    return std::nullopt;
  }
  Event e = std::move (events_.front ());
  events_.pop_front ();
  return e;
}

Slice Session::poll_transmit ()
{
  Slice s = out_.poll ();
  stats_.bytes_out += s.size ();
  return s;
}

SharedChunksRef Session::frame (
    MessageType type, std::uint32_t timestamp, Slice payload, std::uint32_t stream) const
{
  return SharedChunksRef::make (type, timestamp, std::move (payload), stream, config_.chunk_size);
}

bool Session::send (std::uint32_t stream, const SharedChunksRef &m)
{
  const auto at = streams_.find (stream);
  if (at == streams_.end () || at->second.use != Use::playing || at->second.paused)
    return false;
  const NetStream &s = at->second;
  if ((m->type () == MessageType::audio && !s.audio) ||
      (m->type () == MessageType::video && !s.video))
    return false;
  if (m->stream () == stream && m->chunk_size () == config_.chunk_size)
    out_.media (m);
  else
    out_.media (frame (m->type (), m->timestamp (), m->payload (), stream));
  return true;
}

Use Session::use_of (std::uint32_t stream) const
{
  const auto s = streams_.find (stream);
  return s == streams_.end () ? Use::idle : s->second.use;
}

Session::Stats Session::stats () const
{
  Stats s = stats_;
  s.chunk_size_in = reader_.chunk_size ();
  s.window_in = window_in_;
  return s;
}

const char *end_reason_name (EndReason r)
{
  switch (r) {
  case EndReason::not_rtmp:
    return "not RTMP";
  case EndReason::malformed:
    return "malformed";
  case EndReason::too_much:
    return "too much";
  case EndReason::handshake_timeout:
    return "handshake timeout";
  case EndReason::idle:
    return "idle";
  case EndReason::rejected:
    return "rejected";
  case EndReason::closed:
    return "closed";
  }
  return "?";
}
} // namespace reach::rtmp
