// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers over TCP (RFC 6062).
#pragma once
#include "server_worker.h"
#include "socket_address.h"

namespace reach::turn::server {
// A relayed address, exclusively: a listening socket. -1: it is taken.
int bind_tcp (const std::string &address, std::uint16_t port);

class TcpRelay {
public:
  TcpRelay (Worker &worker, int fd, RelayId id);
  // A connection from the relayed address, under way. -1: there can be none.
  int connect (const Address &peer) const;

private:
  reach::Address local_;
  Listener listener_;
};

// A connection to a peer; once it has a client, bytes go both ways. Nothing is read that cannot be
// passed on.
class PeerConnection final : StreamSocket::Owner, EpollSet::Handler {
public:
  // Not connected yet: tells the worker what comes of it.
  PeerConnection (Worker &worker, ConnectionId id, int fd, bool connected);
  ~PeerConnection () override;

  void splice (StreamClient &client);
  void from_client (Bytes bytes);
  void client_writable ();
  void client_gone () { client_ = nullptr; }
  // It is over: the client's connection too. True: some bytes still have to go out, and lingered ()
  // of the worker follows.
  bool end ();

private:
  // Bytes in one direction: the source is not read while the sink is behind, or a rate is used up.
  struct Way {
    Way (PeerConnection &owner, bool to_peer);
    void input (Bytes bytes);
    void check ();
    PeerConnection &owner;
    const bool to_peer;
    StreamSocket *from = nullptr, *to = nullptr;
    TimePoint next{};
    Timer pace;
  };
  void on_ready (std::uint32_t events) override; // while it is connecting
  void on_connected () override {}
  void on_input (Bytes bytes) override;
  void on_writable () override { to_peer_.check (); }
  void on_closed (int error) override;
  void begin (int fd);
  void stop_connecting ();

  Worker &worker_;
  const ConnectionId id_;
  int fd_ = -1; // while it is connecting
  EpollSet::Token token_ = 0;
  std::unique_ptr<StreamSocket> socket_;
  StreamClient *client_ = nullptr;
  bool ending_ = false;
  Way to_peer_, to_client_;
  Timer linger_;
};
} // namespace reach::turn::server
