// SPDX-License-Identifier: LGPL-2.1-or-later
// The hashes that the elements have, with random numbers that are the same in each run.
#pragma once
#include "turn/net/hashes.h"
#include <algorithm>
#include <glib.h>
#include <memory>
#include <random>

namespace reach::test {
inline stun::Crypto turn_crypto (unsigned seed = 1)
{
  stun::Crypto c = turn::make_crypto ();
  c.random = [rng = std::mt19937 (seed)] (std::span<std::uint8_t> to) mutable {
    std::ranges::generate (to, [&] { return static_cast<std::uint8_t> (rng ()); });
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
