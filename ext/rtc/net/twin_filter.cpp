// SPDX-License-Identifier: LGPL-2.1-or-later
#include "twin_filter.h"
#include "common/proto/bytes.h"
#include <linux/filter.h>
#include <netinet/in.h>

namespace reach::rtc {
namespace {
constexpr std::uint32_t libnice = 0, twin = 1; // of the group's sockets, in order of bind ()
constexpr std::uint32_t network = static_cast<std::uint32_t> (SKF_NET_OFF);
constexpr std::uint32_t binding_request = 1, magic_cookie = 0x2112a442;

// Where source addresses are in front of a datagram: IPv4 without options, IPv6 without extension
// headers. What comes with those goes as if its sender were in no list.
struct Layout {
  std::uint32_t address, words, port;
  std::size_t instructions () const { return 2 * words + 3; }
};
constexpr Layout ipv4{network + 12, 1, network + 20}, ipv6{network + 8, 4, network + 40};

const Layout &layout_of (const Address &a)
{
  return a.family () == AF_INET6 ? ipv6 : ipv4;
}

std::uint32_t word_of (const Address &a, std::size_t n)
{
  const auto *bytes = a.family () == AF_INET6
                          ? reinterpret_cast<const sockaddr_in6 *> (&a.storage)->sin6_addr.s6_addr
                          : reinterpret_cast<const std::uint8_t *> (
                                &reinterpret_cast<const sockaddr_in *> (&a.storage)->sin_addr);
  return load_be<std::uint32_t> (bytes + 4 * n);
}

// Classic BPF. A load behind the datagram's end gives it to the first socket, libnice's.
class Program {
public:
  void load (std::uint16_t size, std::uint32_t at)
  {
    put (static_cast<std::uint16_t> (BPF_LD | BPF_ABS | size), 0, 0, at);
  }
  void skip_unless (std::uint32_t value, std::size_t instructions)
  {
    put (BPF_JMP | BPF_JEQ | BPF_K, 0, instructions, value);
  }
  // How many to skip when it is that or more, and when it is less.
  void compare (std::uint32_t value, std::size_t least, std::size_t less)
  {
    put (BPF_JMP | BPF_JGE | BPF_K, least, less, value);
  }
  void give (std::uint32_t socket) { put (BPF_RET | BPF_K, 0, 0, socket); }
  void give_unless (std::uint32_t value, std::uint32_t socket)
  {
    put (BPF_JMP | BPF_JEQ | BPF_K, 1, 0, value);
    give (socket);
  }
  void give_from (const Address &from, std::uint32_t socket)
  {
    const Layout &at = layout_of (from);
    std::size_t rest = at.instructions ();
    for (std::uint32_t i = 0; i < at.words; i++) {
      load (BPF_W, at.address + 4 * i);
      skip_unless (word_of (from, i), rest -= 2);
    }
    load (BPF_H, at.port);
    skip_unless (from.port (), 1);
    give (socket);
  }
  bool attach (int fd)
  {
    const sock_fprog p{static_cast<unsigned short> (code_.size ()), code_.data ()};
    return setsockopt (fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof p) == 0;
  }

private:
  void put (std::uint16_t code, std::size_t yes, std::size_t no, std::uint32_t k)
  {
    code_.push_back ({code, static_cast<std::uint8_t> (yes), static_cast<std::uint8_t> (no), k});
  }
  std::vector<sock_filter> code_;
};

void add_peers (Program &p, const std::vector<Address> &peers)
{
  std::size_t instructions = 1;
  for (const Address &a : peers)
    instructions += layout_of (a).instructions ();
  p.load (BPF_B, 0);
  p.compare (192, 0, 1);
  p.give (libnice);
  p.compare (128, 3, 0);
  p.compare (64, 0, 1);
  p.give (libnice); // ChannelData of a relay
  p.compare (20, 0, instructions);
  for (const Address &a : peers)
    p.give_from (a, twin);
  p.give (libnice);
}

void add_bindings (Program &p, const std::vector<Address> &accepted)
{
  p.load (BPF_H, 0);
  p.give_unless (binding_request, libnice);
  p.load (BPF_W, 4);
  p.give_unless (magic_cookie, libnice);
  for (const Address &a : accepted)
    p.give_from (a, libnice);
  p.give (twin);
}
} // namespace

bool attach_filter (int fd, const TwinRules &rules)
{
  Program p;
  if (!rules.peers.empty ())
    add_peers (p, rules.peers);
  if (rules.ask_bindings)
    add_bindings (p, rules.accepted);
  else
    p.give (libnice);
  return p.attach (fd);
}

bool same_endpoint (const Address &a, const Address &b)
{
  if (a.family () != b.family () || a.port () != b.port ())
    return false;
  for (std::uint32_t i = 0; i < layout_of (a).words; i++)
    if (word_of (a, i) != word_of (b, i))
      return false;
  return true;
}
} // namespace reach::rtc
