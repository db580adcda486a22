// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http1_head.h"
#include <algorithm>

namespace reach::http {
namespace {
constexpr bool is_alpha (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit (char c)
{
  return c >= '0' && c <= '9';
}

constexpr bool is_tchar (char c)
{
  return is_alpha (c) || is_digit (c) ||
         std::string_view ("!#$%&'*+-.^_`|~").find (c) != std::string_view::npos;
}

constexpr char lower (char c)
{
  return c >= 'A' && c <= 'Z' ? static_cast<char> (c + 32) : c;
}

// Visible ASCII without the fragment mark, which a client never sends.
bool is_target (std::string_view s)
{
  return !s.empty () && std::all_of (s.begin (), s.end (),
                            [] (char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

Fault split_target (Request &r)
{
  std::string_view t = r.target;
  if (r.method == "CONNECT")
    return t.find ('/') == std::string_view::npos ? Fault::none : Fault::bad_request_line;
  if (t == "*")
    return r.method == "OPTIONS" ? Fault::none : Fault::bad_request_line;
  if (t.front () != '/') { // absolute-form, which every server must accept
    const std::string scheme = to_lower (t.substr (0, t.find (':')));
    if ((scheme != "http" && scheme != "https") || t.substr (scheme.size (), 3) != "://")
      return Fault::bad_request_line;
    t.remove_prefix (scheme.size () + 3);
    const std::size_t end = t.find_first_of ("/?");
    if (end == 0 || t.empty ())
      return Fault::bad_request_line;
    t = end == std::string_view::npos ? std::string_view{} : t.substr (end);
  }
  const std::size_t mark = t.find ('?');
  r.path = t.substr (0, mark);
  if (r.path.empty ())
    r.path = "/";
  if (mark != std::string_view::npos)
    r.query = t.substr (mark + 1);
  return Fault::none;
}

std::optional<std::uint64_t> parse_length (std::string_view s)
{
  if (s.empty () || s.size () > 18 || !std::all_of (s.begin (), s.end (), is_digit))
    return {};
  std::uint64_t v = 0;
  for (char c : s)
    v = v * 10 + static_cast<std::uint64_t> (c - '0');
  return v;
}

Fault interpret_framing (Request &r)
{
  std::size_t n_length = 0, n_coding = 0;
  for (const Header &h : r.headers) {
    if (h.name == "content-length") {
      n_length++;
      r.content_length = parse_length (h.value);
      if (!r.content_length)
        return Fault::bad_length;
    } else if (h.name == "transfer-encoding") {
      n_coding++;
      if (to_lower (h.value) != "chunked")
        return Fault::bad_coding;
      r.chunked = true;
    }
  }
  if (n_length + n_coding > 1)
    return Fault::ambiguous_length;
  // An HTTP/1.0 proxy in between would not have understood the coding.
  return r.chunked && r.minor == 0 ? Fault::ambiguous_length : Fault::none;
}

bool valid_host (std::string_view s)
{
  return std::all_of (s.begin (), s.end (), [] (char c) {
    return is_alpha (c) || is_digit (c) ||
           std::string_view ("-._~!$&'()*+,;=:[]%").find (c) != std::string_view::npos;
  });
}
} // namespace

bool is_token (std::string_view s)
{
  return !s.empty () && std::all_of (s.begin (), s.end (), is_tchar);
}

bool is_field_text (std::string_view s)
{
  return std::all_of (s.begin (), s.end (), [] (char c) {
    const auto u = static_cast<unsigned char> (c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
  });
}

std::string to_lower (std::string_view s)
{
  std::string out (s);
  std::transform (out.begin (), out.end (), out.begin (), lower);
  return out;
}

std::string_view trim (std::string_view s)
{
  const std::size_t from = s.find_first_not_of (" \t");
  if (from == std::string_view::npos)
    return {};
  return s.substr (from, s.find_last_not_of (" \t") - from + 1);
}

Fault parse_request_line (std::string_view line, Request &out)
{
  const std::size_t a = line.find (' '), b = line.rfind (' ');
  if (a == std::string_view::npos || a == b)
    return Fault::bad_request_line;
  const std::string_view method = line.substr (0, a), target = line.substr (a + 1, b - a - 1);
  const std::string_view version = line.substr (b + 1);
  if (!is_token (method) || method.size () > 32 || !is_target (target))
    return Fault::bad_request_line;
  if (version.size () != 8 || version.substr (0, 5) != "HTTP/" || !is_digit (version[5]) ||
      version[6] != '.' || !is_digit (version[7]))
    return Fault::bad_request_line;
  if (version[5] != '1')
    return Fault::bad_version;
  out.minor = version[7] == '0' ? 0 : 1;
  out.method = method;
  out.target = target;
  return split_target (out);
}

Fault parse_header_line (std::string_view line, Header &out)
{
  const std::size_t colon = line.find (':');
  // A token has no space, so this refuses folded lines and a space before the colon as well.
  if (colon == std::string_view::npos || !is_token (line.substr (0, colon)))
    return Fault::bad_header;
  const std::string_view value = trim (line.substr (colon + 1));
  if (!is_field_text (value))
    return Fault::bad_header;
  out.name = to_lower (line.substr (0, colon));
  out.value = value;
  return Fault::none;
}

Fault interpret_headers (Request &r)
{
  if (const Fault f = interpret_framing (r); f != Fault::none)
    return f;
  std::size_t n_host = 0;
  for (const Header &h : r.headers) {
    if (h.name == "host") {
      if (++n_host > 1 || !valid_host (h.value))
        return Fault::bad_host;
    } else if (h.name == "expect" && r.minor > 0) {
      if (to_lower (h.value) != "100-continue")
        return Fault::bad_expectation;
      r.expect_continue = true;
    }
  }
  if (r.minor > 0 && n_host == 0)
    return Fault::bad_host;
  r.keep_alive = !r.has_token ("connection", "close") &&
                 (r.minor > 0 || r.has_token ("connection", "keep-alive"));
  r.upgrade = r.minor > 0 && r.has_token ("connection", "upgrade");
  r.expect_continue = r.expect_continue && r.has_body ();
  return Fault::none;
}

std::optional<std::uint64_t> parse_chunk_size (std::string_view line)
{
  const std::string_view digits = line.substr (0, line.find (';'));
  if (digits.empty () || digits.size () > 15 || !is_field_text (line))
    return {};
  std::uint64_t v = 0;
  for (char c : digits) {
    const char l = lower (c);
    if (!is_digit (l) && !(l >= 'a' && l <= 'f'))
      return {};
    v = v << 4 | static_cast<std::uint64_t> (is_digit (l) ? l - '0' : l - 'a' + 10);
  }
  return v;
}
} // namespace reach::http
