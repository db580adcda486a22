// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS to the server (RFC 7350): each of our datagrams is a record.
#include "common/udp_socket.h"
#include "path.h"

namespace reach::turn {
namespace {
class DtlsPath final : public Path, UdpSocket::Owner {
public:
  DtlsPath (Loop &loop, Path::Owner &owner, int fd, std::unique_ptr<TlsSession> session)
      : Path (owner), fd_ (fd), session_ (std::move (session)), socket_ (loop, *this, fd),
        timer_ (loop.timers (), [this] { on_timer (); })
  {
    timer_.arm (Clock::now ());
  }
  // Says goodbye: a server cannot see that a socket is closed, and would keep the connection, which
  // counts among those of our address, until it has been idle for long.
  ~DtlsPath () override
  {
    if (session_->state () != TlsSession::State::open)
      return;
    session_->finish ();
    send_output ();
  }
  reach::Address local () const override { return reach::Address::local_of (fd_); }
  void send (Bytes datagram) override
  {
    if (session_->state () != TlsSession::State::open || datagram.size () > TlsSession::max_record)
      return;
    session_->write (datagram);
    send_output ();
  }

private:
  void on_timer ()
  {
    const auto due = session_->next_timeout ();
    if (due && *due <= Duration{})
      session_->timeout ();
    step ();
  }
  void on_datagram (Bytes datagram, const reach::Address &) override
  {
    session_->input (datagram);
    while (const std::size_t n = owner_ ? session_->read (plain_) : 0)
      owner_->on_path_input (Bytes (plain_).first (n));
    step ();
  }
  void on_datagrams_done (bool) override
  {
    if (owner_)
      owner_->on_path_input_done ();
  }
  void on_writable () override {}
  void on_error (int error) override
  {
    if (owner_)
      owner_->on_path_doubt (error);
  }

  void step ()
  {
    send_output ();
    if (!owner_)
      return;
    const TlsSession::State s = session_->state ();
    if (s == TlsSession::State::failed || s == TlsSession::State::ended) {
      const bool failed = s == TlsSession::State::failed;
      const Fault f{failed ? EPROTO : 0, session_->fault (),
          failed ? session_->detail () : "the server ended the connection"};
      return owner_->on_path_closed (f);
    }
    if (const auto due = session_->next_timeout ())
      timer_.arm (Clock::now () + std::max<Duration> (*due, milliseconds (1)));
    if (s == TlsSession::State::open && !told_) {
      told_ = true;
      owner_->on_path_open ();
    }
  }
  void send_output ()
  {
    TlsSession::Output &out = session_->output ();
    std::size_t at = 0;
    for (const std::uint16_t size : out.sizes) {
      const iovec piece{out.bytes.data () + at, size};
      const std::uint8_t one = 1;
      socket_.send (nullptr, {{&piece, 1}, {&one, 1}, size});
      at += size;
    }
    out.clear ();
  }

  const int fd_; // of socket_
  const std::unique_ptr<TlsSession> session_;
  UdpSocket socket_;
  Timer timer_;
  bool told_ = false;
  std::array<std::uint8_t, TlsSession::max_record> plain_;
};
} // namespace

std::unique_ptr<Path> open_dtls_path (
    Loop &loop, Path::Owner &owner, int fd, std::unique_ptr<TlsSession> session)
{
  return std::make_unique<DtlsPath> (loop, owner, fd, std::move (session));
}
} // namespace reach::turn
