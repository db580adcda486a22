// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_policy.h"
#include <algorithm>
#include <charconv>

namespace reach::turn::server {
namespace {
std::optional<unsigned> number (std::string_view text, unsigned max, int base = 10)
{
  unsigned v = 0;
  const auto [end, error] = std::from_chars (text.data (), text.data () + text.size (), v, base);
  if (error != std::errc () || end != text.data () + text.size () || v > max)
    return {};
  return v;
}

std::optional<Address> parse_v4 (std::string_view text)
{
  Address a;
  a.family = Family::ipv4;
  for (unsigned i = 0; i < 4; i++) {
    const std::size_t dot = i < 3 ? text.find ('.') : text.size ();
    if (dot == text.npos)
      return {};
    const auto v = number (text.substr (0, dot), 255);
    if (!v)
      return {};
    a.ip[i] = static_cast<std::uint8_t> (*v);
    text.remove_prefix (std::min (text.size (), dot + 1));
  }
  return a;
}

// The groups of a text without "::"; nothing if one is wrong or there are too many.
std::optional<std::vector<std::uint8_t>> parse_groups (std::string_view text)
{
  std::vector<std::uint8_t> out;
  while (!text.empty ()) {
    const std::size_t colon = std::min (text.find (':'), text.size ());
    const std::string_view group = text.substr (0, colon);
    if (group.find ('.') != group.npos && colon == text.size ()) {
      const auto v4 = parse_v4 (group);
      if (!v4)
        return {};
      out.insert (out.end (), v4->ip.begin (), v4->ip.begin () + 4);
    } else {
      const auto v = group.size () <= 4 ? number (group, 0xffff, 16) : std::nullopt;
      if (!v)
        return {};
      out.push_back (static_cast<std::uint8_t> (*v >> 8));
      out.push_back (static_cast<std::uint8_t> (*v));
    }
    if (out.size () > 16 || colon + 1 == text.size ())
      return {};
    text.remove_prefix (std::min (text.size (), colon + 1));
  }
  return out;
}

std::optional<Address> parse_v6 (std::string_view text)
{
  const std::size_t gap = text.find ("::");
  const auto head = parse_groups (text.substr (0, gap));
  const auto tail = parse_groups (gap == text.npos ? "" : text.substr (gap + 2));
  if (!head || !tail ||
      (gap == text.npos ? head->size () != 16 : head->size () + tail->size () > 14))
    return {};
  Address a;
  a.family = Family::ipv6;
  std::ranges::copy (*head, a.ip.begin ());
  std::ranges::copy (*tail, a.ip.end () - static_cast<std::ptrdiff_t> (tail->size ()));
  return a;
}

const std::vector<Prefix> &not_public ()
{
  static const std::vector<Prefix> list = [] {
    std::vector<Prefix> v;
    for (const char *text : {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
             "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16",
             "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
             "::/96",                          // unspecified, loopback, IPv4-compatible
             "::ffff:0:0/96",                  // IPv4-mapped
             "::ffff:0:0:0/96",                // IPv4-translated
             "64:ff9b::/96", "64:ff9b:1::/48", // NAT64
             "100::/64",                       // discard
             "2001::/32",                      // Teredo
             "2002::/16",                      // 6to4
             "fc00::/7",                       // unique local, fd00:ec2::254 among them
             "fe80::/10", "fec0::/10", "ff00::/8"})
      v.push_back (*Prefix::parse (text));
    return v;
  }();
  return list;
}
} // namespace

std::optional<Prefix> Prefix::parse (std::string_view text)
{
  const std::size_t slash = text.find ('/');
  const std::string_view host = text.substr (0, slash);
  const auto a = host.find (':') == host.npos ? parse_v4 (host) : parse_v6 (host);
  if (!a)
    return {};
  const auto whole = static_cast<unsigned> (8 * a->ip_size ());
  const auto bits = slash == text.npos ? whole : number (text.substr (slash + 1), whole);
  if (!bits)
    return {};
  return Prefix{*a, *bits};
}

bool Prefix::contains (const Address &a) const
{
  if (a.family != address.family)
    return false;
  const std::size_t whole = bits / 8;
  if (!std::equal (
          a.ip.begin (), a.ip.begin () + static_cast<std::ptrdiff_t> (whole), address.ip.begin ()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a.ip[whole] ^ address.ip[whole]) >> (8 - rest)) == 0;
}

const PeerPolicy::Rule *PeerPolicy::rule_for (const Address &peer) const
{
  const Rule *best = nullptr;
  for (const Rule &r : rules_)
    if (r.prefix.contains (peer) && (!best || r.prefix.bits > best->prefix.bits ||
                                        (r.prefix.bits == best->prefix.bits && !r.allow)))
      best = &r;
  return best;
}

bool PeerPolicy::allowed (const Address &peer) const
{
  if (const Rule *best = rule_for (peer))
    return best->allow;
  return peer.family != Family::none &&
         std::ranges::none_of (not_public (), [&] (const Prefix &p) { return p.contains (peer); });
}

// 0.0.0.0 and :: lead here, too.
bool PeerPolicy::is_here (const Address &peer) const
{
  return scope_of (peer) == stun::Scope::loopback ||
         std::ranges::all_of (peer.ip, [] (std::uint8_t b) { return b == 0; }) ||
         std::ranges::find (hosts_, peer.host ()) != hosts_.end ();
}
} // namespace reach::turn::server
