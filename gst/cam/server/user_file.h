// SPDX-License-Identifier: LGPL-2.1-or-later
// The clients that a media server knows, each with the hash of its token (common/password.h). One
// line for each: guid:hash. Empty lines and those that begin with # are skipped.
#pragma once
#include "common/guarded.h"
#include "common/password_key.h"
#include <map>
#include <memory>
#include <string>

namespace reach::cam {

// Any thread, several at a time.
class UserFile {
public:
  // Null and `error` in words.
  static std::unique_ptr<UserFile> load (const std::string &path, std::string &error);
  // Takes a tenth of a second, but for a token that has been right before.
  bool check (const std::string &guid, const std::string &token);
  // At once: it has been right before.
  bool passed (const std::string &guid, const std::string &token);
  std::size_t size () const { return hashes_.size (); }

  // A line for such a file. Empty: not a guid that can be in one, no token, or no random bytes.
  static std::string line (const std::string &guid, const std::string &token);

private:
  UserFile ();
  std::string parse (const std::string &text); // what is wrong, or nothing
  PasswordKey remember (const std::string &token) const;

  std::map<std::string, std::string> hashes_;
  std::string decoy_;  // so that an unknown guid takes as long as a known one
  std::string secret_; // of this run
  Guarded<std::map<std::string, PasswordKey>> passed_; // tokens that were right, under that secret
};
} // namespace reach::cam
