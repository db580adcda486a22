// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_peer.h"
#include "server_stream.h"
#include <cerrno>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::turn::server {
namespace {
constexpr int backlog = 16;

int stream_socket (const reach::Address &local, bool shared)
{
  const int fd = socket (local.family (), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  const int on = 1;
  if (local.family () == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (shared)
    for (const int option : {SO_REUSEADDR, SO_REUSEPORT})
      setsockopt (fd, SOL_SOCKET, option, &on, sizeof on);
  if (::bind (fd, local.get (), local.length) == 0)
    return fd;
  ::close (fd);
  return -1;
}
} // namespace

// Bound alone, so that no two allocations get one port; shared only then, with the connections that
// leave from it.
int bind_tcp (const std::string &address, std::uint16_t port)
{
  const auto local = reach::Address::parse (address, port);
  const int fd = local ? stream_socket (*local, false) : -1;
  if (fd < 0)
    return -1;
  const int on = 1;
  for (const int option : {SO_REUSEADDR, SO_REUSEPORT})
    setsockopt (fd, SOL_SOCKET, option, &on, sizeof on);
  if (listen (fd, backlog) == 0)
    return fd;
  ::close (fd);
  return -1;
}

TcpRelay::TcpRelay (Worker &worker, int fd, RelayId id)
    : local_ (reach::Address::local_of (fd)),
      listener_ (worker.loop (), fd, [&worker, id] (int peer) { worker.peer_accepted (id, peer); })
{
}

int TcpRelay::connect (const Address &peer) const
{
  const reach::Address to = to_socket (peer);
  const int fd = to.text () == local_.text () ? -1 : stream_socket (local_, true);
  if (fd < 0 || ::connect (fd, to.get (), to.length) == 0 || errno == EINPROGRESS)
    return fd;
  ::close (fd);
  return -1;
}

PeerConnection::Way::Way (PeerConnection &o, bool peer)
    : owner (o), to_peer (peer), pace (o.worker_.loop ().timers (), [this] { check (); })
{
}

void PeerConnection::Way::input (Bytes bytes)
{
  next = owner.worker_.relayed (owner.id_, to_peer, bytes.size ());
  if (to->takes_more ()) {
    const iovec piece{const_cast<std::uint8_t *> (bytes.data ()), bytes.size ()};
    bytes = bytes.subspan (to->write_now ({&piece, 1}, bytes.size ()));
  }
  if (!bytes.empty ()) {
    to->queue (slice_of (std::vector<std::uint8_t> (bytes.begin (), bytes.end ())));
    to->flush ();
  }
  check ();
}

void PeerConnection::Way::check ()
{
  if (!from || owner.ending_)
    return;
  const bool early = next > Clock::now ();
  const bool full = to->queued () >= owner.worker_.settings ().limits.spliced;
  if (early)
    pace.arm (next);
  from->set_reading (!early && !full); // of a full one on_writable () follows
}

PeerConnection::PeerConnection (Worker &worker, ConnectionId id, int fd, bool connected)
    : worker_ (worker), id_ (id), to_peer_ (*this, true), to_client_ (*this, false),
      linger_ (worker.loop ().timers (), [this] { worker_.lingered (*this); })
{
  if (connected) {
    begin (fd);
    return;
  }
  fd_ = fd;
  token_ = worker.loop ().epoll ().add (fd, EPOLLOUT, *this);
}

PeerConnection::~PeerConnection ()
{
  stop_connecting ();
}

void PeerConnection::begin (int fd)
{
  StreamSocket::Owner &owner = *this;
  socket_ = std::make_unique<StreamSocket> (worker_.loop (), owner, fd);
  socket_->set_reading (false); // until somebody is there for it
}

void PeerConnection::stop_connecting ()
{
  if (token_ != 0)
    worker_.loop ().epoll ().remove (std::exchange (token_, 0));
  if (fd_ >= 0)
    ::close (std::exchange (fd_, -1));
}

void PeerConnection::on_ready (std::uint32_t events)
{
  int error = 0;
  socklen_t n = sizeof error;
  getsockopt (fd_, SOL_SOCKET, SO_ERROR, &error, &n);
  const bool good = error == 0 && (events & EPOLLOUT);
  if (good) {
    worker_.loop ().epoll ().remove (std::exchange (token_, 0));
    begin (std::exchange (fd_, -1));
  } else {
    stop_connecting ();
  }
  worker_.peer_connected (id_, good);
}

void PeerConnection::splice (StreamClient &client)
{
  client_ = &client;
  to_peer_.from = to_client_.to = &client.socket ();
  to_peer_.to = to_client_.from = socket_.get ();
  client.splice (*this);
  to_client_.check ();
}

void PeerConnection::from_client (Bytes bytes)
{
  if (!ending_)
    to_peer_.input (bytes);
}

void PeerConnection::on_input (Bytes bytes)
{
  if (client_ && !ending_)
    to_client_.input (bytes);
}

void PeerConnection::client_writable ()
{
  to_client_.check ();
}

void PeerConnection::on_closed (int)
{
  if (ending_)
    worker_.lingered (*this);
  else
    worker_.peer_over (id_);
}

bool PeerConnection::end ()
{
  ending_ = true;
  to_peer_.pace.cancel ();
  to_client_.pace.cancel ();
  stop_connecting ();
  if (client_)
    std::exchange (client_, nullptr)->finish ();
  if (!socket_ || !socket_->open () || socket_->queued () == 0)
    return false;
  socket_->set_reading (true);
  socket_->finish ();
  linger_.arm (Clock::now () + worker_.settings ().limits.linger);
  return true;
}
} // namespace reach::turn::server
