// SPDX-License-Identifier: LGPL-2.1-or-later
// One loop of the server with its own core, clients and relay sockets. Nothing that is relayed is
// shared with another loop. Loop thread, where nothing else is said.
#pragma once
#include "common/listener.h"
#include "common/stream_socket.h"
#include "common/tls.h"
#include "server_outbox.h"
#include "server_settings.h"
#include "turn/proto/server.h"
#include <unordered_map>

namespace reach::turn::server {
// How a path's clients are reached.
class Route {
public:
  virtual ~Route () = default;
  virtual void deliver (const Transmit &t) = 0;
};

class Worker;
class RelaySocket;
class UdpEndpoint;
class DtlsEndpoint;
class StreamClient;
class TcpRelay;
class PeerConnection;

class Worker final : Ports {
public:
  struct Moved { // a client's connection that belongs to another loop, and what it has said
    StreamSocket::Detached connection;
    std::vector<std::uint8_t> bytes;
  };
  struct Place { // this loop among all
    unsigned index = 0, of = 1;
    std::function<void (unsigned index, std::shared_ptr<Moved>)> move;
  };
  Worker (const NetSettings &settings, Commons &commons, Observer &observer, Place place);
  ~Worker () override; // any thread but the loop's
  void shut ();        // likewise; ends the allocations. Nothing is moved any more

  // Any thread.
  Loop &loop () { return *loop_; }
  const NetSettings &settings () const { return settings_; }

  void listens (std::uint16_t port) { core_->listens (port); } // the server, there
  void listen_udp (int fd, int corner = -1);                   // Path::corner
  bool unlisten_udp (const std::string &address);              // with the port
  std::vector<std::pair<Transport, std::string>> datagram_bindings () const;
  void listen_dtls (int fd, std::shared_ptr<const TlsContext> context);
  void accept (int fd, std::unique_ptr<TlsSession> tls, Bytes said = {});
  bool authorize (std::uint64_t id, std::optional<std::string> password);
  bool allow (std::uint64_t id, bool yes);
  NetStats stats () const;
  void end_allocations ();

  // Of its sockets.
  void input (const Client &client, Bytes in);
  void input_peer (RelayId relay, const Address &peer, Bytes in);
  void input_icmp (RelayId relay, const Address &peer, const stun::Icmp &icmp);
  std::optional<PathId> add_path (const Path &path, Route &route);
  void remove_path (PathId id);
  bool has_allocation (const Client &c) { return core_->has (c); }
  // After a batch of input: what it caused goes out, and the timer is set.
  void flush ();
  void dirty (StreamClient &c) { dirty_.push_back (&c); }
  void over (StreamClient &c);
  // Whose loop the connection to a peer is of; move () ends the client here.
  bool is_mine (ConnectionId id) const { return id % place_.of == place_.index; }
  void move (StreamClient &c, ConnectionId to, std::shared_ptr<Moved> what);
  // Peers over TCP.
  void peer_accepted (RelayId relay, int fd);
  void peer_connected (ConnectionId id, bool good);
  void peer_over (ConnectionId id);
  void lingered (PeerConnection &p);
  TimePoint relayed (ConnectionId id, bool to_peer, std::size_t bytes)
  {
    return core_->relayed (id, to_peer, bytes, Clock::now ());
  }
  Outbox &outbox () { return outbox_; }
  std::span<std::uint8_t> area () { return area_; }
  void dropped () { counters_.dropped++; }
  // Whether one connection more is allowed; leave () gives it back.
  bool enter (const Address &from, bool handshake);
  void leave (const Address &from);

private:
  std::optional<Socket> bind (Family family, std::uint16_t port, Relaying relaying) override;
  void drop (Socket s) override;
  void open (Socket s, RelayId id) override;
  void close (RelayId id) override;
  void connect (ConnectionId id, RelayId from, const Address &peer) override;
  void splice (ConnectionId id, PathId client) override { to_splice_ = {id, client}; }
  void disconnect (ConnectionId id) override;
  void join (ConnectionId id, PathId client);
  void drain ();
  void route (const Transmit &t);
  void tell (Event e);
  void on_timer ();
  void set_wall_clock ();

  const NetSettings &settings_;
  Observer &observer_;
  const Place place_;
  std::unique_ptr<Loop> loop_;
  std::vector<std::uint8_t> area_; // all UDP sockets of the loop read into it
  Outbox outbox_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Timer> timer_, clock_;
  std::vector<Route *> routes_; // by PathId
  std::vector<std::unique_ptr<RelaySocket>> relays_;
  std::vector<std::unique_ptr<UdpEndpoint>> udp_;
  std::vector<std::unique_ptr<DtlsEndpoint>> dtls_;
  std::unordered_map<StreamClient *, std::unique_ptr<StreamClient>> streams_;
  std::vector<std::unique_ptr<TcpRelay>> tcp_relays_; // by RelayId
  std::unordered_map<ConnectionId, std::unique_ptr<PeerConnection>> peers_;
  std::unordered_map<PeerConnection *, std::unique_ptr<PeerConnection>> lingering_;
  std::optional<std::pair<ConnectionId, PathId>> to_splice_; // behind the answer
  std::vector<StreamClient *> dirty_;
  std::unordered_map<Address, std::size_t, stun::AddressHash> networks_; // connections
  SourceLimiter handshakes_; // one is as much work as a thousand requests
  NetStats counters_;
};
} // namespace reach::turn::server
