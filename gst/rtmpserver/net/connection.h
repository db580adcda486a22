// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTMP connection: its socket, its session, and who at this side it has to do with. Loop thread
// only, but for ConnectionHandle.
#pragma once
#include "batch.h"
#include "common/shares.h"
#include "common/stream_socket.h"
#include "endpoint.h"
#include "rtmpserver/proto/session.h"

namespace reach::rtmp {
class Server;
class Connection;

// Names a connection from any thread, also when it is gone.
class ConnectionHandle {
public:
  ConnectionHandle () = default;
  ConnectionHandle (std::weak_ptr<Server> server, std::uint64_t id)
      : server_ (std::move (server)), id_ (id)
  {
  }
  std::uint64_t id () const { return id_; }
  // Runs `f` on the loop, soon; not when the connection is gone by then.
  void post (std::function<void (Connection &)> f) const;
  // The same, and waits. False: it is gone. Not from the loop's own calls.
  bool call (const std::function<void (Connection &)> &f) const;

private:
  std::weak_ptr<Server> server_;
  std::uint64_t id_ = 0;
};

struct ConnectionStats {
  Session::Stats session;
  std::uint64_t bytes_sent = 0, bytes_received = 0; // with TLS: encrypted
  std::size_t queued = 0;                           // bytes to be sent
  Duration age{};
  unsigned publishing = 0, playing = 0; // NetStreams
  Flow in, out;                         // of these; dropped: of those before too
  std::string tls_version;              // empty: plaintext
};

class Connection final : StreamSocket::Owner, StorageSource {
public:
  // `place`: given back when it is let in.
  Connection (Server &server, std::uint64_t id, int fd, std::unique_ptr<TlsSession> tls,
      Shares::Place place);
  ~Connection () override;

  std::uint64_t id () const { return id_; }
  ConnectionHandle handle () const;
  std::string peer_address () const { return peer_; }           // "127.0.0.1:1234"
  const ConnectInfo &peer () const { return session_.peer (); } // from on_connect on
  // A query or URL of the client as others may see it: without what it has shown to get in.
  std::string shown (std::string_view text);
  Session &session () { return session_; }
  Server &server () { return server_; }
  std::shared_ptr<Endpoint> claimer () const { return claimer_.lock (); }

  // The answer to a decision. Of a no the client hears `why`; when that has no code, the one that
  // fits. One that is not awaited any more is passed over.
  void decide (RequestId id, bool yes, const Status &why = {});
  void answer (RequestId id, bool good, const std::vector<Value> &values); // of a call
  // What the other side is told, and then the end of the connection.
  void close (const Status &why, bool behind_media = false);
  // The NetStream is idle then; its client was told `why`.
  void stop_stream (std::uint32_t stream, const Status &why, PublishEnd how);

  // Writes what the session has, once at the end of this round of the loop.
  void flush_later ();
  void flush (); // the same, now; calls nobody back
  // Writes it past the session. False: something is in front of it, or the kernel takes no more.
  bool pass (const Batch &b);
  // What that touches.
  std::array<const void *, 5> places () const
  {
    const auto a = socket_.places (), b = session_.places ();
    return {a[0], a[1], b[0], b[1], &over_};
  }
  // Bytes that wait here or, unsent, in the kernel.
  std::size_t unsent () const { return socket_.queued () + session_.media_queued (); }
  // Whether what is given to the session now leaves soon. On false: Outlet::on_room () follows.
  bool has_room ();
  // Outlet::on_room () follows in any case, when what is queued now is written.
  void tell_room ();
  // Nothing is read as long as one of its publishers is held back.
  void hold (bool on);

  ConnectionStats stats ();
  bool over () const { return over_; }

  // The endpoint is about to be destroyed: ends all that it has to do with.
  void forget (const Endpoint &e);

private:
  struct Pending { // a decision that is awaited
    enum class Kind : std::uint8_t { connect, create, publish, play, pause, call };
    Kind kind;
    std::weak_ptr<Endpoint> endpoint;
    std::variant<std::monostate, PublishRequest, PlayRequest, PauseRequest> request;
    TimePoint deadline;
    std::uint32_t stream () const;
  };
  struct NetStream {
    std::weak_ptr<Endpoint> endpoint;
    std::shared_ptr<Ingest> ingest;
    std::unique_ptr<Outlet> outlet;
  };

  // StreamSocket::Owner
  void on_connected () override {}
  void on_input (Bytes bytes) override;
  std::span<std::uint8_t> area () override;
  void on_writable () override;
  void on_closed (int error) override;
  // StorageSource
  Counted<Storage> allocate (std::size_t size) override;
  Counted<const Shared> keep (Bytes bytes) override;

  void handle_events (TimePoint now);
  void handle_event (ConnectRequest &e, TimePoint now);
  void handle_event (StreamRequest &e, TimePoint now);
  void handle_event (PublishRequest &e, TimePoint now);
  void handle_event (PlayRequest &e, TimePoint now);
  void handle_event (PauseRequest &e, TimePoint now);
  void handle_event (SeekRequest &e, TimePoint now);
  void handle_event (CallRequest &e, TimePoint now);
  void handle_event (CallResult &e, TimePoint now);
  void handle_event (Received &e, TimePoint now);
  void handle_event (ReceiveChanged &e, TimePoint now);
  void handle_event (BufferLength &e, TimePoint now);
  void handle_event (StreamEnded &e, TimePoint now);
  void handle_event (Ended &e, TimePoint now);

  void wait_for (RequestId id, Pending::Kind kind, const std::shared_ptr<Endpoint> &e,
      decltype (Pending::request) request = {});
  void ask_next ();
  std::optional<Status> check_login ();
  std::optional<Status> check_access (
      const std::shared_ptr<Endpoint> &e, Tokens::Use use, const Name &stream);
  void accepted (RequestId id, Pending &p);
  void publish (RequestId id, Endpoint &e, const PublishRequest &r);
  void play (RequestId id, Endpoint &e, const PlayRequest &r);
  void refuse (RequestId id, const Pending &p, const Status &why);
  void end_stream (std::uint32_t stream, PublishEnd how);
  void add_flows (ConnectionStats &s, const NetStream &n) const;
  void look_at_pace (TimePoint now);
  void on_timer ();
  void arm (TimePoint now);
  void end (ConnectionEnd e, bool drain);

  Server &server_;
  const std::uint64_t id_;
  const TimePoint start_;
  StreamSocket socket_;
  Session session_;
  const std::string peer_;
  std::weak_ptr<Endpoint> claimer_;
  std::vector<std::weak_ptr<Endpoint>> candidates_; // to be asked whether they claim it, last first
  std::vector<std::weak_ptr<Endpoint>> asked_;      // that have had a decision to make
  std::vector<std::weak_ptr<Endpoint>> known_to_;   // that it has logged in to
  Shares::Place place_;                             // of those that are not let in yet
  RequestId connect_ = 0;
  Status refusal_; // of the last candidate
  std::map<RequestId, Pending> pending_;
  std::map<std::uint32_t, NetStream> streams_;
  std::vector<std::shared_ptr<Ingest>> touched_; // by the input under way
  unsigned holds_ = 0;
  std::uint64_t dropped_in_ = 0, dropped_out_ = 0; // by NetStreams that have ended
  Timer timer_, linger_;
  bool flushing_ = false, over_ = false, full_ = false, handling_ = false;
  bool challenged_ = false; // it was told to log in
};
// For statistics and logs: whoever looks at it.
std::string without_secrets (std::string_view text);
} // namespace reach::rtmp
