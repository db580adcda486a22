// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crc32.h"
#include <array>

namespace reach::stun {
namespace {
constexpr std::array<std::uint32_t, 256> make_table ()
{
  std::array<std::uint32_t, 256> t{};
  for (std::uint32_t i = 0; i < 256; i++) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; bit++)
      c = (c & 1 ? 0xedb88320u : 0u) ^ c >> 1;
    t[i] = c;
  }
  return t;
}
constexpr auto table = make_table ();
} // namespace

std::uint32_t crc32 (Bytes in)
{
  std::uint32_t c = ~0u;
  for (const std::uint8_t b : in)
    c = table[(c ^ b) & 0xff] ^ c >> 8;
  return ~c;
}
} // namespace reach::stun
