// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router_groups.h"

namespace reach::cam {
Passwords::Passwords (const RouterConfig &config)
    : hash_ (config.hash), random_ (config.random), max_guessers_ (config.limits.max_clients),
      max_wrong_ (config.limits.wrong_passwords), window_ (config.limits.password_window)
{
}

PasswordHash Passwords::make (std::string_view password) const
{
  PasswordHash h;
  random_ (h.salt);
  h.digest = hash_ (h.salt, password);
  return h;
}

bool Passwords::matches (const PasswordHash &hash, std::string_view password) const
{
  if (!hash_)
    return false;
  const Digest tried = hash_ (hash.salt, password);
  unsigned different = 0;
  for (std::size_t i = 0; i < tried.size (); i++)
    different |= static_cast<unsigned> (tried[i] ^ hash.digest[i]);
  return different == 0;
}

void Passwords::forget (TimePoint now)
{
  while (!until_.empty () && (until_.front ().first <= now || wrong_.size () > max_guessers_)) {
    wrong_.erase (until_.front ().second);
    until_.pop_front ();
  }
}

bool Passwords::may_try (std::string_view guid, TimePoint now)
{
  forget (now);
  const auto i = wrong_.find (guid);
  return i == wrong_.end () || i->second < max_wrong_;
}

void Passwords::wrong (const std::string &guid, TimePoint now)
{
  if (wrong_[guid]++ == 0)
    until_.emplace_back (now + window_, guid);
  forget (now);
}
} // namespace reach::cam
