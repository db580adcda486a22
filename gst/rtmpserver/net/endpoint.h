// SPDX-License-Identifier: LGPL-2.1-or-later
// What an element is for the server that it shares with others. Everything is called on the loop
// and must not block.
//
// A decision (`on_…` with a RequestId) is answered by Connection::decide (), at once or later;
// from other threads through a ConnectionHandle. Without an answer in time it is a no.
#pragma once
#include "guard.h"
#include "ingest.h"
#include "outlet.h"
#include "rtmpserver/proto/session_events.h"
#include <memory>

namespace reach::rtmp {
class Connection;

// How a connection ended, for the endpoint that has claimed it.
struct ConnectionEnd {
  enum class Cause : std::uint8_t {
    client,   // it closed, or its network did
    bad_peer, // against the rules or the limits
    timeout,  // idle, or too slow
    local,    // this side closed it
  };
  Cause cause = Cause::client;
  std::string detail; // for a log
};
const char *cause_name (ConnectionEnd::Cause c);

class Endpoint {
public:
  // How much an endpoint wants a publisher: the largest gets it.
  enum class Wants : std::uint8_t {
    no,
    taken, // the name is its own, and has a publisher that is not to be replaced
    any,   // it takes whoever comes next
    named,
  };

  virtual ~Endpoint () = default;
  virtual bool serves (const Name &app) = 0;
  virtual Wants publishes (const Connection &c, const Name &stream) = 0;
  virtual bool plays (const Connection &c, const Name &stream) = 0;
  // Whether it is there for publishers, else for players; whom of them it lets in. Null: all.
  virtual bool takes_publishers () const = 0;
  virtual Guard *guard () const = 0;

  // Of endpoints that serve its application, the first that says yes claims the connection; what
  // the client says is in c.peer (). The calls further down come to the claimer only.
  virtual void on_connect (Connection &c, RequestId id) = 0;
  // It was asked something, has not claimed the connection, and that is gone.
  virtual void on_refused (Connection &c) = 0;
  virtual void on_create_stream (Connection &c, RequestId id) = 0;
  virtual void on_call (Connection &c, const CallRequest &call) = 0; // see Connection::answer ()
  virtual void on_call_result (Connection &c, const CallResult &result) = 0;
  virtual void on_closed (Connection &c, const ConnectionEnd &end) = 0;

  // Decisions of the endpoint that has the name, and what follows a yes: null when the name was
  // taken by another one in the meantime.
  virtual void on_publish (Connection &c, const PublishRequest &r) = 0;
  virtual std::shared_ptr<Ingest> open_ingest (Connection &c, const PublishRequest &r) = 0;
  virtual void on_play (Connection &c, const PlayRequest &r) = 0;
  virtual std::unique_ptr<Outlet> open_outlet (Connection &c, const PlayRequest &r) = 0;
  virtual void on_pause (Connection &c, const PauseRequest &r) = 0;
};
} // namespace reach::rtmp
