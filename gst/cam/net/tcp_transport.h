// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages as they are, one after the other, on a TCP connection.
#pragma once
#include "cam/proto/message_reader.h"
#include "common/stream_socket.h"
#include "transport.h"

namespace reach::cam {
CloseReason reason_of_errno (int error);

class TcpTransport final : public Transport, public StreamSocket::Owner {
public:
  // Connects: `host` may be a name.
  TcpTransport (Loop &loop, StorageSource &storage, std::string host, std::uint16_t port,
      std::shared_ptr<const TlsContext> tls = {});
  // Takes an accepted connection over, and what was read from it already.
  TcpTransport (Loop &loop, StorageSource &storage, StreamSocket::Detached accepted,
      std::vector<std::uint8_t> before = {});

  void start (Transport::Owner &owner) override;
  void send (MessageRef m) override;
  void flush () override;
  std::size_t room () const override;
  bool idle () const override { return !socket_ || socket_->queued () == 0; }
  void close (bool drain) override;
  void limit_messages (std::size_t most) override { reader_.limit (most); }
  std::string peer () const override;
  TransportStats stats () const override;
  TlsInfo security () const override { return socket_ ? socket_->tls_info () : TlsInfo{}; }
  void prefetch () const override;

private:
  void on_connected () override;
  void on_input (Bytes bytes) override;
  std::span<std::uint8_t> direct () override { return reader_.direct (); }
  void on_direct (std::size_t n) override;
  std::span<std::uint8_t> area () override { return reader_.area (); }
  void on_writable () override;
  void on_closed (int error) override;
  void on_resolved (std::vector<Address> found, const std::string &error);
  void connect_next ();
  void begin ();
  void deliver ();
  void end (CloseReason why, const std::string &detail);

  Loop &loop_;
  MessageReader reader_;
  std::string host_;
  std::uint16_t port_ = 0;
  std::shared_ptr<const TlsContext> tls_; // of one that connects
  Transport::Owner *owner_ = nullptr;
  std::unique_ptr<Resolve> resolve_;
  std::vector<Address> candidates_; // still to be tried, best last
  std::unique_ptr<StreamSocket> socket_;
  std::vector<std::uint8_t> before_;     // read before it was ours
  std::unique_ptr<StreamSocket> failed_; // kept until the next try: it called us
  Timer soon_;   // on_open of an accepted connection, and the next candidate
  Timer linger_; // bounds close (true)
  bool closing_ = false, over_ = false;
};
} // namespace reach::cam
