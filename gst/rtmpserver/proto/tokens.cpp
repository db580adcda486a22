// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tokens.h"
#include "common/proto/http1_text.h"
#include "common/proto/lines.h"
#include "query.h"

namespace reach::rtmp {
namespace {
// The next word, which is taken off; empty at the end.
std::string_view next_word (std::string_view &line)
{
  const std::size_t begin = std::min (line.find_first_not_of (" \t"), line.size ());
  line.remove_prefix (begin);
  const std::size_t end = std::min (line.find_first_of (" \t"), line.size ());
  const std::string_view word = line.substr (0, end);
  line.remove_prefix (end);
  return word;
}

unsigned uses_of (std::string_view words)
{
  constexpr auto publish = static_cast<unsigned> (Tokens::Use::publish);
  constexpr auto play = static_cast<unsigned> (Tokens::Use::play);
  if (words == "publish")
    return publish;
  if (words == "play")
    return play;
  return words == "publish,play" || words == "play,publish" ? publish | play : 0;
}

// `digits` of a decimal number, and `behind`; both are taken off.
std::optional<unsigned> take_number (
    std::string_view &s, std::size_t digits, std::string_view behind)
{
  const auto n = http::parse_number (s.substr (0, std::min (digits, s.size ())));
  if (s.size () < digits || !n || !s.substr (digits).starts_with (behind))
    return std::nullopt;
  s.remove_prefix (digits + behind.size ());
  return static_cast<unsigned> (*n);
}
} // namespace

std::optional<Time> parse_time (std::string_view s)
{
  using namespace std::chrono;
  const auto y = take_number (s, 4, "-"), m = y ? take_number (s, 2, "-") : y,
             d = m ? take_number (s, 2, "") : m;
  if (!d)
    return std::nullopt;
  const year_month_day day (year (static_cast<int> (*y)), month (*m), std::chrono::day (*d));
  // Until then a clock of 64 bits in nanoseconds goes.
  if (!day.ok () || *y < 1970 || *y > 2261)
    return std::nullopt;
  const Time begin = sys_days (day);
  if (s.empty ())
    return begin;
  if (!s.starts_with ('T'))
    return std::nullopt;
  s.remove_prefix (1);
  const auto hour = take_number (s, 2, ":"), minute = hour ? take_number (s, 2, ":") : hour,
             second = minute ? take_number (s, 2, "Z") : minute;
  if (!second || !s.empty () || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  return begin + hours (*hour) + minutes (*minute) + std::chrono::seconds (*second);
}

// Of the stars only the last one is tried again: no pattern takes long.
bool matches (std::string_view pattern, std::string_view text)
{
  std::size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size ()) {
    if (p < pattern.size () && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size () && (pattern[p] == '?' || pattern[p] == text[t])) {
      p++;
      t++;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of ('*', p) == pattern.npos;
}

std::string token_of (const Name &stream, const ConnectInfo &info)
{
  for (const std::string_view query : {std::string_view (stream.query),
           std::string_view (info.app.query), std::string_view (info.tc_url)})
    if (const auto t = parameter (query, "token"))
      return http::percent_decode (*t).value_or (std::string ());
  return {};
}

Tokens::Tokens (const Crypto &crypto) : hash_ (crypto.hmac_sha256)
{
  crypto.random (key_);
}

Crypto::Digest Tokens::digest (std::string_view token) const
{
  return hash_ (key_, as_bytes (token));
}

std::optional<Tokens> Tokens::parse (
    std::string_view text, const Crypto &crypto, std::string &error)
{
  Tokens t (crypto);
  error = take_lines (text, [&] (std::string_view line) { return t.take (line); });
  if (!error.empty ())
    return std::nullopt;
  return t;
}

std::string Tokens::take (std::string_view line)
{
  const std::string_view token = next_word (line);
  if (token.empty () || token.size () > max_token)
    return "begins with no token of 1 to 255 bytes";
  Rule r;
  for (auto word = next_word (line); !word.empty (); word = next_word (line)) {
    const std::size_t mark = std::min (word.find ('='), word.size ());
    const std::string_view key = word.substr (0, mark);
    const std::string_view value = word.substr (std::min (mark + 1, word.size ()));
    if (key == "allow") {
      if (!(r.uses = uses_of (value)))
        return "allow= is not publish, play or publish,play";
    } else if (key == "stream" && !value.empty ()) {
      r.stream = value;
    } else if (key == "expires") {
      const auto time = parse_time (value);
      if (!time)
        return "expires= is not a time such as 2026-12-31T23:59:59Z";
      r.expires = *time;
    } else {
      return "behind the token is something else than allow=, stream= and expires=";
    }
  }
  rules_.emplace (digest (token), std::move (r));
  return {};
}

Tokens::Verdict Tokens::check (
    std::string_view token, Use use, std::string_view stream, Time now) const
{
  Verdict v = Verdict::unknown;
  if (token.empty () || token.size () > max_token)
    return v;
  const auto [begin, end] = rules_.equal_range (digest (token));
  for (auto r = begin; r != end; ++r) {
    if (!(r->second.uses & static_cast<unsigned> (use)) || !matches (r->second.stream, stream))
      continue;
    if (now < r->second.expires)
      return Verdict::good;
    v = Verdict::expired;
  }
  return v;
}
} // namespace reach::rtmp
