// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "server_worker.h"
#include "socket_address.h"

namespace reach::turn::server {
struct UdpOptions {
  bool reuse_port = false;  // one socket for each loop
  bool only_family = false; // IPv6 without IPv4
  bool errors = false;      // the network's answers go to the error queue
  int buffer = 1 << 20;
};
// Any thread. -1 and `error` in words when it fails.
int bind_udp (
    const std::string &address, std::uint16_t port, const UdpOptions &options, std::string &error);
bool is_any (const Address &a); // 0.0.0.0 or ::
// What a bound socket's address is for clients; of no family where it is any.
Address local_address (int fd);

// Clients on UDP.
class UdpEndpoint final : public Route, UdpSocket::Owner {
public:
  UdpEndpoint (Worker &worker, int fd, int corner); // Path::corner
  ~UdpEndpoint () override;
  const std::string &bound () const { return bound_; }
  void deliver (const Transmit &t) override;

private:
  void on_datagram (Bytes datagram, const reach::Address &from) override;
  void on_datagrams_done (bool) override { worker_.flush (); }
  void on_batch () override { worker_.outbox ().flush (); }
  void on_writable () override {}
  void on_error (int) override {}

  Worker &worker_;
  const std::string bound_;
  const bool v6_;
  std::optional<PathId> path_;
  UdpSocket socket_;
};
} // namespace reach::turn::server
