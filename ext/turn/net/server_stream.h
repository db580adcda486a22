// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "common/stream_socket.h"
#include "server_worker.h"
#include "socket_address.h"
#include "turn/proto/framing.h"

namespace reach::turn::server {
// A client on TCP or TLS. What it does not read in time is dropped, not kept.
class StreamClient final : public Route, StreamSocket::Owner {
public:
  StreamClient (Worker &worker, int fd, const Address &from, std::unique_ptr<TlsSession> tls);

  bool ready () const { return path_.has_value (); } // else there are too many
  const Client &client () const { return client_; }
  void deliver (const Transmit &t) override;
  void flush ();
  void remove (); // its path; nothing more comes
  // Something that came before it was here.
  void take (Bytes bytes) { on_input (bytes); }
  // It is a peer's from now on; what came behind its last frame is the first of it.
  void splice (PeerConnection &peer);
  // The peer's connection is over: what waits goes out, then it ends.
  void finish ();
  StreamSocket &socket () { return socket_; }

private:
  void on_connected () override {}
  void on_input (Bytes bytes) override;
  void on_writable () override;
  void on_closed (int) override { worker_.over (*this); }
  void check_idle ();
  bool moves (Bytes frame);

  Worker &worker_;
  std::optional<PathId> path_;
  Client client_;
  StreamFramer framer_;
  std::vector<std::uint8_t> out_;
  TimePoint last_;
  bool spoken_ = false, finishing_ = false;
  PeerConnection *peer_ = nullptr;
  Timer idle_;
  StreamSocket socket_;
};
} // namespace reach::turn::server
