// SPDX-License-Identifier: LGPL-2.1-or-later
#include "json_text.h"
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace reach::rtc::json {
namespace {
bool is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit (char c)
{
  return c >= '0' && c <= '9';
}

int hex_of (char c)
{
  if (is_digit (c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Four hex digits at the front; -1: there are none.
int unit_of (std::string_view s)
{
  if (s.size () < 4)
    return -1;
  int u = 0;
  for (int i = 0; i < 4; i++) {
    const int h = hex_of (s[std::size_t (i)]);
    if (h < 0)
      return -1;
    u = u << 4 | h;
  }
  return u;
}

// Bytes of the character at the front, 0 when it is no UTF-8 (RFC 3629, section 4).
std::size_t utf8_length (std::string_view s)
{
  const auto at = [s] (std::size_t i) { return static_cast<std::uint8_t> (s[i]); };
  const std::uint8_t first = at (0);
  const std::size_t n = first < 0x80                    ? 1
                        : first >= 0xc2 && first < 0xe0 ? 2
                        : (first & 0xf0) == 0xe0        ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (n == 0 || s.size () < n)
    return 0;
  for (std::size_t i = 1; i < n; i++)
    if ((at (i) & 0xc0) != 0x80)
      return 0;
  const bool overlong = (first == 0xe0 && at (1) < 0xa0) || (first == 0xf0 && at (1) < 0x90);
  const bool surrogate = first == 0xed && at (1) > 0x9f, beyond = first == 0xf4 && at (1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : n;
}

// How many bytes at the front have nothing to be looked at: ASCII but control characters, quotes
// and backslashes. Eight at a time, as most of a message is such text.
std::size_t plain_length (std::string_view s)
{
  constexpr std::uint64_t each = 0x0101010101010101, high = each << 7;
  // The high bit of each byte that is zero, and perhaps of one above such a byte.
  const auto zeros = [] (std::uint64_t w) { return (w - each) & ~w; };
  std::size_t i = 0;
  for (std::uint64_t w; i + sizeof w <= s.size (); i += sizeof w) {
    std::memcpy (&w, s.data () + i, sizeof w);
    const std::uint64_t control = (w - each * 0x20) & ~w;
    if ((w | control | zeros (w ^ each * '"') | zeros (w ^ each * '\\')) & high)
      break;
  }
  while (i < s.size () && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
    i++; // those beyond ASCII are negative
  return i;
}

// Reads off the front of a text.
class Scanner {
public:
  Scanner (std::string_view s, unsigned depth) : s_ (s), depth_ (depth) {}

  std::string_view rest () const { return s_; }
  bool at_end () const { return s_.empty (); }
  void space ()
  {
    while (!s_.empty () && is_space (s_.front ()))
      s_.remove_prefix (1);
  }
  bool take (char c)
  {
    if (s_.empty () || s_.front () != c)
      return false;
    s_.remove_prefix (1);
    return true;
  }
  std::optional<Value> value ();
  bool string ();

private:
  bool word (std::string_view w)
  {
    if (!s_.starts_with (w))
      return false;
    s_.remove_prefix (w.size ());
    return true;
  }
  std::size_t digits ()
  {
    std::size_t n = 0;
    while (n < s_.size () && is_digit (s_[n]))
      n++;
    s_.remove_prefix (n);
    return n;
  }
  bool number ();
  bool escape ();
  bool container (char close, bool object);

  std::string_view s_;
  unsigned depth_;
};

bool Scanner::number ()
{
  take ('-');
  if (!take ('0') && digits () == 0)
    return false;
  if (take ('.') && digits () == 0)
    return false;
  if (take ('e') || take ('E')) {
    if (!take ('+'))
      take ('-');
    return digits () > 0;
  }
  return true;
}

bool Scanner::escape ()
{
  s_.remove_prefix (1);
  if (s_.empty ())
    return false;
  const char c = s_.front ();
  s_.remove_prefix (1);
  if (c != 'u')
    return std::string_view ("\"\\/bfnrt").find (c) != std::string_view::npos;
  if (unit_of (s_) < 0)
    return false;
  s_.remove_prefix (4);
  return true;
}

bool Scanner::string ()
{
  if (!take ('"'))
    return false;
  for (;;) {
    s_.remove_prefix (plain_length (s_));
    if (take ('"'))
      return true;
    if (s_.empty ())
      return false;
    if (s_.front () == '\\') {
      if (!escape ())
        return false;
      continue;
    }
    const std::size_t n = utf8_length (s_);
    if (n < 2)
      return false; // a control character, or no UTF-8
    s_.remove_prefix (n);
  }
}

bool Scanner::container (char close, bool object)
{
  if (depth_ == 0)
    return false;
  depth_--;
  s_.remove_prefix (1);
  space ();
  bool good = take (close);
  while (!good) {
    space ();
    if (object) {
      if (!string ())
        return false;
      space ();
      if (!take (':'))
        return false;
    }
    if (!value ())
      return false;
    space ();
    good = take (close);
    if (!good && !take (','))
      return false;
  }
  depth_++;
  return true;
}

std::optional<Value> Scanner::value ()
{
  space ();
  if (s_.empty ())
    return {};
  const std::string_view from = s_;
  Kind kind = Kind::number;
  bool good = false;
  switch (s_.front ()) {
  case '{':
    kind = Kind::object;
    good = container ('}', true);
    break;
  case '[':
    kind = Kind::array;
    good = container (']', false);
    break;
  case '"':
    kind = Kind::string;
    good = string ();
    break;
  case 't':
  case 'f':
    kind = Kind::boolean;
    good = word ("true") || word ("false");
    break;
  case 'n':
    kind = Kind::null;
    good = word ("null");
    break;
  default:
    good = number ();
  }
  if (!good)
    return {};
  return Value{kind, from.substr (0, from.size () - s_.size ())};
}

void append_utf8 (std::string &to, std::uint32_t c)
{
  const auto put = [&to] (std::uint32_t b) { to += static_cast<char> (b); };
  if (c < 0x80)
    return put (c);
  if (c < 0x800) {
    put (0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put (0xe0 | c >> 12);
    } else {
      put (0xf0 | c >> 18);
      put (0x80 | (c >> 12 & 0x3f));
    }
    put (0x80 | (c >> 6 & 0x3f));
  }
  put (0x80 | (c & 0x3f));
}

// The character behind "\u"; takes its digits, and those of the second half of a pair.
std::uint32_t take_unit (std::string_view &s)
{
  const auto u = static_cast<std::uint32_t> (unit_of (s));
  s.remove_prefix (4);
  if (u < 0xd800 || u > 0xdfff)
    return u;
  if (u > 0xdbff || !s.starts_with ("\\u"))
    return 0xfffd;
  const auto low = static_cast<std::uint32_t> (unit_of (s.substr (2)));
  if (low < 0xdc00 || low > 0xdfff)
    return 0xfffd;
  s.remove_prefix (6);
  return 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
}
} // namespace

std::optional<Value> parse (std::string_view text, unsigned depth)
{
  Scanner s (text, depth);
  auto v = s.value ();
  s.space ();
  return s.at_end () ? v : std::nullopt;
}

Items::Items (const Value &c)
{
  if (c.kind == Kind::object || c.kind == Kind::array)
    rest_ = c.text.substr (1, c.text.size () - 2);
  object_ = c.kind == Kind::object;
}

namespace {
// What follows is for texts that were checked: it finds ends, and nothing else.
void skip_to_item (std::string_view &s)
{
  while (!s.empty () && (is_space (s.front ()) || s.front () == ',' || s.front () == ':'))
    s.remove_prefix (1);
}

std::size_t string_length (std::string_view s)
{
  for (std::size_t i = 1;; i++) {
    i = s.find ('"', i);
    std::size_t before = i; // a quote behind an odd number of backslashes is escaped
    while (s[before - 1] == '\\')
      before--;
    if ((i - before) % 2 == 0)
      return i + 1;
  }
}

std::size_t container_length (std::string_view s)
{
  std::size_t i = 0, depth = 0;
  do {
    const char c = s[i];
    if (c == '"')
      i += string_length (s.substr (i)) - 1;
    else if (c == '{' || c == '[')
      depth++;
    else if (c == '}' || c == ']')
      depth--;
    i++;
  } while (depth > 0);
  return i;
}

Value take_value (std::string_view &s)
{
  const char c = s.front ();
  Value v;
  std::size_t n = 0;
  if (c == '"') {
    v.kind = Kind::string;
    n = string_length (s);
  } else if (c == '{' || c == '[') {
    v.kind = c == '{' ? Kind::object : Kind::array;
    n = container_length (s);
  } else {
    v.kind = c == 'n' ? Kind::null : c == 't' || c == 'f' ? Kind::boolean : Kind::number;
    while (n < s.size () && !is_space (s[n]) && s[n] != ',')
      n++;
  }
  v.text = s.substr (0, n);
  s.remove_prefix (n);
  return v;
}
} // namespace

bool Items::next ()
{
  skip_to_item (rest_);
  if (rest_.empty ())
    return false;
  if (object_) {
    name_ = take_value (rest_);
    skip_to_item (rest_);
  }
  value_ = take_value (rest_);
  return true;
}

bool is_named (const Value &name, std::string_view text)
{
  const std::string_view raw = name.text.substr (1, name.text.size () - 2);
  return raw == text || (raw.find ('\\') != raw.npos && string_of (name) == text);
}

std::optional<Value> member (const Value &object, std::string_view name)
{
  return members<1> (object, {name})[0];
}

std::optional<std::string_view> plain_string (const Value &v)
{
  if (!v.is (Kind::string) || v.text.find ('\\') != v.text.npos)
    return {};
  return v.text.substr (1, v.text.size () - 2);
}

std::optional<std::string> string_of (const Value &v)
{
  if (!v.is (Kind::string))
    return {};
  std::string_view s = v.text.substr (1, v.text.size () - 2);
  std::string out;
  out.reserve (s.size ());
  while (!s.empty ()) {
    const std::size_t plain = std::min (s.find ('\\'), s.size ());
    out.append (s.substr (0, plain));
    s.remove_prefix (plain);
    if (s.empty ())
      break;
    const char c = s[1];
    s.remove_prefix (2);
    if (c == 'u')
      append_utf8 (out, take_unit (s));
    else if (const std::size_t at = std::string_view ("bfnrt").find (c); at != s.npos)
      out += "\b\f\n\r\t"[at];
    else
      out += c;
  }
  return out;
}

std::optional<std::string> string_member (const Value &object, std::string_view name)
{
  const auto v = member (object, name);
  return v ? string_of (*v) : std::nullopt;
}

std::string quote (std::string_view text)
{
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char> (c) < 0x20) {
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}
} // namespace reach::rtc::json
