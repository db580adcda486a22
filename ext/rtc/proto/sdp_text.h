// SPDX-License-Identifier: LGPL-2.1-or-later
// Small readers of SDP text. All work on what lies in memory and copy nothing.
#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reach::rtc::sdp {
constexpr char lower (char c)
{
  return c >= 'A' && c <= 'Z' ? static_cast<char> (c - 'A' + 'a') : c;
}
constexpr bool is_digit (char c)
{
  return c >= '0' && c <= '9';
}
constexpr bool is_alnum (char c)
{
  return is_digit (c) || (lower (c) >= 'a' && lower (c) <= 'z');
}
constexpr bool is_ice_char (char c)
{
  return is_alnum (c) || c == '+' || c == '/';
}
bool equal_names (std::string_view a, std::string_view b); // ASCII, without case
bool is_token (std::string_view text);                     // RFC 8866, 9: one or more token-char
bool all_of (std::string_view text, bool (*is) (char));

// The whole text as a decimal number without sign.
template <typename T> std::optional<T> number (std::string_view text)
{
  T v{};
  const char *end = text.data () + text.size ();
  if (text.empty () || !is_digit (text[0]))
    return {};
  const auto [at, error] = std::from_chars (text.data (), end, v);
  if (error != std::errc{} || at != end)
    return {};
  return v;
}

// What stands before `by`, and leaves what follows it; all of it when there is no `by`.
std::string_view cut (std::string_view &text, char by);
// The next word, which one or more spaces end.
std::string_view word (std::string_view &text);
std::vector<std::string_view> words (std::string_view text, std::size_t limit);
std::string_view trim (std::string_view text);
} // namespace reach::rtc::sdp
