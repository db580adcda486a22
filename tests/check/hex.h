// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes written as hexadecimal digits.
#pragma once
#include "common/proto/bytes.h"
#include <algorithm>

namespace reach::test {
// What is no digit is passed over.
inline std::vector<std::uint8_t> hex (std::string_view text)
{
  std::vector<std::uint8_t> out;
  int high = -1;
  for (const char c : text) {
    const int v = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
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
