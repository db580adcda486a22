// SPDX-License-Identifier: LGPL-2.1-or-later
#include "path.h"
#include "common/stream_socket.h"
#include "common/udp_socket.h"
#include <cstring>
#include <fcntl.h>

namespace reach::turn {
namespace {
class UdpPath final : public Path, UdpSocket::Owner {
public:
  UdpPath (Loop &loop, Path::Owner &owner, int fd)
      : Path (owner), fd_ (fd), socket_ (loop, *this, fd), start_ (loop.timers (), [this] {
          if (owner_)
            owner_->on_path_open ();
        })
  {
    start_.arm (Clock::now ());
  }
  void send (Bytes datagram) override
  {
    const iovec piece{const_cast<std::uint8_t *> (datagram.data ()), datagram.size ()};
    const std::uint8_t one = 1;
    socket_.send (nullptr, {{&piece, 1}, {&one, 1}, datagram.size ()});
  }
  reach::Address local () const override { return reach::Address::local_of (fd_); }
  int duplicate () const override { return fcntl (fd_, F_DUPFD_CLOEXEC, 0); }

private:
  void on_datagram (Bytes datagram, const reach::Address &) override
  {
    if (owner_)
      owner_->on_path_input (datagram);
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

  const int fd_;
  UdpSocket socket_;
  Timer start_;
};

class StreamPath final : public Path, StreamSocket::Owner {
public:
  StreamPath (
      Loop &loop, Path::Owner &owner, const reach::Address &to, std::unique_ptr<TlsSession> tls)
      : Path (owner), socket_ (loop, *this, to, std::move (tls))
  {
  }
  void send (Bytes datagram) override
  {
    send_frames (slice_of ({datagram.begin (), datagram.end ()}));
  }
  void send_frames (Slice frames) override
  {
    socket_.queue (std::move (frames));
    socket_.flush ();
  }
  void set_reading (bool on) override { socket_.set_reading (on); }
  void finish () override { socket_.finish (); }
  reach::Address local () const override { return socket_.local (); }
  bool congested () override { return socket_.queued () > 0 && socket_.congested (); }

private:
  void on_connected () override
  {
    if (owner_)
      owner_->on_path_open ();
  }
  void on_input (Bytes bytes) override
  {
    if (owner_)
      owner_->on_path_input (bytes);
    if (owner_)
      owner_->on_path_input_done ();
  }
  void on_writable () override
  {
    if (owner_)
      owner_->on_path_writable ();
  }
  void on_closed (int error) override
  {
    Fault f{error, socket_.tls_fault (), socket_.tls_detail ()};
    if (f.text.empty ())
      f.text = error != 0 ? strerror (error) : "the server ended the connection";
    if (owner_)
      owner_->on_path_closed (f);
  }

  StreamSocket socket_;
};
} // namespace

std::unique_ptr<Path> Path::open (Loop &loop, Owner &owner, Transport transport,
    const reach::Address &to, const TlsContext *tls, const std::string &name, std::string &error)
{
  std::unique_ptr<TlsSession> session;
  if (tls)
    session = tls->session (name);
  if (is_stream (transport))
    return std::make_unique<StreamPath> (loop, owner, to, std::move (session));
  const int fd = UdpSocket::connect (to, error);
  if (fd < 0)
    return nullptr;
  if (session)
    return open_dtls_path (loop, owner, fd, std::move (session));
  return std::make_unique<UdpPath> (loop, owner, fd);
}
} // namespace reach::turn
