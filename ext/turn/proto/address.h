// SPDX-License-Identifier: LGPL-2.1-or-later
// A transport address as STUN carries it.
#pragma once
#include "common/proto/bytes.h"
#include <algorithm>
#include <array>
#include <compare>
#include <functional>
#include <string>

namespace reach::stun {
enum class Family : std::uint8_t { none = 0, ipv4 = 1, ipv6 = 2 }; // as on the wire

struct Address {
  Family family = Family::none;
  std::uint16_t port = 0;
  std::array<std::uint8_t, 16> ip{}; // in network order; of IPv4 the first four bytes

  static Address v4 (
      std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port);
  static Address v6 (const std::array<std::uint8_t, 16> &ip, std::uint16_t port);

  std::size_t ip_size () const { return family == Family::ipv4 ? 4 : 16; }
  Bytes ip_bytes () const { return Bytes (ip).first (ip_size ()); }
  // The host alone, which is what permissions are for.
  Address host () const
  {
    Address a = *this;
    a.port = 0;
    return a;
  }
  // Of one holder, most likely: an IPv4 address, or the first 64 bits of an IPv6 address.
  Address network () const
  {
    Address a = host ();
    if (family == Family::ipv6)
      std::fill (a.ip.begin () + 8, a.ip.end (), std::uint8_t{0});
    return a;
  }
  explicit operator bool () const { return family != Family::none; }
  auto operator<=> (const Address &) const = default;
};

struct AddressHash {
  std::size_t operator() (const Address &a) const;
};

// 192.0.2.1:5004, [2001:db8::1]:5004; without a port when that is 0.
std::string to_string (const Address &a);

// How far an address reaches. A redirection may not lead to where less can be reached.
enum class Scope : std::uint8_t { unusable, loopback, link, site, global };
Scope scope_of (const Address &a);
} // namespace reach::stun
