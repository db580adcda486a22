// SPDX-License-Identifier: LGPL-2.1-or-later
// The sockets that a loop's core asks for.
#include "server_peer.h"
#include "server_relay.h"
#include "server_stream.h"
#include "server_udp.h"
#include "server_worker.h"
#include <unistd.h>

namespace reach::turn::server {
namespace {
constexpr Socket tcp_mark = Socket{1} << 32; // of a socket's number

int fd_of (Socket s)
{
  return static_cast<int> (s & (tcp_mark - 1));
}

template <typename T>
void put (std::vector<std::unique_ptr<T>> &v, RelayId id, std::unique_ptr<T> p)
{
  if (v.size () <= id)
    v.resize (id + 1);
  v[id] = std::move (p);
}
} // namespace

std::optional<Socket> Worker::bind (Family family, std::uint16_t port, Relaying relaying)
{
  const std::string &address = settings_.relay_bind[index_of (family)];
  std::string error;
  const bool tcp = relaying == Relaying::tcp;
  const int fd = tcp ? bind_tcp (address, port)
                     : bind_udp (address, port, {.only_family = true, .errors = true}, error);
  return fd < 0 ? std::nullopt : std::optional<Socket> (fd | (tcp ? tcp_mark : 0));
}

void Worker::drop (Socket s)
{
  ::close (fd_of (s));
}

void Worker::open (Socket s, RelayId id)
{
  if (s & tcp_mark)
    put (tcp_relays_, id, std::make_unique<TcpRelay> (*this, fd_of (s), id));
  else
    put (relays_, id, std::make_unique<RelaySocket> (*this, fd_of (s), id));
}

// Maybe from within what the socket itself has brought.
void Worker::close (RelayId id)
{
  outbox_.flush ();
  if (id < relays_.size () && relays_[id]) {
    relays_[id]->shut ();
    loop_->destroy_later (std::move (relays_[id]));
  } else {
    loop_->destroy_later (std::move (tcp_relays_[id]));
  }
}

void Worker::connect (ConnectionId id, RelayId from, const Address &peer)
{
  const int fd = tcp_relays_[from]->connect (peer);
  if (fd < 0)
    return loop_->post ([this, id] { peer_connected (id, false); });
  peers_.emplace (id, std::make_unique<PeerConnection> (*this, id, fd, false));
}

void Worker::disconnect (ConnectionId id)
{
  auto node = peers_.extract (id);
  if (!node)
    return;
  auto &p = node.mapped ();
  if (p->end () && lingering_.size () < settings_.limits.lingering)
    lingering_.emplace (p.get (), std::move (p));
  else
    loop_->destroy_later (std::move (p));
}

void Worker::lingered (PeerConnection &p)
{
  if (auto node = lingering_.extract (&p))
    loop_->destroy_later (std::move (node.mapped ()));
}

void Worker::join (ConnectionId id, PathId client)
{
  const auto peer = peers_.find (id);
  auto *c = dynamic_cast<StreamClient *> (routes_[client]);
  if (peer != peers_.end () && c)
    peer->second->splice (*c);
}

void Worker::peer_accepted (RelayId relay, int fd)
{
  const Address from = from_socket (reach::Address::peer_of (fd));
  const auto id = core_ && from ? core_->accepted (relay, from, Clock::now ()) : std::nullopt;
  if (id)
    peers_.emplace (*id, std::make_unique<PeerConnection> (*this, *id, fd, true));
  else
    ::close (fd);
  if (!core_)
    return;
  drain ();
  flush ();
}

void Worker::peer_connected (ConnectionId id, bool good)
{
  if (!core_)
    return;
  core_->connected (id, good, Clock::now ());
  drain ();
  flush ();
}

void Worker::peer_over (ConnectionId id)
{
  if (!core_)
    return;
  core_->peer_closed (id, Clock::now ());
  drain ();
  flush ();
}

void Worker::move (StreamClient &c, ConnectionId to, std::shared_ptr<Moved> what)
{
  over (c);
  place_.move (to % place_.of, std::move (what));
}
} // namespace reach::turn::server
