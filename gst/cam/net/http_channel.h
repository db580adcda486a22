// SPDX-License-Identifier: LGPL-2.1-or-later
// A channel of an HTTP server: the transport whose peer is an HTTP client. It outlives single
// requests and connections. Here: its place in the service's table, and the numbered POSTs that
// carry what the client sends.
#pragma once
#include "cam/proto/message_reader.h"
#include "common/proto/http1_text.h"
#include "common/shares.h"
#include "http_server_connection.h"
#include "transport.h"
#include <map>

namespace reach::cam {
class HttpService;

class HttpChannel : public Transport {
public:
  // place: what it holds until it is let in.
  HttpChannel (
      HttpService &service, std::string id, MediaType type, std::string peer, Shares::Place place);
  ~HttpChannel () override;

  void start (Owner &owner) override;
  void limit_messages (std::size_t most) override;
  std::string peer () const override { return peer_; }
  TransportStats stats () const override;
  TlsInfo security () const override { return security_; }
  void close (bool drain) override;

  const std::string &id () const { return id_; } // empty: nobody can name it
  MediaType type () const { return type_; }
  bool usable () const { return owner_ && !closing_ && !over_; }
  bool over () const { return over_; }
  void service_gone ();

  // From the service and its connections.
  void post_begin (HttpServerConnection &c, const http::Query &query);
  void post_body (HttpServerConnection &c, Bytes bytes);
  void post_end (HttpServerConnection &c);
  virtual void released (HttpServerConnection &c); // it has no more to do with this channel
  virtual void writable (HttpServerConnection &) {}

protected:
  static constexpr std::size_t max_parked = 4;

  void attach (HttpServerConnection &c);
  void deliver ();
  void touch (); // a sign of life: the deadline is put off
  void end (CloseReason why, const std::string &detail);
  void end_soon () { soon_end_.arm (Clock::now ()); }
  void tell_room_soon () { room_soon_.arm (Clock::now ()); }

  virtual bool needs_requests () const { return true; } // else the open connection is life enough
  virtual void before_post () {}                        // something comes from the client
  virtual void answer_post (HttpServerConnection &c) = 0;
  virtual void repeat_post (HttpServerConnection &c) = 0;
  virtual bool drained () const = 0;    // nothing queued for the client
  virtual void forget_connections () {} // they are taken away
  virtual void finish_stream () {}      // closing and draining: begin with it

  HttpService *service_;
  const std::string id_;
  const MediaType type_;
  Shares::Place place_;
  const std::string peer_;
  Owner *owner_ = nullptr;
  MessageReader reader_;
  Duration patience_; // without a request the peer is gone
  std::uint64_t next_seq_ = 0;
  bool closing_ = false, over_ = false, peer_ended_ = false;

private:
  struct Attached {
    HttpServerConnection *connection;
    std::uint64_t sent, received; // its counters when it came
  };
  void drop_connections (unsigned status, std::string_view sentence);

  std::vector<Attached> attached_;
  TlsInfo security_; // of its first connection
  std::map<std::uint64_t, HttpServerConnection *> parked_;
  HttpServerConnection *uploader_ = nullptr; // sends the body of next_seq_
  std::uint64_t applied_ = 0;                // of that body, over all tries
  std::uint64_t sent_ = 0, received_ = 0;
  Timer deadline_;
  Timer soon_end_; // the end of a closing channel, not from within close ()
  Timer room_soon_;
};
} // namespace reach::cam
