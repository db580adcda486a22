// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_auth.h"
#include "base64.h"
#include "prepare.h"
#include <charconv>

namespace reach::turn::server {
using stun::Attr;
using stun::PasswordAlgorithm;

namespace {
// PASSWORD-ALGORITHMS as it is always sent: both, without parameters, the better one first.
constexpr std::uint8_t offered[] = {0, 2, 0, 0, 0, 1, 0, 0};
constexpr std::size_t max_username = 508;

std::string prepared (const stun::Crypto &crypto, std::string_view text)
{
  return stun::prepare (crypto, text).value_or (std::string (text));
}

// "1735689600:alice" or a time alone.
std::optional<std::int64_t> expiry_of (std::string_view user)
{
  const std::string_view digits = user.substr (0, user.find (':'));
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars (digits.data (), digits.data () + digits.size (), v);
  if (error != std::errc () || end != digits.data () + digits.size () || v < 0)
    return {};
  return v;
}
} // namespace

Authority::Authority (const Config &config)
    : config_ (config), realm_ (prepared (config.crypto, config.realm)),
      userhash_ (config.userhash && config.auth_secret.empty () && config.token_keys.empty ()),
      nonces_ (config.crypto, config.nonce_secret, config.nonce_lifetime, config.sha256, userhash_),
      plain_nonces_ (
          config.crypto, config.nonce_secret, config.nonce_lifetime, config.sha256, false)
{
  for (const User &u : config.users) {
    const std::string name = prepared (config.crypto, u.name);
    const std::string password = prepared (config.crypto, u.password);
    Keys &k = users_[name];
    k.user = name;
    k.md5 = derive (name, password, PasswordAlgorithm::md5).key;
    k.sha256 = derive (name, password, PasswordAlgorithm::sha256).key;
    k.short_term = stun::short_term_key (password);
    hashes_[stun::userhash_of (config.crypto, name, realm_)] = &k;
  }
}

void Authority::set_wall_clock (std::int64_t unix_seconds, TimePoint now)
{
  unix_seconds_ = unix_seconds;
  unix_at_ = now;
}

Identity Authority::derive (
    std::string_view user, std::string_view password, PasswordAlgorithm a) const
{
  return {std::string (user), stun::long_term_key (config_.crypto, a, user, realm_, password), a};
}

Authority::Found Authority::by_secret (
    std::string_view user, PasswordAlgorithm a, TimePoint now) const
{
  const auto expiry = expiry_of (user);
  if (!expiry)
    return {};
  if (*expiry < unix_time (now))
    return {};
  const std::array<Bytes, 1> parts{as_bytes (user)};
  const auto d = config_.crypto.hmac_sha1 (as_bytes (config_.auth_secret), parts);
  return derive (user, stun::base64 (d), a);
}

// RFC 8489, 9.2.4: what the nonce's cookie announced must come back unchanged, or somebody between
// has made the choice smaller.
bool Authority::algorithm_of (const Message &m, PasswordAlgorithm &to) const
{
  to = PasswordAlgorithm::md5;
  const auto list = m.find (Attr::password_algorithms);
  const auto chosen = m.find (Attr::password_algorithm);
  if (!list && !chosen)
    return true;
  if (!list || !chosen || !config_.sha256 || chosen->size () < 4)
    return false;
  if (!std::ranges::equal (*list, offered))
    return false;
  to = static_cast<PasswordAlgorithm> (load_be<std::uint16_t> (chosen->data ()));
  return chosen->size () == 4 && load_be<std::uint16_t> (chosen->data () + 2) == 0 &&
         (to == PasswordAlgorithm::md5 || to == PasswordAlgorithm::sha256);
}

Authority::Found Authority::identify (const Message &m, PasswordAlgorithm a, const Identity *known,
    const std::optional<std::optional<std::string>> &asked, TimePoint now, bool &ask) const
{
  const Keys *keys = nullptr;
  const std::string_view user = m.text (Attr::username);
  if (const auto hash = m.find (Attr::userhash)) {
    stun::Crypto::Sha256 h{};
    if (!offers_userhash () || hash->size () != h.size ())
      return {};
    std::ranges::copy (*hash, h.begin ());
    const auto i = hashes_.find (h);
    keys = i == hashes_.end () ? nullptr : i->second;
  } else {
    if (user.empty () || user.size () > max_username)
      return {};
    if (m.has (Attr::access_token) && !config_.token_keys.empty ()) {
      Found f = by_token (m, user, now);
      if (f)
        f->algorithm = a;
      return f;
    }
    if (known && known->user == user && known->algorithm == a && known->until > now)
      return *known;
    const auto i = users_.find (user);
    keys = i == users_.end () ? nullptr : &i->second;
  }
  if (keys)
    return Identity{keys->user, a == PasswordAlgorithm::sha256 ? keys->sha256 : keys->md5, a};
  if (user.empty ())
    return {};
  if (!config_.auth_secret.empty ())
    if (Found f = by_secret (user, a, now))
      return f;
  if (!asked && !asks ())
    return {};
  ask = !asked.has_value ();
  if (ask || !*asked)
    return {};
  return derive (user, prepared (config_.crypto, **asked), a);
}

Authority::Result Authority::check (const Message &m, const Address &client, const Identity *known,
    const std::optional<std::optional<std::string>> &asked, TimePoint now) const
{
  Result r;
  r.sha256 = m.integrity_sha256_at () != 0;
  if (!r.sha256 && m.integrity_at () == 0)
    return r;
  PasswordAlgorithm algorithm{};
  r.verdict = Verdict::bad;
  if ((!m.has (Attr::username) && !m.has (Attr::userhash)) || !m.has (Attr::realm) ||
      !m.has (Attr::nonce))
    return r;
  // An old nonce first: a client that has not followed a change of the server is to learn of it.
  r.verdict = Verdict::stale;
  if (nonces ().check (m.text (Attr::nonce), client, now) != Nonces::State::good)
    return r;
  r.verdict = Verdict::bad;
  if (!algorithm_of (m, algorithm))
    return r;
  r.verdict = Verdict::challenge;
  if (m.text (Attr::realm) != realm_)
    return r;
  bool ask = false;
  Found found = identify (m, algorithm, known, asked, now, ask);
  if (ask) {
    r.verdict = Verdict::ask;
    return r;
  }
  // Whether the user or the password was wrong does not show, nor by the time it takes.
  const Bytes key = found ? Bytes (found->key) : Bytes (config_.nonce_secret);
  const auto integrity = r.sha256 ? stun::check_sha256 (config_.crypto, m, key)
                                  : stun::check_sha1 (config_.crypto, m, key);
  if (!found || integrity != stun::Integrity::right)
    return r;
  r.verdict = Verdict::good;
  r.identity = std::move (*found);
  return r;
}

void Authority::challenge (stun::Builder &b, const Address &client, TimePoint now) const
{
  b.text (Attr::realm, realm_);
  b.text (Attr::nonce, nonces ().make (client, now));
  if (config_.sha256)
    b.add (Attr::password_algorithms, offered);
  if (!config_.token_keys.empty ())
    b.text (Attr::third_party_authorization, token_server ());
}

Authority::Result Authority::check_short_term (const Message &m) const
{
  Result r;
  r.verdict = Verdict::bad;
  r.sha256 = m.integrity_sha256_at () != 0;
  if ((!r.sha256 && m.integrity_at () == 0) || !m.has (Attr::username))
    return r;
  r.verdict = Verdict::challenge;
  const auto i = users_.find (m.text (Attr::username));
  const Bytes key =
      i == users_.end () ? Bytes (config_.nonce_secret) : Bytes (i->second.short_term);
  const auto integrity = r.sha256 ? stun::check_sha256 (config_.crypto, m, key)
                                  : stun::check_sha1 (config_.crypto, m, key);
  if (i == users_.end () || integrity != stun::Integrity::right)
    return r;
  r.verdict = Verdict::good;
  r.identity = {i->second.user, i->second.short_term};
  return r;
}
} // namespace reach::turn::server
