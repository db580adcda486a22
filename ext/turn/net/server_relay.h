// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "server_worker.h"
#include "socket_address.h"

namespace reach::turn::server {
// A relayed address: where peers send to, and where what clients send comes from.
class RelaySocket final : UdpSocket::Owner {
public:
  RelaySocket (Worker &worker, int fd, RelayId id);
  void send (const Transmit &t);
  void shut () { shut_ = true; } // nothing more comes from it

private:
  void on_datagram (Bytes datagram, const reach::Address &from) override;
  void on_empty (const reach::Address &from) override { on_datagram ({}, from); }
  void on_datagrams_done (bool) override { worker_.flush (); }
  void on_batch () override { worker_.outbox ().flush (); }
  void on_error_queue (int fd) override;
  void on_writable () override {}
  void on_error (int) override {}
  void set_dont_fragment (bool on);

  Worker &worker_;
  const int fd_; // the socket's
  const RelayId id_;
  bool shut_ = false, dont_fragment_ = false;
  UdpSocket socket_;
};
} // namespace reach::turn::server
