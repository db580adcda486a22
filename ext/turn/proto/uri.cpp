// SPDX-License-Identifier: LGPL-2.1-or-later
#include "uri.h"
#include <algorithm>
#include <charconv>

namespace reach::turn {
namespace {
bool is_alnum (char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_unreserved (char c)
{
  return is_alnum (c) || c == '-' || c == '.' || c == '_' || c == '~';
}

char lower (char c)
{
  return c >= 'A' && c <= 'Z' ? static_cast<char> (c - 'A' + 'a') : c;
}

bool equal_names (std::string_view a, std::string_view b)
{
  return std::ranges::equal (a, b, {}, lower, lower);
}

std::optional<std::string> decode (std::string_view text)
{
  std::string out;
  for (std::size_t i = 0; i < text.size (); i++) {
    if (text[i] != '%') {
      // unreserved and sub-delims (RFC 3986, 3.2.1)
      if (!is_unreserved (text[i]) &&
          std::string_view ("!$&'()*+,;=").find (text[i]) == std::string_view::npos)
        return {};
      out += text[i];
      continue;
    }
    unsigned char v = 0;
    const char *end = text.data () + std::min (i + 3, text.size ());
    if (end - (text.data () + i) != 3 ||
        std::from_chars (text.data () + i + 1, end, v, 16).ptr != end || v == 0)
      return {};
    out += static_cast<char> (v);
    i += 2;
  }
  return out;
}

std::string encode (std::string_view text)
{
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved (c)) {
      out += c;
      continue;
    }
    const auto b = static_cast<unsigned char> (c);
    out += '%';
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

bool parse_user (std::string_view text, Uri &u)
{
  const std::size_t colon = text.find (':');
  u.username = decode (text.substr (0, colon));
  if (colon != std::string_view::npos) {
    u.password = decode (text.substr (colon + 1));
    if (!u.password)
      return false;
  }
  return u.username && !u.username->empty ();
}

bool parse_host (std::string_view text, Uri &u)
{
  std::string_view port;
  if (text.starts_with ('[')) {
    const std::size_t end = text.find (']');
    if (end == std::string_view::npos)
      return false;
    u.host = text.substr (1, end - 1);
    port = text.substr (end + 1);
    const bool address =
        u.host.find (':') != std::string::npos && std::ranges::all_of (u.host, [] (char c) {
          return is_alnum (c) || c == ':' || c == '.' || c == '%';
        });
    if (!address || (!port.empty () && port[0] != ':'))
      return false;
  } else {
    const std::size_t colon = text.find (':');
    u.host = text.substr (0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : text.substr (colon);
    if (!std::ranges::all_of (u.host, is_unreserved))
      return false;
  }
  if (u.host.empty () || u.host.size () > 255)
    return false;
  if (port.empty ())
    return true;
  const auto [end, error] = std::from_chars (port.data () + 1, port.data () + port.size (), u.port);
  return error == std::errc{} && end == port.data () + port.size () && u.port != 0;
}

bool parse_query (std::string_view text, Uri &u)
{
  constexpr std::string_view key = "transport=";
  if (!u.relay || !equal_names (text.substr (0, key.size ()), key))
    return false;
  const std::string_view value = text.substr (key.size ());
  if (equal_names (value, "udp"))
    u.transport = u.secure ? Transport::dtls : Transport::udp;
  else if (equal_names (value, "tcp"))
    u.transport = u.secure ? Transport::tls : Transport::tcp;
  else
    return false;
  return true;
}
} // namespace

Transport Uri::effective_transport () const
{
  return transport.value_or (secure ? Transport::tls : Transport::udp);
}

std::optional<Uri> parse_uri (std::string_view text)
{
  Uri u;
  const std::size_t colon = text.find (':');
  if (colon == std::string_view::npos)
    return {};
  const std::string_view scheme = text.substr (0, colon);
  u.relay = equal_names (scheme.substr (0, 4), "turn");
  u.secure = scheme.size () == 5 && lower (scheme[4]) == 's';
  if ((!u.relay && !equal_names (scheme.substr (0, 4), "stun")) ||
      scheme.size () != (u.secure ? 5u : 4u))
    return {};
  std::string_view rest = text.substr (colon + 1);
  if (const std::size_t query = rest.find ('?'); query != std::string_view::npos) {
    if (!parse_query (rest.substr (query + 1), u))
      return {};
    rest = rest.substr (0, query);
  }
  if (const std::size_t at = rest.rfind ('@'); at != std::string_view::npos) {
    if (!parse_user (rest.substr (0, at), u))
      return {};
    rest = rest.substr (at + 1);
  }
  if (!parse_host (rest, u))
    return {};
  return u;
}

std::string to_string (const Uri &u, bool secret)
{
  std::string s = u.relay ? "turn" : "stun";
  s += u.secure ? "s:" : ":";
  if (u.username) {
    s += encode (*u.username);
    if (u.password)
      s += ":" + (secret ? encode (*u.password) : "*");
    s += '@';
  }
  s += u.host.find (':') == std::string::npos ? u.host : "[" + u.host + "]";
  if (u.port != 0)
    s += ":" + std::to_string (u.port);
  if (u.transport)
    s += std::string ("?transport=") + (is_stream (*u.transport) ? "tcp" : "udp");
  return s;
}

std::string redact (std::string_view text)
{
  const std::size_t at = text.rfind ('@');
  const std::size_t scheme = text.find (':');
  if (at == std::string_view::npos)
    return std::string (text);
  if (scheme == std::string_view::npos || scheme > at)
    return "*" + std::string (text.substr (at));
  const std::size_t colon = text.find (':', scheme + 1);
  if (colon == std::string_view::npos || colon > at)
    return std::string (text);
  return std::string (text.substr (0, colon + 1)) + "*" + std::string (text.substr (at));
}
} // namespace reach::turn
