// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in: files of users and of tokens, and what clients put behind an application's name.
// The first byte says which of the three it is.
#include "rtmpserver/proto/login.h"
#include "rtmpserver/proto/query.h"
#include "rtmpserver/proto/tokens.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void check (bool holds)
{
  if (!holds)
    std::abort ();
}

// No hash: what is the same stays the same, and short texts differ.
template <std::size_t N> std::array<std::uint8_t, N> fold (Bytes data)
{
  std::array<std::uint8_t, N> d{};
  for (std::size_t i = 0; i < data.size (); i++)
    d[i % N] = static_cast<std::uint8_t> (d[i % N] * 31 + data[i]);
  return d;
}

const Crypto weak{[] (Bytes key, Bytes data) { return fold<32> (data); },
    [] (std::span<std::uint8_t> s) { std::ranges::fill (s, std::uint8_t{7}); },
    [] (Bytes data) { return fold<16> (data); }};

// The slow way.
bool matches_slowly (std::string_view pattern, std::string_view text)
{
  if (pattern.empty ())
    return text.empty ();
  if (pattern.front () == '*')
    return matches_slowly (pattern.substr (1), text) ||
           (!text.empty () && matches_slowly (pattern, text.substr (1)));
  return !text.empty () && (pattern.front () == '?' || pattern.front () == text.front ()) &&
         matches_slowly (pattern.substr (1), text.substr (1));
}

void try_users (std::string_view text)
{
  std::string error;
  const auto users = Users::parse (text, error);
  check (users.has_value () == error.empty ());
  if (!users)
    return;
  const std::string_view name = text.substr (0, std::min (text.find (':'), text.size ()));
  if (const User *u = users->find (name))
    check (good_user_name (name) && u->password.empty () != u->hash.empty ());
}

void try_tokens (std::string_view text)
{
  std::string error;
  const auto tokens = Tokens::parse (text, weak, error);
  check (tokens.has_value () == error.empty ());
  const std::string_view begin =
      text.substr (0, std::min (text.find_first_of (" \t\r\n"), text.size ()));
  if (tokens)
    for (const auto use : {Tokens::Use::publish, Tokens::Use::play})
      (void)tokens->check (begin, use, text, Time ());
  const std::size_t half = std::min<std::size_t> (text.size () / 2, 10);
  const std::string_view pattern = text.substr (0, half), other = text.substr (half, 10);
  check (matches (pattern, other) == matches_slowly (pattern, other));
  (void)parse_time (text);
}

void try_query (std::string_view text)
{
  const std::string shown = redacted (text, {"token", "response"});
  for (const char *name : {"token", "response"}) {
    const auto before = parameter (text, name), after = parameter (shown, name);
    check (before.has_value () == after.has_value () && (!after || *after == "***"));
  }
  check (redacted (shown, {"token", "response"}) == shown);
  check (redacted (text, {}) == text);
  const ConnectInfo info =
      parse_connect ({"connect", 1.0, Value::object ({{"app", text}, {"tcUrl", text}})});
  (void)token_of (info.app, info);
  const Login l = Login::of (info);
  check (!l.begun () || good_user_name (l.user));
  Challenges c (weak, {}, TimePoint ());
  const User user{"password", {}, {}};
  (void)c.right (l, &user, TimePoint ());
  const std::string told =
      login_challenge (l.user, c.salt_of (l.user), c.make (l.user, "s", TimePoint ()));
  check (parameter (told, "user") == std::optional<std::string_view> (l.user));
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const std::string text (reinterpret_cast<const char *> (data) + 1, size - 1);
  switch (data[0] % 3) {
  case 0:
    try_users (text);
    break;
  case 1:
    try_tokens (text);
    break;
  default:
    try_query (text);
  }
  return 0;
}
