// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts of a peer, looked at before they are passed on.
#pragma once
#include "common/proto/bytes.h"
#include <algorithm>

namespace reach::cam {
// Bytes of the UTF-8 character at the start of `s`; 0 when there is no valid one (RFC 3629).
inline std::size_t utf8_character (std::string_view s)
{
  if (s.empty ())
    return 0;
  const auto byte = [&] (std::size_t i) { return static_cast<std::uint8_t> (s[i]); };
  const std::uint8_t b = byte (0);
  if (b < 0x80)
    return 1;
  const std::size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
  if (b < 0xc2 || b > 0xf4 || s.size () < n)
    return 0;
  std::uint32_t c = b & (0x7fu >> n);
  for (std::size_t i = 1; i < n; i++) {
    if ((byte (i) & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (byte (i) & 0x3fu);
  }
  const bool too_long = (n == 3 && c < 0x800) || (n == 4 && c < 0x10000);
  return too_long || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

// UTF-8 throughout and without NUL: fit to be a C string.
inline bool is_text (std::string_view s)
{
  while (!s.empty ()) {
    const std::size_t n = s.front () == '\0' ? 0 : utf8_character (s);
    if (n == 0)
      return false;
    s.remove_prefix (n);
  }
  return true;
}

// Whoever reads strings as C strings would not see what is behind a NUL: it is neither sent nor
// accepted.
inline void put_string (ByteWriter &w, std::string_view s, std::size_t limit)
{
  w.str16 (s.substr (0, std::min (s.find ('\0'), limit)));
}

inline bool get_string (ByteReader &r, std::string &to, std::size_t limit)
{
  to = r.str16 (limit);
  return !r.failed () && to.find ('\0') == to.npos;
}
} // namespace reach::cam
