// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages over UDP: the datagram core on a socket and a timer. The client owns its socket; the
// listener's transports share one (udp_listener.h).
#pragma once
#include "cam/proto/datagram_link.h"
#include "common/udp_socket.h"
#include "settings.h"
#include "transport.h"
#include "udp_tls.h"

namespace reach::cam {
DatagramConfig datagram_config (const Settings &s, Duration timeout);
CloseReason reason_of_fault (DatagramFault f);
cam::Address core_address (const reach::Address &a);

class SystemRandom final : public Random {
public:
  std::uint64_t next () override;
};

// What client and listener side have in common.
class UdpTransport : public Transport {
public:
  ~UdpTransport () override = default;
  void start (Transport::Owner &owner) override;
  void send (MessageRef m) override;
  void flush () override { transmit (); }
  std::size_t room () const override;
  bool idle () const override { return !link_ || link_->idle (); }
  void close (bool drain) override;
  void limit_messages (std::size_t most) override
  {
    if (link_)
      link_->limit (most);
  }
  TransportStats stats () const override;
  TlsInfo security () const override { return tls_ ? tls_->info () : TlsInfo{}; }

  // From the socket.
  void input (Bytes datagram, const reach::Address &from);
  void process (bool all_read = true); // after input, or when time has passed
  void writable ();

protected:
  explicit UdpTransport (Loop &loop);
  virtual UdpSocket *socket () = 0;
  virtual const reach::Address *destination (
      const cam::Address &to) = 0; // null: the socket is connected
  void set_tls (std::shared_ptr<TlsSession> tls) { tls_ = std::move (tls); }
  TlsSession *tls () { return tls_.get (); }
  void set_link (std::unique_ptr<DatagramLink> link) { link_ = std::move (link); }
  DatagramLink *link () { return link_.get (); }
  const DatagramLink *link () const { return link_.get (); }
  void end (CloseReason why, const std::string &detail);
  Loop &loop () { return loop_; }
  Transport::Owner *owner () { return owner_; }
  virtual void on_end () {}
  // From destructors: what is not closed yet says so once, so that the peer need not find out by
  // its timeout.
  void farewell ();

private:
  void transmit ();
  bool send_batch (const DatagramBatch &batch);
  void deliver ();
  void arm ();
  void on_timer ();

  Loop &loop_;
  Transport::Owner *owner_ = nullptr;
  std::unique_ptr<DatagramLink> link_;
  std::shared_ptr<TlsSession> tls_; // null: plaintext
  Timer timer_, linger_;
  std::vector<iovec> pieces_;
  std::vector<std::uint8_t> segments_;
  mutable bool hungry_ = false; // room () said 0
  bool opened_ = false, closing_ = false, over_ = false, blocked_ = false;
};

class UdpClientTransport final : public UdpTransport, public UdpSocket::Owner {
public:
  UdpClientTransport (Loop &loop, StorageSource &storage, const Settings &s, std::string host,
      std::uint16_t port, Duration timeout);
  ~UdpClientTransport () override { farewell (); }
  void start (Transport::Owner &owner) override;
  std::string peer () const override;

private:
  UdpSocket *socket () override { return socket_.get (); }
  const reach::Address *destination (const cam::Address &) override { return nullptr; }
  void on_datagram (Bytes datagram, const reach::Address &from) override;
  void on_datagrams_done (bool all) override { process (all); }
  void on_writable () override { writable (); }
  void on_error (int error) override;
  void on_resolved (std::vector<reach::Address> found, const std::string &error);
  void connect_link ();
  void go_on (); // with the DTLS handshake

  StorageSource &storage_;
  const DatagramConfig config_;
  SystemRandom random_;
  std::string host_;
  std::uint16_t port_;
  reach::Address peer_;
  std::unique_ptr<Resolve> resolve_;
  std::unique_ptr<UdpSocket> socket_;
  std::shared_ptr<const TlsContext> tls_context_;
  Timer handshake_;
  TimePoint handshake_end_{};
};
} // namespace reach::cam
