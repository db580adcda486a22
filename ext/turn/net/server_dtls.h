// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients on DTLS (RFC 7350): one UDP socket, a session for each client that has proved its
// address.
#pragma once
#include "common/shares.h"
#include "server_worker.h"
#include "socket_address.h"

namespace reach::turn::server {
class DtlsEndpoint;

class DtlsClient final : public Route {
public:
  using Random = std::array<std::uint8_t, 32>; // of a ClientHello
  DtlsClient (DtlsEndpoint &owner, const Address &from, std::unique_ptr<TlsSession> session,
      const Random &random, Shares::Place place);
  ~DtlsClient () override { remove (); }
  void remove (); // its path; nothing more comes
  bool ready () const { return path_.has_value (); }
  void input (Bytes datagram);
  void deliver (const Transmit &t) override;
  void send_output ();
  bool open () const { return open_; }
  // RFC 6347, 4.2.8: a client may be gone without a word, and its address another one's now. Not
  // its own hello once more, which the network may double and anybody send again.
  bool is_succeeded (const std::optional<Random> &hello) const
  {
    return open_ && hello && *hello != random_;
  }

private:
  void on_timer ();

  DtlsEndpoint &owner_;
  const std::unique_ptr<TlsSession> session_;
  Client client_;
  std::optional<PathId> path_;
  TimePoint begun_, last_;
  bool open_ = false;
  const Random random_;
  Shares::Place place_; // of a handshake
  Timer timer_;
};

class DtlsEndpoint final : UdpSocket::Owner {
public:
  DtlsEndpoint (Worker &worker, int fd, std::shared_ptr<const TlsContext> context);
  ~DtlsEndpoint () override;

  Worker &worker () { return worker_; }
  const std::string &bound () const { return bound_; } // with the port
  Path path_for (const Address &from) const { return {Transport::dtls, local_, from}; }
  void send (const Address &to, Bytes datagram);
  void opened () { half_open_--; }
  void over (const Address &from); // maybe from within the client

private:
  void on_datagram (Bytes datagram, const reach::Address &from) override;
  void on_datagrams_done (bool) override { worker_.flush (); }
  void on_batch () override { worker_.outbox ().flush (); }
  void on_writable () override {}
  void on_error (int) override {}
  void knock (Bytes datagram, const Address &from);

  Worker &worker_;
  const std::shared_ptr<const TlsContext> context_;
  const std::unique_ptr<TlsDatagramGate> gate_;
  const std::string bound_;
  const Address local_;
  const bool v6_;
  std::unordered_map<Address, std::unique_ptr<DtlsClient>, stun::AddressHash> clients_;
  std::size_t half_open_ = 0;
  Shares shares_; // of half_open
  UdpSocket socket_;
};
} // namespace reach::turn::server
