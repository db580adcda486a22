// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base64.h"

namespace reach::stun {
namespace {
constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

std::string base64 (Bytes in)
{
  std::string out;
  out.reserve ((in.size () + 2) / 3 * 4);
  for (std::size_t i = 0; i < in.size (); i += 3) {
    const std::size_t n = in.size () - i < 3 ? in.size () - i : 3;
    std::uint32_t v = 0;
    for (std::size_t k = 0; k < 3; k++)
      v = v << 8 | (k < n ? in[i + k] : 0u);
    for (std::size_t k = 0; k < 4; k++)
      out += k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::optional<std::uint32_t> base64_quantum (std::string_view four)
{
  if (four.size () != 4)
    return {};
  std::uint32_t v = 0;
  for (const char c : four) {
    const std::size_t at = digits.find (c);
    if (at == std::string_view::npos)
      return {};
    v = v << 6 | static_cast<std::uint32_t> (at);
  }
  return v;
}
} // namespace reach::stun
