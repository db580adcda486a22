// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http1_text.h"
#include <algorithm>

namespace reach::http {
namespace {
int hex_value (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_unreserved (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

constexpr std::string_view base64url_chars =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
} // namespace

std::optional<std::string> percent_decode (std::string_view s, bool plus_is_space)
{
  std::string out;
  out.reserve (s.size ());
  for (std::size_t i = 0; i < s.size (); i++) {
    if (s[i] != '%') {
      out.push_back (s[i] == '+' && plus_is_space ? ' ' : s[i]);
      continue;
    }
    if (s.size () - i < 3)
      return {};
    const int hi = hex_value (s[i + 1]), lo = hex_value (s[i + 2]);
    if (hi < 0 || lo < 0 || hi + lo == 0)
      return {};
    out.push_back (static_cast<char> (hi << 4 | lo));
    i += 2;
  }
  return out;
}

std::string percent_encode (std::string_view s)
{
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (char c : s) {
    const auto u = static_cast<unsigned char> (c);
    if (is_unreserved (c))
      out.push_back (c);
    else
      out.append ({'%', hex[u >> 4], hex[u & 15]});
  }
  return out;
}

std::optional<Query> Query::parse (std::string_view s)
{
  Query q;
  while (!s.empty ()) {
    const std::size_t amp = s.find ('&');
    const std::string_view field = s.substr (0, amp);
    s = amp == std::string_view::npos ? std::string_view{} : s.substr (amp + 1);
    if (field.empty ())
      continue;
    const std::size_t eq = field.find ('=');
    auto name = percent_decode (field.substr (0, eq), true);
    auto value = percent_decode (
        eq == std::string_view::npos ? std::string_view{} : field.substr (eq + 1), true);
    if (!name || !value || q.fields_.size () >= max_fields || q.get (*name))
      return {};
    q.fields_.emplace_back (std::move (*name), std::move (*value));
  }
  return q;
}

const std::string *Query::get (std::string_view name) const
{
  const auto it = std::find_if (
      fields_.begin (), fields_.end (), [&] (const auto &f) { return f.first == name; });
  return it == fields_.end () ? nullptr : &it->second;
}

std::optional<std::uint64_t> parse_number (std::string_view s)
{
  if (s.empty () || s.size () > 20)
    return {};
  std::uint64_t v = 0;
  for (char c : s) {
    if (c < '0' || c > '9')
      return {};
    const auto digit = static_cast<std::uint64_t> (c - '0');
    if (v > (UINT64_MAX - digit) / 10)
      return {};
    v = v * 10 + digit;
  }
  return v;
}

std::optional<std::uint64_t> Query::number (
    std::string_view name, std::uint64_t fallback, std::uint64_t max) const
{
  const std::string *s = get (name);
  if (!s)
    return fallback;
  const auto v = parse_number (*s);
  return v && *v <= max ? v : std::nullopt;
}

std::string base64url_encode (Bytes in)
{
  std::string out;
  out.reserve ((in.size () * 4 + 2) / 3);
  std::uint32_t bits = 0;
  unsigned n = 0;
  for (std::uint8_t b : in) {
    bits = bits << 8 | b;
    for (n += 8; n >= 6; n -= 6)
      out.push_back (base64url_chars[bits >> (n - 6) & 63]);
  }
  if (n > 0)
    out.push_back (base64url_chars[bits << (6 - n) & 63]);
  return out;
}

std::optional<std::vector<std::uint8_t>> base64url_decode (std::string_view s)
{
  if (s.size () % 4 == 0 && s.ends_with ('='))
    s.remove_suffix (s.ends_with ("==") ? 2 : 1);
  std::vector<std::uint8_t> out;
  out.reserve (s.size () * 3 / 4);
  std::uint32_t bits = 0;
  unsigned n = 0;
  for (char c : s) {
    const std::size_t v = base64url_chars.find (c);
    if (v == std::string_view::npos)
      return {};
    bits = bits << 6 | static_cast<std::uint32_t> (v);
    n += 6;
    if (n >= 8) {
      n -= 8;
      out.push_back (static_cast<std::uint8_t> (bits >> n));
    }
  }
  if (n == 6 || (bits & ((1u << n) - 1)) != 0)
    return {};
  return out;
}
} // namespace reach::http
