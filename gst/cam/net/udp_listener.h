// SPDX-License-Identifier: LGPL-2.1-or-later
// Accepts UDP senders on one socket; what an address has not proved costs no memory.
#pragma once
#include "cam/proto/datagram_acceptor.h"
#include "common/shares.h"
#include "transports.h"
#include "udp_transport.h"
#include <unordered_map>

namespace reach::cam {

class HmacSha256 final : public Mac {
public:
  void compute (Bytes key, Bytes data, std::span<std::uint8_t, size> out) override;
};

class UdpListener final : public Acceptor, public UdpSocket::Owner {
public:
  UdpListener (Loop &loop, StorageSource &storage, const Settings &s, int fd, Accepted accepted);
  ~UdpListener () override;

private:
  class Peer;
  void on_datagram (Bytes datagram, const reach::Address &from) override;
  void on_datagrams_done (bool all) override;
  void on_writable () override;
  void on_error (int) override {} // of single destinations; their links time out
  void on_plain (Bytes datagram, const reach::Address &from);
  void reply (Bytes datagram, const reach::Address &to);
  void forget (Peer &p);

  Loop &loop_;
  Accepted accepted_;
  HmacSha256 mac_;
  SystemRandom random_;
  DatagramAcceptor acceptor_;
  Shares strangers_;
  UdpSocket socket_;
  std::unique_ptr<UdpTlsPeers> tls_; // null: plaintext
  std::unordered_map<std::uint32_t, Peer *> peers_;
  std::vector<std::uint32_t> touched_; // got something in this round
};
} // namespace reach::cam
