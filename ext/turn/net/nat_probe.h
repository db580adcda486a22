// SPDX-License-Identifier: LGPL-2.1-or-later
// NAT behaviour discovery on a UDP socket of its own. Loop thread.
#pragma once
#include "common/loop.h"
#include "common/udp_socket.h"
#include "turn/proto/nat_discovery.h"

namespace reach::turn {
class NatProbe final : UdpSocket::Owner {
public:
  using Done = std::function<void (const NatReport &)>; // may not destroy it
  // Null and `error`: there is no way to the server. `c`: without addresses.
  static std::unique_ptr<NatProbe> start (Loop &loop, const reach::Address &server,
      NatDiscovery::Config c, Done done, std::string &error);
  ~NatProbe () override = default;
  bool over () const { return !done_; }

private:
  NatProbe (Loop &loop, int fd, bool v6, NatDiscovery::Config c, Done done);
  void on_datagram (Bytes datagram, const reach::Address &from) override;
  void on_datagrams_done (bool) override { drain (); }
  void on_writable () override {}
  void on_error (int) override {} // silence says as much
  void drain ();

  const bool v6_;
  NatDiscovery core_;
  UdpSocket socket_;
  Timer timer_;
  Done done_; // empty: it has been told
};
} // namespace reach::turn
