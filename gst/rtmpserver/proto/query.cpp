// SPDX-License-Identifier: LGPL-2.1-or-later
#include "query.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
// `field` up to the next separator, which is taken off too.
std::string_view next_field (std::string_view &rest)
{
  const std::size_t end = std::min (rest.find_first_of ("?&"), rest.size ());
  const std::string_view field = rest.substr (0, end);
  rest.remove_prefix (std::min (end + 1, rest.size ()));
  return field;
}

bool is_named (std::string_view field, std::string_view name)
{
  return field.starts_with (name) && field.substr (name.size ()).starts_with ('=');
}
} // namespace

std::optional<std::string_view> parameter (std::string_view query, std::string_view name)
{
  while (!query.empty ())
    if (const auto field = next_field (query); is_named (field, name))
      return field.substr (name.size () + 1);
  return std::nullopt;
}

std::string redacted (std::string_view text, std::initializer_list<std::string_view> names)
{
  std::string out;
  for (std::size_t at = 0; at < text.size ();) {
    std::string_view rest = text.substr (at);
    const std::string_view field = next_field (rest);
    const auto *name =
        std::ranges::find_if (names, [&] (std::string_view n) { return is_named (field, n); });
    if (name == names.end ())
      out += field;
    else
      out.append (*name).append ("=***");
    at += field.size ();
    if (at < text.size ())
      out += text[at++]; // the separator
  }
  return out;
}
} // namespace reach::rtmp
