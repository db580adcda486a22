// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS between the datagram core and its socket: one session for each association, one record for
// each datagram. Loop thread only.
#pragma once
#include "common/shares.h"
#include "common/tls.h"
#include "common/udp_socket.h"
#include <functional>
#include <unordered_map>

namespace reach::cam {
// Encrypts a batch and sends it, equal sizes together. As UdpSocket::send ().
bool send_sealed (UdpSocket &socket, const reach::Address *to, TlsSession &session,
    const UdpSocket::Batch &batch);
// Sends what the session has to say itself: handshake, alerts.
bool send_output (UdpSocket &socket, const reach::Address *to, TlsSession &session);
// Decrypts a datagram; `plain` gets each record in it.
void open_sealed (TlsSession &session, Bytes datagram, const std::function<void (Bytes)> &plain);

// A listener's sessions, by the address of the peer. Nothing is kept of an address that has not
// answered with a cookie; those that have get 10 s to become an association.
class UdpTlsPeers {
public:
  using Session = std::shared_ptr<TlsSession>;
  static constexpr std::size_t max_half_open = 256;
  static constexpr Duration patience = seconds (10);

  UdpTlsPeers (Loop &loop, std::shared_ptr<const TlsContext> context, UdpSocket &socket);
  // `plain` gets what was in the datagram for the core.
  void input (Bytes datagram, const reach::Address &from, const std::function<void (Bytes)> &plain);
  void reply (const reach::Address &to, Bytes datagram); // of the core, to a peer with a session
  Session adopt (const reach::Address &a);               // it has become an association
  void forget (const reach::Address &a);
  std::size_t half_open () const { return half_open_; }

private:
  struct Entry {
    Session session;
    reach::Address address;
    TimePoint until{};
    bool adopted = false;
    Shares::Place place = {};
  };
  void knock (Bytes datagram, const reach::Address &from);
  void tick ();
  static std::string key (const reach::Address &a);

  std::shared_ptr<const TlsContext> context_;
  UdpSocket &socket_;
  std::unique_ptr<TlsDatagramGate> gate_;
  std::unordered_map<std::string, Entry> entries_;
  std::size_t half_open_ = 0;
  Shares strangers_{max_half_open};
  Timer tick_;
};
} // namespace reach::cam
