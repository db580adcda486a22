// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may log in, in the way of Adobe's media server: each user with a salt and
// base64 (md5 (name salt password)), or with the password itself. A file of them has a line for
// each: "name:adobe:SALT:HASH" or "name:plain:PASSWORD". Any thread, once made.
#pragma once
#include "handshake.h"
#include <map>
#include <optional>
#include <string>

namespace reach::rtmp {
// base64 (md5 (parts)), with padding.
std::string md5_base64 (const Crypto &crypto, std::initializer_list<std::string_view> parts);

struct User {
  std::string password;   // empty: salt and hash
  std::string salt, hash; // empty: password
};

class Users {
public:
  static constexpr std::size_t max_name = 64, max_salt = 64, max_password = 255;

  // Nothing, and `error` says which line is wrong, without what is in it.
  static std::optional<Users> parse (std::string_view text, std::string &error);
  // False: no name that clients can send, or no such password; or it is there already.
  bool add (const std::string &name, const std::string &password);

  const User *find (std::string_view name) const;
  std::size_t size () const { return users_.size (); }

private:
  std::string take (std::string_view line); // what is wrong, or nothing
  std::map<std::string, User, std::less<>> users_;
};
// Clients put names into a query as they are, and so do we.
bool good_user_name (std::string_view name);
} // namespace reach::rtmp
