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

// Zs without U+0020
constexpr std::array<Range, 6> spaces{{{0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}};
// Controls; old Hangul jamo; what can be ignored, and what is no character (RFC 8264, 9.3, 9.9 and
// 9.13)
constexpr std::array<Range, 24> never{{{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x34f, 0x34f},
    {0x61c, 0x61c}, {0x1100, 0x11ff}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200b},
    {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xa960, 0xa97c},
    {0xd7b0, 0xd7c6}, {0xd7cb, 0xd7fb}, {0xe000, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}}};
// The exceptions of RFC 5892, 2.6, that are refused; those that are not are letters.
constexpr std::array<Range, 6> exceptions{{{0x640, 0x640}, {0x7fa, 0x7fa}, {0x302e, 0x302f},
    {0x3031, 0x3035}, {0x303b, 0x303b}, {0x115f, 0x1160}}};
constexpr std::array<Range, 2> greek{{{0x370, 0x3ff}, {0x1f00, 0x1fff}}};
constexpr std::array<Range, 1> hebrew{{{0x591, 0x5f4}}};
constexpr std::array<Range, 7> east_asian{{{0x3005, 0x3007}, {0x3041, 0x309f}, {0x30a1, 0x30fa},
    {0x30fc, 0x30ff}, {0x3400, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x323af}}};
constexpr std::array<Range, 4> joining{
    {{0x620, 0x6d3}, {0x6fa, 0x74f}, {0x750, 0x77f}, {0x8a0, 0x8c9}}};
constexpr std::array<Range, 1> arabic_digits{{{0x660, 0x669}}}, extended_digits{{{0x6f0, 0x6f9}}};

bool is_prohibited (const Unicode &u, char32_t c)
{
  return (c & 0xfffe) == 0xfffe || in (never, c) || in (exceptions, c) ||
         (c != 0x200c && c != 0x200d && u.is_text && !u.is_text (c));
}

// The rules of RFC 5892, appendix A, for the character there.
bool fits (const Unicode &u, std::u32string_view s, std::size_t at)
{
  const char32_t before = at > 0 ? s[at - 1] : 0, after = at + 1 < s.size () ? s[at + 1] : 0;
  const auto any = [s] (const auto &of) {
    return std::ranges::any_of (s, [&] (char32_t c) { return in (of, c); });
  };
  switch (s[at]) {
  case 0x200c:
    return (u.is_virama && u.is_virama (before)) || (in (joining, before) && in (joining, after));
  case 0x200d:
    return u.is_virama && u.is_virama (before);
  case 0xb7:
    return before == 'l' && after == 'l';
  case 0x375:
    return in (greek, after);
  case 0x5f3:
  case 0x5f4:
    return in (hebrew, before);
  case 0x30fb:
    return any (east_asian);
  default:
    return !(in (arabic_digits, s[at]) && any (extended_digits));
  }
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

std::string with_spaces (std::string_view text)
{
  std::string out;
  while (!text.empty ()) {
    const std::string_view before = text;
    const auto c = decode (text);
    if (!c)
      return {};
    if (in (spaces, *c))
      out += ' ';
    else
      out += before.substr (0, before.size () - text.size ());
  }
  return out;
}
} // namespace

std::optional<std::string> prepare (const Crypto &crypto, std::string_view text)
{
  const Unicode &u = crypto.unicode;
  std::string out = with_spaces (text);
  if (u.nfc && !out.empty ())
    out = u.nfc (out);
  if (out.empty () && !text.empty ())
    return {}; // no UTF-8
  std::u32string points;
  for (std::string_view rest = out; !rest.empty ();) {
    const auto c = decode (rest);
    if (!c || is_prohibited (u, *c))
      return {};
    points += *c;
  }
  for (std::size_t i = 0; i < points.size (); i++)
    if (!fits (u, points, i))
      return {};
  return out;
}
} // namespace reach::stun
