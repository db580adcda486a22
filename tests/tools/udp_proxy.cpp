// SPDX-License-Identifier: LGPL-2.1-or-later
// Each client address gets a socket towards --to and a link of its own in each direction.
#include "relay.h"
#include <map>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace reach::impair {
namespace {
constexpr std::uint64_t listener_token = 0;
constexpr int reads_per_wake = 64;

struct Client {
  sockaddr_in address;
  Fd socket;
  Link forward, back;
};

class Proxy final : public UdpProxy {
public:
  explicit Proxy (const Options &options) : options_ (options), buffer_ (65536) {}

  bool start (int epoll) override
  {
    epoll_ = epoll;
    listener_ = make_socket ();
    return listener_ &&
           bind (listener_.get (), reinterpret_cast<const sockaddr *> (&options_.listen),
               sizeof options_.listen) == 0 &&
           watch (epoll, EPOLL_CTL_ADD, listener_.get (), EPOLLIN, listener_token);
  }
  std::uint16_t port () const override { return local_port (listener_.get ()); }
  void ready (std::uint64_t token, std::uint32_t events, TimePoint now) override;
  void run_due (TimePoint now) override;
  std::optional<TimePoint> next () const override;
  std::uint64_t clients () const override { return clients_.size (); }
  Counters total (bool forward) const override;
  void set_profiles (const Profile &forward, const Profile &back) override;
  void rebind () override;

private:
  Fd connected () const;
  void observe (bool forward, bool out, Bytes packet) const
  {
    if (options_.observe)
      options_.observe (forward, out, packet);
  }
  static Fd make_socket ();
  Client *client (const sockaddr_in &address);

  Options options_;
  int epoll_ = -1;
  Fd listener_;
  std::vector<std::unique_ptr<Client>> clients_; // the token is the index + 1
  std::map<std::pair<std::uint32_t, std::uint16_t>, Client *> by_address_;
  std::vector<Fd> forgotten_;
  std::vector<std::uint8_t> buffer_;
};

Fd Proxy::make_socket ()
{
  Fd fd (socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int size = 4 << 20; // the proxy itself must not lose anything
  setsockopt (fd.get (), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt (fd.get (), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return fd;
}

Fd Proxy::connected () const
{
  Fd fd = make_socket ();
  if (fd && connect (fd.get (), reinterpret_cast<const sockaddr *> (&options_.to),
                sizeof options_.to) != 0)
    fd = Fd ();
  return fd;
}

Client *Proxy::client (const sockaddr_in &address)
{
  const auto key = std::pair (address.sin_addr.s_addr, address.sin_port);
  if (const auto it = by_address_.find (key); it != by_address_.end ())
    return it->second;
  if (clients_.size () >= options_.max_clients)
    return nullptr;
  auto fd = connected ();
  if (!fd)
    return nullptr;
  const auto n = clients_.size ();
  if (!watch (epoll_, EPOLL_CTL_ADD, fd.get (), EPOLLIN, n + 1))
    return nullptr;
  // The directions and the clients must not lose the same packet numbers.
  const auto seed = options_.seed * 0x100000001b3u + 2 * n;
  clients_.push_back (std::make_unique<Client> (Client{
      address, std::move (fd), Link (options_.forward, seed), Link (options_.back, seed + 1)}));
  return by_address_[key] = clients_.back ().get ();
}

void Proxy::ready (std::uint64_t token, std::uint32_t, TimePoint now)
{
  const bool forward = token == listener_token;
  Client *const peer = forward ? nullptr : clients_[token - 1].get ();
  const int fd = forward ? listener_.get () : peer->socket.get ();
  for (int i = 0; i < reads_per_wake; i++) {
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const auto got = recvfrom (
        fd, buffer_.data (), buffer_.size (), 0, reinterpret_cast<sockaddr *> (&from), &length);
    if (got < 0)
      return; // also when --to is not there yet: the packet is simply gone
    const Bytes packet (buffer_.data (), static_cast<std::size_t> (got));
    observe (forward, false, packet);
    if (!forward)
      peer->back.input (packet, now);
    else if (auto *c = client (from))
      c->forward.input (packet, now);
  }
}

void Proxy::run_due (TimePoint now)
{
  for (auto &c : clients_) {
    while (auto packet = c->forward.poll_transmit (now)) {
      observe (true, true, *packet);
      (void)!::send (c->socket.get (), packet->data (), packet->size (), 0);
    }
    while (auto packet = c->back.poll_transmit (now)) {
      observe (false, true, *packet);
      (void)!sendto (listener_.get (), packet->data (), packet->size (), 0,
          reinterpret_cast<const sockaddr *> (&c->address), sizeof c->address);
    }
  }
}

std::optional<TimePoint> Proxy::next () const
{
  std::optional<TimePoint> first;
  for (const auto &c : clients_)
    for (const auto *link : {&c->forward, &c->back})
      if (const auto t = link->poll_timeout (); t && (!first || *t < *first))
        first = t;
  return first;
}

void Proxy::set_profiles (const Profile &forward, const Profile &back)
{
  options_.forward = forward;
  options_.back = back;
  for (auto &c : clients_) {
    c->forward.set_profile (forward);
    c->back.set_profile (back);
  }
}

void Proxy::rebind ()
{
  for (std::size_t i = 0; i < clients_.size (); i++) {
    Fd &socket = clients_[i]->socket;
    epoll_ctl (epoll_, EPOLL_CTL_DEL, socket.get (), nullptr);
    forgotten_.push_back (std::exchange (socket, connected ()));
    if (socket)
      watch (epoll_, EPOLL_CTL_ADD, socket.get (), EPOLLIN, i + 1);
  }
}

Counters Proxy::total (bool forward) const
{
  Counters sum;
  for (const auto &c : clients_)
    sum.add (forward ? c->forward.counters () : c->back.counters ());
  return sum;
}
} // namespace

std::unique_ptr<UdpProxy> make_udp_proxy (const Options &options)
{
  return std::make_unique<Proxy> (options);
}
} // namespace reach::impair
