// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes written as hexadecimal digits.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace reach::test {
inline std::vector<std::uint8_t> hex (std::string_view digits)
{
  const auto value = [] (char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i + 1 < digits.size (); i += 2)
    out.push_back (static_cast<std::uint8_t> (value (digits[i]) << 4 | value (digits[i + 1])));
  return out;
}
} // namespace reach::test
