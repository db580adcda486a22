// SPDX-License-Identifier: LGPL-2.1-or-later
#include "socket_io.h"
#include <algorithm>

namespace reach::rtc::sio {
namespace {
constexpr std::size_t max_ack = 16; // digits

bool is_digit (char c)
{
  return c >= '0' && c <= '9';
}
} // namespace

std::optional<Packet> parse (std::string_view s)
{
  if (s.empty () || s.front () < '0' || s.front () > '4')
    return {};
  Packet p;
  p.type = static_cast<Type> (s.front ());
  s.remove_prefix (1);
  if (s.starts_with ('/')) {
    const std::size_t end = std::min (s.find (','), s.size ());
    p.name = s.substr (0, std::min (s.find ('?'), end));
    s.remove_prefix (std::min (end + 1, s.size ()));
    if (p.name.size () > max_name)
      return {};
  }
  const auto digits =
      static_cast<std::size_t> (std::find_if_not (s.begin (), s.end (), is_digit) - s.begin ());
  if (digits > max_ack)
    return {};
  p.ack = s.substr (0, digits);
  p.payload = s.substr (digits);
  return p;
}

std::optional<Event> parse_event (std::string_view payload, unsigned depth)
{
  const auto v = json::parse (payload, depth);
  if (!v || !v->is (json::Kind::array))
    return {};
  json::Items i (*v);
  const auto name = i.next () ? json::string_of (i.value ()) : std::nullopt;
  if (!name)
    return {};
  Event e{*name, {}};
  if (i.next ())
    e.data = i.value ();
  return e;
}

std::string text_of (Type type, std::string_view name_space, std::string_view payload)
{
  std::string out = "4";
  out += static_cast<char> (type);
  if (name_space != "/")
    out.append (name_space).append (",");
  return out.append (payload);
}
} // namespace reach::rtc::sio
