// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session_events.h"
#include <algorithm>

namespace reach::cam {
namespace {
std::optional<LinkEvent> pop (Fifo<LinkEvent> &events)
{
  if (events.empty ())
    return std::nullopt;
  LinkEvent e = std::move (events.front ());
  events.pop_front ();
  return e;
}
} // namespace

const char *event_name (EventType t)
{
  static constexpr const char *names[] = {"channel-opened", "connecting", "connected",
      "connect-error", "disconnected", "channel-closed", "session-connected",
      "session-disconnected"};
  return names[static_cast<std::size_t> (t)];
}

PullSession::PullSession (std::uint64_t session_key, std::uint8_t media_types, std::string peer)
    : session_key_ (session_key), media_types_ (media_types & all_types), peer_ (std::move (peer))
{
  for (std::size_t i = 0; i < n_media_types; i++)
    if (media_types_ & type_bit (static_cast<MediaType> (i)))
      channels_[i].state = State::waiting;
}

void PullSession::open (MediaType t, std::uint64_t link_key)
{
  Channel &c = at (t);
  if (c.state != State::waiting || ending_ || link_key == 0)
    return;
  c.state = State::connecting;
  c.link_key = link_key;
  channel_event (EventType::channel_opened, t);
  channel_event (EventType::connecting, t);
}

void PullSession::connected (MediaType t, std::uint64_t remote_session_key)
{
  Channel &c = at (t);
  // A session that ends closes its channels; one that comes up meanwhile must not be announced.
  if (c.state != State::connecting || ending_)
    return;
  c.state = State::connected;
  c.remote_session_key = remote_session_key_ = remote_session_key;
  channel_event (EventType::connected, t);
  const bool all = std::ranges::all_of (channels_, [] (const Channel &other) {
    return other.state == State::unused || other.state == State::connected;
  });
  if (!all)
    return;
  established_ = true;
  session_event (EventType::session_connected, c.link_key);
}

void PullSession::failed (MediaType t, std::string detail)
{
  end (t, std::move (detail));
}
void PullSession::closed (MediaType t, std::string detail)
{
  end (t, std::move (detail));
}

void PullSession::end (MediaType t, std::string detail)
{
  Channel &c = at (t);
  const State was = c.state;
  if (was == State::unused || was == State::ended)
    return;
  c.state = State::ended;
  if (was != State::waiting) {
    const bool up = was == State::connected;
    channel_event (up ? EventType::disconnected : EventType::connect_error, t, detail);
    channel_event (EventType::channel_closed, t, detail);
    if (ending_link_ == 0) {
      ending_link_ = c.link_key;
      ending_detail_ = std::move (detail);
    }
  }
  close ();
}

void PullSession::close ()
{
  ending_ = true;
  // Channels not opened yet have nothing to close.
  for (Channel &c : channels_)
    if (c.state == State::waiting)
      c.state = State::ended;
  finish_if_ended ();
}

void PullSession::finish_if_ended ()
{
  if (over_ || open_channels () > 0)
    return;
  over_ = true;
  if (ending_link_ != 0)
    session_event (EventType::session_disconnected, ending_link_, ending_detail_);
}

bool PullSession::wants_close (MediaType t) const
{
  const State s = at (t).state;
  return ending_ && (s == State::connecting || s == State::connected);
}

unsigned PullSession::open_channels () const
{
  return static_cast<unsigned> (std::ranges::count_if (channels_, [] (const Channel &c) {
    return c.state == State::connecting || c.state == State::connected;
  }));
}

void PullSession::channel_event (EventType e, MediaType t, std::string detail)
{
  const Channel &c = at (t);
  events_.push_back (
      {e, 0, c.remote_session_key, c.link_key, type_bit (t), peer_, std::move (detail)});
}

void PullSession::session_event (EventType e, std::uint64_t link_key, std::string detail)
{
  events_.push_back (
      {e, session_key_, remote_session_key_, link_key, media_types_, peer_, std::move (detail)});
}

std::optional<LinkEvent> PullSession::poll_event ()
{
  return pop (events_);
}

void PushLinkEvents::connecting ()
{
  if (state_ != State::idle)
    return;
  state_ = State::connecting;
  event (EventType::connecting);
}

void PushLinkEvents::connected (std::uint64_t remote_session_key)
{
  if (state_ != State::connecting)
    return;
  state_ = State::connected;
  id_.remote_session_key = remote_session_key;
  event (EventType::connected);
}

void PushLinkEvents::ended (std::string detail)
{
  const State was = state_;
  state_ = State::ended;
  if (was == State::connecting)
    event (EventType::connect_error, std::move (detail));
  else if (was == State::connected)
    event (EventType::disconnected, std::move (detail));
}

void PushLinkEvents::event (EventType e, std::string detail)
{
  events_.push_back ({e, id_.session_key, id_.remote_session_key, id_.link_key, id_.media_types,
      id_.peer, std::move (detail)});
}

std::optional<LinkEvent> PushLinkEvents::poll_event ()
{
  return pop (events_);
}
} // namespace reach::cam
