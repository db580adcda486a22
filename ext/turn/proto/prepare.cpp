// SPDX-License-Identifier: LGPL-2.1-or-later
#include "prepare.h"
#include <algorithm>

namespace reach::stun {
namespace {
struct Range {
  char32_t first, last;
};

template <std::size_t n> bool in (const std::array<Range, n> &ranges, char32_t c)
{
  return std::ranges::any_of (ranges, [c] (Range r) { return c >= r.first && c <= r.last; });
}

// RFC 3454, table B.1
constexpr std::array<Range, 7> to_nothing{{{0xad, 0xad}, {0x34f, 0x34f}, {0x1806, 0x1806},
    {0x180b, 0x180d}, {0x200b, 0x200d}, {0x2060, 0x2060}, {0xfe00, 0xfe0f}}};
// C.1.2, but the one that is in B.1 too
constexpr std::array<Range, 6> to_space{{{0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}};
// C.2.1, C.2.2, C.3, C.5, C.6, C.7, C.8, C.9; C.4 is in is_prohibited ()
constexpr std::array<Range, 19> never{
    {{0, 0x1f}, {0x7f, 0x9f}, {0x340, 0x341}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x180e, 0x180e},
        {0x200c, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2063}, {0x206a, 0x206f}, {0x2ff0, 0x2ffb},
        {0xd800, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xfff9, 0xffff}, {0x1d173, 0x1d17a},
        {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, 0x10ffff}}};

bool is_prohibited (char32_t c)
{
  return (c & 0xfffe) == 0xfffe || in (never, c);
}

// One code point off the front; nothing for what is no UTF-8, overlong forms and surrogates too.
std::optional<char32_t> decode (std::string_view &s)
{
  const auto first = static_cast<unsigned char> (s[0]);
  const unsigned n = first < 0x80   ? 1
                     : first < 0xc2 ? 0
                     : first < 0xe0 ? 2
                     : first < 0xf0 ? 3
                     : first < 0xf5 ? 4
                                    : 0;
  if (n == 0 || s.size () < n)
    return {};
  char32_t c = n == 1 ? first : first & (0x7fu >> n);
  for (unsigned i = 1; i < n; i++) {
    const auto b = static_cast<unsigned char> (s[i]);
    if ((b & 0xc0) != 0x80)
      return {};
    c = c << 6 | (b & 0x3f);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
    return {};
  s.remove_prefix (n);
  return c;
}

std::optional<std::string> map (std::string_view text)
{
  std::string out;
  while (!text.empty ()) {
    const std::string_view before = text;
    const auto c = decode (text);
    if (!c)
      return {};
    if (in (to_space, *c))
      out += ' ';
    else if (!in (to_nothing, *c) && *c != 0xfeff)
      out += before.substr (0, before.size () - text.size ());
  }
  return out;
}
} // namespace

std::optional<std::string> prepare (const Crypto &crypto, std::string_view text)
{
  auto mapped = map (text);
  if (!mapped)
    return {};
  std::string out = crypto.nfkc ? crypto.nfkc (*mapped) : *mapped;
  for (std::string_view rest = out; !rest.empty ();) {
    const auto c = decode (rest);
    if (!c || is_prohibited (*c))
      return {};
  }
  return out;
}
} // namespace reach::stun
