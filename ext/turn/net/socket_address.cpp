// SPDX-License-Identifier: LGPL-2.1-or-later
#include "socket_address.h"
#include <algorithm>
#include <netinet/in.h>

namespace reach::turn {
using stun::Family;

stun::Address from_socket (const reach::Address &a)
{
  stun::Address out;
  if (a.family () == AF_INET) {
    const auto &v4 = reinterpret_cast<const sockaddr_in &> (a.storage);
    out.family = Family::ipv4;
    out.port = ntohs (v4.sin_port);
    std::memcpy (out.ip.data (), &v4.sin_addr, 4);
  } else if (a.family () == AF_INET6) {
    const auto &v6 = reinterpret_cast<const sockaddr_in6 &> (a.storage);
    const bool mapped = IN6_IS_ADDR_V4MAPPED (&v6.sin6_addr);
    out.family = mapped ? Family::ipv4 : Family::ipv6;
    out.port = ntohs (v6.sin6_port);
    std::memcpy (out.ip.data (), v6.sin6_addr.s6_addr + (mapped ? 12 : 0), out.ip_size ());
  }
  return out;
}

reach::Address to_socket (const stun::Address &a, bool v6)
{
  reach::Address out;
  if (a.family == Family::ipv4 && !v6) {
    auto &to = reinterpret_cast<sockaddr_in &> (out.storage);
    to.sin_family = AF_INET;
    to.sin_port = htons (a.port);
    std::memcpy (&to.sin_addr, a.ip.data (), 4);
    out.length = sizeof to;
  } else if (a) {
    auto &to = reinterpret_cast<sockaddr_in6 &> (out.storage);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons (a.port);
    std::uint8_t *ip = to.sin6_addr.s6_addr;
    const bool mapped = a.family == Family::ipv4;
    if (mapped)
      ip[10] = ip[11] = 0xff;
    std::memcpy (ip + (mapped ? 12 : 0), a.ip.data (), a.ip_size ());
    out.length = sizeof to;
  }
  return out;
}

stun::Address parse_host (const std::string &host)
{
  const auto a = reach::Address::parse (host, 0);
  return a ? from_socket (*a) : stun::Address{};
}
} // namespace reach::turn
