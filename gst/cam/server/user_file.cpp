// SPDX-License-Identifier: LGPL-2.1-or-later
#include "user_file.h"
#include "cam/proto/hello.h"
#include "common/password.h"
#include "common/proto/lines.h"
#include "common/text_file.h"
#include <glib.h>

namespace reach::cam {
namespace {
bool good (const std::string &guid)
{
  return !guid.empty () && guid.size () <= max_guid && guid[0] != '#' &&
         guid.find_first_of ("\r\n") == guid.npos && g_utf8_validate (guid.c_str (), -1, nullptr);
}
} // namespace

UserFile::UserFile () : decoy_ (hash_password ("")), secret_ (decoy_) {}

std::unique_ptr<UserFile> UserFile::load (const std::string &path, std::string &error)
{
  const auto text = read_text_file (path, error);
  if (!text)
    return {};
  std::unique_ptr<UserFile> made (new UserFile);
  if (const std::string wrong = made->parse (*text); !wrong.empty ()) {
    error = path + ", " + wrong;
    return {};
  }
  return made;
}

std::string UserFile::parse (const std::string &text)
{
  return take_lines (text, [this] (std::string_view line) -> std::string {
    // A guid may have colons, a hash has two.
    std::size_t colon = line.rfind (':');
    for (int i = 0; i < 2 && colon != 0 && colon != line.npos; i++)
      colon = line.rfind (':', colon - 1);
    const std::string guid (line.substr (0, colon));
    if (colon == line.npos || !good (guid) || !is_password_hash (line.substr (colon + 1)))
      return "is not guid:hash, as the action make-user writes it";
    if (!hashes_.emplace (guid, line.substr (colon + 1)).second)
      return "this guid was there before";
    return {};
  });
}

PasswordKey UserFile::remember (const std::string &token) const
{
  PasswordKey key;
  pbkdf2 (token, as_bytes (secret_), 1, key);
  return key;
}

bool UserFile::passed (const std::string &guid, const std::string &token)
{
  const PasswordKey key = remember (token);
  const auto passed = passed_.lock ();
  const auto p = passed->find (guid);
  return p != passed->end () && p->second == key;
}

bool UserFile::check (const std::string &guid, const std::string &token)
{
  const auto it = hashes_.find (guid);
  if (it == hashes_.end ()) {
    check_password (token, decoy_);
    return false;
  }
  if (passed (guid, token))
    return true;
  if (!check_password (token, it->second))
    return false;
  passed_.update ([&, key = remember (token)] (auto &p) { p[guid] = key; });
  return true;
}

std::string UserFile::line (const std::string &guid, const std::string &token)
{
  if (!good (guid) || token.empty () || token.size () > max_token)
    return {};
  const std::string hash = hash_password (token);
  return hash.empty () ? hash : guid + ":" + hash;
}
} // namespace reach::cam
