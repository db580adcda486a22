// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router_groups.h"

namespace reach::cam {
namespace {
bool same (const Digest &a, const Digest &b) // in constant time
{
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size (); i++)
    different |= static_cast<unsigned> (a[i] ^ b[i]);
  return different == 0;
}
} // namespace

Passwords::Passwords (const RouterConfig &config)
    : hash_ (config.hash), quick_hash_ (config.quick_hash), random_ (config.random),
      per_second_ (config.limits.hashes_per_second),
      burst_ (config.limits.hash_burst), hashes_{static_cast<double> (config.limits.hash_burst),
                                             {}},
      max_guessers_ (config.limits.max_clients), max_wrong_ (config.limits.wrong_passwords),
      window_ (config.limits.password_window)
{
}

bool Passwords::may_hash (TimePoint now)
{
  hashes_.fill (per_second_, burst_, now);
  if (hashes_.tokens < 1)
    return false;
  hashes_.tokens--;
  return true;
}

std::optional<PasswordHash> Passwords::make (std::string_view password, TimePoint now)
{
  if (!may_hash (now))
    return {};
  PasswordHash h;
  random_ (h.salt);
  h.digest = hash_ (h.salt, password);
  h.passed = quick_hash_ (h.salt, password);
  return h;
}

Passwords::Verdict Passwords::check (
    PasswordHash &hash, const std::string &guid, std::string_view password, TimePoint now)
{
  if (!available ())
    return Verdict::wrong;
  if (!may_try (guid, now))
    return Verdict::not_now;
  const Digest quick = quick_hash_ (hash.salt, password);
  if (hash.passed && same (quick, *hash.passed))
    return Verdict::right;
  if (!may_hash (now))
    return Verdict::not_now;
  if (!same (hash_ (hash.salt, password), hash.digest)) {
    wrong (guid, now);
    return Verdict::wrong;
  }
  hash.passed = quick;
  return Verdict::right;
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
