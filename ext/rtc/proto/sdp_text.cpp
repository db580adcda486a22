// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sdp_text.h"
#include "media_types.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::string_view directions[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
constexpr std::string_view kinds[] = {"audio", "video", "application", "other"};
} // namespace

std::string_view to_string (Direction d)
{
  return directions[static_cast<unsigned> (d)];
}

std::string_view to_string (MediaKind k)
{
  return kinds[static_cast<unsigned> (k)];
}

std::optional<Direction> parse_direction (std::string_view text)
{
  const auto found = std::ranges::find (directions, text);
  if (found == std::end (directions))
    return {};
  return static_cast<Direction> (found - std::begin (directions));
}
} // namespace reach::rtc

namespace reach::rtc::sdp {
bool equal_names (std::string_view a, std::string_view b)
{
  return std::ranges::equal (a, b, {}, lower, lower);
}

bool is_token (std::string_view text)
{
  return !text.empty () && all_of (text, [] (char c) {
    return is_alnum (c) || std::string_view ("!#$%&'*+-.^_`{|}~").find (c) != std::string::npos;
  });
}

bool all_of (std::string_view text, bool (*is) (char))
{
  return std::ranges::all_of (text, is);
}

std::string_view cut (std::string_view &text, char by)
{
  const std::size_t at = std::min (text.find (by), text.size ());
  const std::string_view head = text.substr (0, at);
  text.remove_prefix (std::min (at + 1, text.size ()));
  return head;
}

std::string_view word (std::string_view &text)
{
  const std::string_view w = cut (text, ' ');
  while (text.starts_with (' '))
    text.remove_prefix (1);
  return w;
}

std::vector<std::string_view> words (std::string_view text, std::size_t limit)
{
  std::vector<std::string_view> all;
  text = trim (text);
  while (!text.empty () && all.size () < limit)
    all.push_back (word (text));
  return all;
}

std::string_view trim (std::string_view text)
{
  while (text.starts_with (' '))
    text.remove_prefix (1);
  while (text.ends_with (' '))
    text.remove_suffix (1);
  return text;
}
} // namespace reach::rtc::sdp
