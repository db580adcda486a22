// SPDX-License-Identifier: LGPL-2.1-or-later
#include "users.h"
#include "common/proto/http1_text.h"
#include "common/proto/lines.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
bool is_word (std::string_view s, std::string_view not_in_it)
{
  return !s.empty () && std::ranges::none_of (s, [&] (char c) {
    return static_cast<unsigned char> (c) <= ' ' || c == 127 || not_in_it.find (c) != s.npos;
  });
}

// Of 16 bytes.
bool is_md5 (std::string_view base64)
{
  return base64.size () == 24 && base64.ends_with ("==") &&
         std::ranges::all_of (base64.substr (0, 22), [] (char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}
} // namespace

bool good_user_name (std::string_view name)
{
  return name.size () <= Users::max_name && is_word (name, ":?&=#%+/;[]\"'\\");
}

std::string md5_base64 (const Crypto &crypto, std::initializer_list<std::string_view> parts)
{
  std::string all;
  for (const std::string_view p : parts)
    all += p;
  std::string s = http::base64url_encode (crypto.md5 (as_bytes (all)));
  std::ranges::replace (s, '-', '+');
  std::ranges::replace (s, '_', '/');
  return s + "==";
}

std::optional<Users> Users::parse (std::string_view text, std::string &error)
{
  Users u;
  error = take_lines (text, [&] (std::string_view line) { return u.take (line); });
  if (!error.empty ())
    return std::nullopt;
  return u;
}

std::string Users::take (std::string_view line)
{
  const auto cut = [&line] {
    const std::size_t colon = std::min (line.find (':'), line.size ());
    const std::string_view part = line.substr (0, colon);
    line.remove_prefix (std::min (colon + 1, line.size ()));
    return part;
  };
  const std::string name (cut ());
  const std::string_view kind = cut ();
  if (kind == "plain") { // which may have colons
    if (!good_user_name (name) || line.empty () || line.size () > max_password)
      return "is not name:plain:PASSWORD";
    return add (name, std::string (line)) ? "" : "this name was there before";
  }
  const std::string salt (cut ()), hash (line);
  // The salt travels in a query as well.
  if (kind != "adobe" || !good_user_name (name) || salt.size () > max_salt ||
      !is_word (salt, "?&=#%+/;[]\"'\\") || !is_md5 (hash))
    return "is neither name:plain:PASSWORD nor name:adobe:SALT:HASH";
  return users_.try_emplace (name, User{{}, salt, hash}).second ? "" : "this name was there before";
}

bool Users::add (const std::string &name, const std::string &password)
{
  return good_user_name (name) && !password.empty () && password.size () <= max_password &&
         users_.try_emplace (name, User{password, {}, {}}).second;
}

const User *Users::find (std::string_view name) const
{
  const auto at = users_.find (name);
  return at == users_.end () ? nullptr : &at->second;
}
} // namespace reach::rtmp
