// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_name.h"
#include "text.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t max_ending = 16;

// Where ".mp4" begins, or the end of the name.
std::size_t ending_of (std::string_view name)
{
  const std::size_t dot = name.rfind ('.');
  return dot == name.npos || dot == 0 || name.size () - dot > max_ending ? name.size () : dot;
}

// At most n bytes, and no half character.
std::string_view cut (std::string_view s, std::size_t n)
{
  if (s.size () <= n)
    return s;
  while (n > 0 && (static_cast<std::uint8_t> (s[n]) & 0xc0) == 0x80)
    n--;
  return s.substr (0, n);
}
} // namespace

std::string safe_file_name (std::string_view name)
{
  name = name.substr (std::min (name.find_last_of ("/\\") + 1, name.size ()));
  std::string clean;
  while (!name.empty ()) {
    const std::size_t n = utf8_character (name);
    const auto c = static_cast<std::uint8_t> (name.front ());
    const bool c1 = n == 2 && c == 0xc2 && static_cast<std::uint8_t> (name[1]) < 0xa0;
    if (n == 0 || c < 0x20 || c == 0x7f || c1)
      clean += '_';
    else
      clean += name.substr (0, n);
    name.remove_prefix (std::max<std::size_t> (n, 1));
  }
  if (clean.empty ())
    return "file";
  if (clean[0] == '.')
    clean[0] = '_';
  if (clean.size () <= max_safe_name)
    return clean;
  const std::string ending = clean.substr (ending_of (clean));
  return std::string (cut (clean, max_safe_name - ending.size ())) + ending;
}

std::string numbered_file_name (const std::string &name, unsigned number)
{
  const std::size_t dot = ending_of (name);
  return name.substr (0, dot) + " (" + std::to_string (number) + ")" + name.substr (dot);
}
} // namespace reach::cam
