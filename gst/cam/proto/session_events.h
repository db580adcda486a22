// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of events, which is part of the contract with applications
// (docs/modes-of-connections.md):
//
//   channel   channel-opened → connecting → connected → disconnected → channel-closed
//                                        ↘ connect-error → channel-closed
//   session   all channels connected → session-connected, once
//             the first end of a channel ends the session: the others are closed, and when the last
//             has ended → session-disconnected, once, the last event of all
//
// No I/O: the owner reports what happened, in any order and also too late, and takes events.
#pragma once
#include "common/proto/fifo.h"
#include "message.h"
#include <string>

namespace reach::cam {

enum class EventType : std::uint8_t {
  channel_opened,
  connecting,
  connected,
  connect_error,
  disconnected,
  channel_closed,
  session_connected,
  session_disconnected
};
const char *event_name (EventType t); // "channel-opened" …

struct LinkEvent {
  EventType type{};
  std::uint64_t session_key = 0, remote_session_key = 0; // remote: 0 until the peer told it
  std::uint64_t link_key = 0; // session events: of the channel that completed it or began its end
  std::uint8_t media_types = 0;
  std::string peer, detail;
};

// The receiver's side of pull: one channel per requested media type of one sender. A session is not
// opened again: the next attempt is a new one, with new keys.
class PullSession {
public:
  PullSession (std::uint64_t session_key, std::uint8_t media_types, std::string peer);

  // Each call is ignored when the channel is not in a state for it, so late ones do no harm.
  // link_key: new for each attempt, not 0.
  void open (MediaType t, std::uint64_t link_key);
  void connected (MediaType t, std::uint64_t remote_session_key);
  // Could not connect, or was cut.
  void failed (MediaType t, std::string detail);
  // The owner closed it.
  void closed (MediaType t, std::string detail);
  // The application ends the session: every open channel wants to be closed.
  void close ();

  // The owner must close this one and then call closed ().
  bool wants_close (MediaType t) const;
  std::optional<LinkEvent> poll_event ();
  // Nothing will happen any more. A session of which no channel was opened ends without an event.
  bool over () const { return over_; }
  bool established () const { return established_ && !ending_; }
  unsigned open_channels () const;

private:
  enum class State : std::uint8_t { unused, waiting, connecting, connected, ended };
  struct Channel {
    State state = State::unused;
    std::uint64_t link_key = 0, remote_session_key = 0;
  };
  Channel &at (MediaType t) { return channels_[static_cast<std::size_t> (t)]; }
  const Channel &at (MediaType t) const { return channels_[static_cast<std::size_t> (t)]; }
  void end (MediaType t, std::string detail);
  void finish_if_ended ();
  void channel_event (EventType e, MediaType t, std::string detail = {});
  void session_event (EventType e, std::uint64_t link_key, std::string detail = {});

  const std::uint64_t session_key_;
  const std::uint8_t media_types_;
  const std::string peer_;
  std::array<Channel, n_media_types> channels_;
  std::uint64_t remote_session_key_ = 0, ending_link_ = 0;
  std::string ending_detail_;
  bool established_ = false, ending_ = false, over_ = false;
  Fifo<LinkEvent> events_;
};

// A link without channel and session events: both ends of push, and the sender's end of pull.
// connecting → connected → disconnected, or connecting → connect-error.
class PushLinkEvents {
public:
  // The sender's end: its own session key and the one type. The receiver's end of push: 0 for both.
  struct Identity {
    std::uint64_t link_key = 0, session_key = 0, remote_session_key = 0;
    std::uint8_t media_types = 0;
    std::string peer;
  };
  explicit PushLinkEvents (Identity id) : id_ (std::move (id)) {}

  void connecting ();
  void connected (std::uint64_t remote_session_key);
  // Could not connect, was cut or closed, whoever did it.
  void ended (std::string detail);
  // What an accepted link serves is known only from the peer's hello. For the events from now on.
  void set_media_types (std::uint8_t types) { id_.media_types = types; }

  std::optional<LinkEvent> poll_event ();
  bool over () const { return state_ == State::ended; }
  bool established () const { return state_ == State::connected; }

private:
  enum class State : std::uint8_t { idle, connecting, connected, ended };
  void event (EventType e, std::string detail = {});

  Identity id_;
  State state_ = State::idle;
  Fifo<LinkEvent> events_;
};
} // namespace reach::cam
