// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib's hashes for the cores, with random numbers that are the same in each run.
#pragma once
#include "turn/proto/crypto.h"
#include <algorithm>
#include <glib.h>
#include <memory>
#include <random>

namespace reach::test {
template <std::size_t n>
std::array<std::uint8_t, n> hmac (GChecksumType type, Bytes key, stun::Parts parts)
{
  std::array<std::uint8_t, n> out{};
  gsize size = n;
  const std::unique_ptr<GHmac, void (*) (GHmac *)> h (
      g_hmac_new (type, key.data (), key.size ()), g_hmac_unref);
  for (const Bytes b : parts)
    g_hmac_update (h.get (), b.data (), static_cast<gssize> (b.size ()));
  g_hmac_get_digest (h.get (), out.data (), &size);
  return out;
}

template <std::size_t n> std::array<std::uint8_t, n> hash (GChecksumType type, Bytes in)
{
  std::array<std::uint8_t, n> out{};
  gsize size = n;
  const std::unique_ptr<GChecksum, void (*) (GChecksum *)> c (
      g_checksum_new (type), g_checksum_free);
  g_checksum_update (c.get (), in.data (), static_cast<gssize> (in.size ()));
  g_checksum_get_digest (c.get (), out.data (), &size);
  return out;
}

inline stun::Crypto turn_crypto (unsigned seed = 1)
{
  stun::Crypto c;
  c.md5 = [] (Bytes b) { return hash<16> (G_CHECKSUM_MD5, b); };
  c.sha256 = [] (Bytes b) { return hash<32> (G_CHECKSUM_SHA256, b); };
  c.hmac_sha1 = [] (Bytes k, stun::Parts p) { return hmac<20> (G_CHECKSUM_SHA1, k, p); };
  c.hmac_sha256 = [] (Bytes k, stun::Parts p) { return hmac<32> (G_CHECKSUM_SHA256, k, p); };
  c.random = [rng = std::mt19937 (seed)] (std::span<std::uint8_t> to) mutable {
    std::ranges::generate (to, [&] { return static_cast<std::uint8_t> (rng ()); });
  };
  c.nfkc = [] (std::string_view s) {
    const std::unique_ptr<char, void (*) (void *)> n (
        g_utf8_normalize (s.data (), static_cast<gssize> (s.size ()), G_NORMALIZE_ALL_COMPOSE),
        g_free);
    return n ? std::string (n.get ()) : std::string ();
  };
  return c;
}

inline std::vector<std::uint8_t> hex (std::string_view text)
{
  std::vector<std::uint8_t> out;
  int high = -1;
  for (const char c : text) {
    const int v = g_ascii_xdigit_value (c);
    if (v < 0)
      continue;
    if (high >= 0)
      out.push_back (static_cast<std::uint8_t> (high << 4 | v));
    high = high >= 0 ? -1 : v;
  }
  return out;
}

inline std::string to_hex (Bytes b)
{
  static const char digits[] = "0123456789abcdef";
  std::string s;
  for (const std::uint8_t x : b) {
    s += digits[x >> 4];
    s += digits[x & 15];
  }
  return s;
}

inline bool same (Bytes a, Bytes b)
{
  return std::ranges::equal (a, b);
}
} // namespace reach::test
