// SPDX-License-Identifier: LGPL-2.1-or-later
#include "address.h"
#include <cstdio>

namespace reach::stun {
Address Address::v4 (
    std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port)
{
  return {Family::ipv4, port, {a, b, c, d}};
}

Address Address::v6 (const std::array<std::uint8_t, 16> &ip, std::uint16_t port)
{
  return {Family::ipv6, port, ip};
}

std::size_t AddressHash::operator() (const Address &a) const
{
  std::uint64_t high, low;
  std::memcpy (&high, a.ip.data (), 8);
  std::memcpy (&low, a.ip.data () + 8, 8);
  std::uint64_t h = high ^ (low * 0x9e3779b97f4a7c15u) ^ (std::uint64_t{a.port} << 40);
  h ^= h >> 32;
  return static_cast<std::size_t> (h * 0x9e3779b97f4a7c15u);
}

namespace {
// The longest run of zero groups, at least two, as RFC 5952 wants it shortened.
std::pair<unsigned, unsigned> zero_run (const std::array<std::uint16_t, 8> &g)
{
  unsigned best = 0, length = 1;
  for (unsigned i = 0; i < 8; i++) {
    unsigned n = 0;
    while (i + n < 8 && g[i + n] == 0)
      n++;
    if (n > length) {
      best = i;
      length = n;
    }
  }
  return {best, length > 1 ? length : 0};
}

std::string ipv6_text (const Address &a)
{
  std::array<std::uint16_t, 8> g{};
  for (unsigned i = 0; i < 8; i++)
    g[i] = load_be<std::uint16_t> (a.ip.data () + 2 * i);
  const auto [from, n] = zero_run (g);
  std::string s;
  char part[8];
  for (unsigned i = 0; i < 8; i++) {
    if (n > 0 && i == from) {
      s += "::";
      i += n - 1;
      continue;
    }
    std::snprintf (part, sizeof part, "%x", static_cast<unsigned> (g[i]));
    if (!s.empty () && s.back () != ':')
      s += ':';
    s += part;
  }
  return s;
}

Scope scope_of_v4 (const std::uint8_t *ip)
{
  if (ip[0] == 0 || ip[0] >= 224)
    return Scope::unusable;
  if (ip[0] == 127)
    return Scope::loopback;
  if (ip[0] == 169 && ip[1] == 254)
    return Scope::link;
  const bool shared = ip[0] == 100 && (ip[1] & 0xc0) == 64; // RFC 6598
  if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
      shared)
    return Scope::site;
  return Scope::global;
}
} // namespace

std::string to_string (const Address &a)
{
  if (a.family == Family::none)
    return "none";
  std::string s;
  if (a.family == Family::ipv4) {
    char text[20];
    std::snprintf (text, sizeof text, "%u.%u.%u.%u", a.ip[0], a.ip[1], a.ip[2], a.ip[3]);
    s = text;
  } else {
    s = ipv6_text (a);
  }
  if (a.port == 0)
    return s;
  if (a.family == Family::ipv6)
    s = "[" + s + "]";
  return s + ":" + std::to_string (a.port);
}

Scope scope_of (const Address &a)
{
  if (a.family == Family::none)
    return Scope::unusable;
  const std::uint8_t *ip = a.ip.data ();
  if (a.family == Family::ipv4)
    return scope_of_v4 (ip);
  const bool zeroes = std::all_of (ip, ip + 10, [] (std::uint8_t b) { return b == 0; });
  if (zeroes && ip[10] == 0xff && ip[11] == 0xff) // mapped
    return scope_of_v4 (ip + 12);
  if (zeroes && ip[10] == 0 && ip[11] == 0) // ::, ::1 and what was IPv4-compatible once
    return ip[12] == 0 && ip[13] == 0 && ip[14] == 0 && ip[15] == 1 ? Scope::loopback
                                                                    : Scope::unusable;
  if (ip[0] == 0xff)
    return Scope::unusable;
  if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80)
    return Scope::link;
  if ((ip[0] & 0xfe) == 0xfc)
    return Scope::site;
  if (ip[0] == 0 && ip[1] == 0x64 && ip[2] == 0xff && ip[3] == 0x9b && ip[4] == 0 && ip[5] == 0)
    return scope_of_v4 (ip + 12); // NAT64, RFC 6052
  return Scope::global;
}
} // namespace reach::stun
