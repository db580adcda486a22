// SPDX-License-Identifier: LGPL-2.1-or-later
#include "binding_gate.h"
#include <algorithm>
#include <array>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace reach::rtc {
namespace {
constexpr std::uint32_t libnice = 0, ours = 1; // of the group's sockets
constexpr std::uint32_t network = static_cast<std::uint32_t> (SKF_NET_OFF);
constexpr std::uint32_t binding_request = 1, magic_cookie = 0x2112a442;
constexpr std::size_t most_datagrams = 64; // of a turn

// Where source addresses are in front of a datagram: IPv4 without options, IPv6 without extension
// headers. From who uses those a peer's requests are always asked about, and never pass.
struct Layout {
  std::uint32_t address, words, port;
};
constexpr Layout ipv4{network + 12, 1, network + 20}, ipv6{network + 8, 4, network + 40};

class Program {
public:
  void load (std::uint16_t size, std::uint32_t at)
  {
    put (static_cast<std::uint16_t> (BPF_LD | BPF_ABS | size), 0, 0, at);
  }
  void skip_unless (std::uint32_t value, std::size_t instructions)
  {
    put (BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<std::uint8_t> (instructions), value);
  }
  void give (std::uint32_t socket) { put (BPF_RET | BPF_K, 0, 0, socket); }
  void give_unless (std::uint32_t value, std::uint32_t socket)
  {
    put (BPF_JMP | BPF_JEQ | BPF_K, 1, 0, value);
    give (socket);
  }
  bool attach (int fd)
  {
    const sock_fprog p{static_cast<unsigned short> (code_.size ()), code_.data ()};
    return setsockopt (fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof p) == 0;
  }

private:
  void put (std::uint16_t code, std::uint8_t yes, std::uint8_t no, std::uint32_t k)
  {
    code_.push_back ({code, yes, no, k});
  }
  std::vector<sock_filter> code_;
};

std::uint32_t word_of (const Address &a, std::size_t n)
{
  const auto *bytes = a.family () == AF_INET6
                          ? reinterpret_cast<const sockaddr_in6 *> (&a.storage)->sin6_addr.s6_addr
                          : reinterpret_cast<const std::uint8_t *> (
                                &reinterpret_cast<const sockaddr_in *> (&a.storage)->sin_addr);
  return load_be<std::uint32_t> (bytes + 4 * n);
}

void pass (Program &p, const Address &from)
{
  const Layout &at = from.family () == AF_INET6 ? ipv6 : ipv4;
  std::size_t rest = 2 * at.words + 3;
  for (std::uint32_t i = 0; i < at.words; i++) {
    p.load (BPF_W, at.address + 4 * i);
    rest -= 2;
    p.skip_unless (word_of (from, i), rest);
  }
  p.load (BPF_H, at.port);
  p.skip_unless (from.port (), 1);
  p.give (libnice);
}

bool same (const Address &a, const Address &b)
{
  return a.family () == b.family () && a.port () == b.port () && word_of (a, 0) == word_of (b, 0) &&
         (a.family () != AF_INET6 ||
             (word_of (a, 1) == word_of (b, 1) && word_of (a, 2) == word_of (b, 2) &&
                 word_of (a, 3) == word_of (b, 3)));
}
} // namespace

std::unique_ptr<BindingGate> BindingGate::open (Loop &loop, int socket, Accept accept)
{
  const Address local = Address::local_of (socket);
  const int on = 1, fd = ::socket (local.family (), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return nullptr;
  std::unique_ptr<BindingGate> gate (new BindingGate (loop, fd, local, std::move (accept)));
  const bool twins = setsockopt (socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
                     setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
                     (local.family () != AF_INET6 ||
                         setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
                     ::bind (fd, local.get (), local.length) == 0 && gate->filter ();
  gate->token_ = twins ? loop.epoll ().add (fd, EPOLLIN, *gate) : 0;
  return gate->token_ ? std::move (gate) : nullptr;
}

BindingGate::BindingGate (Loop &loop, int fd, const Address &local, Accept accept)
    : loop_ (loop), fd_ (fd), local_ (local), accept_ (std::move (accept))
{
}

BindingGate::~BindingGate ()
{
  if (token_)
    loop_.epoll ().remove (token_);
  ::close (fd_);
}

// The rules as they are now, instead of those before.
bool BindingGate::filter ()
{
  Program p;
  p.load (BPF_H, 0);
  p.give_unless (binding_request, libnice);
  p.load (BPF_W, 4);
  p.give_unless (magic_cookie, libnice);
  for (const Address &a : accepted_)
    pass (p, a);
  p.give (ours);
  return p.attach (fd_);
}

void BindingGate::on_ready (std::uint32_t)
{
  std::array<std::uint8_t, 1500> room; // no request is longer
  for (std::size_t i = 0; i < most_datagrams; i++) {
    Address from;
    from.length = sizeof from.storage;
    const ssize_t n = ::recvfrom (fd_, room.data (), room.size (), 0,
        reinterpret_cast<sockaddr *> (&from.storage), &from.length);
    if (n < 0)
      return;
    const bool known =
        std::ranges::any_of (accepted_, [&] (const Address &a) { return same (a, from); });
    if (known || !accept_ ({room.data (), static_cast<std::size_t> (n)}, from))
      continue;
    if (accepted_.size () == max_accepted)
      accepted_.erase (accepted_.begin ());
    accepted_.push_back (from);
    filter ();
  }
}
} // namespace reach::rtc
