// SPDX-License-Identifier: LGPL-2.1-or-later
#include "credentials.h"
#include "base64.h"
#include "prepare.h"

namespace reach::turn {
using namespace stun;

namespace {
struct Features {
  bool algorithms = false, anonymity = false;
};

// The nonce cookie (RFC 8489, 9.2): 24 bits behind a fixed prefix. Bit 0 is the leftmost by the
// text of 18.1, but the rightmost in vector B.1 and in some servers; both are taken, as the other
// ends of the set are unassigned.
Features features_of (std::string_view nonce)
{
  constexpr std::string_view cookie = "obMatJos2";
  if (!nonce.starts_with (cookie) || nonce.size () < cookie.size () + 4)
    return {};
  const std::uint32_t bits = base64_quantum (nonce.substr (cookie.size (), 4)).value_or (0);
  return {(bits & 0x800001) != 0, (bits & 0x400002) != 0};
}
} // namespace

Credentials rest_credentials (
    const Crypto &crypto, std::string_view secret, std::string_view user, std::uint64_t expiry)
{
  Credentials c;
  c.kind = Credentials::Kind::long_term;
  c.username = std::to_string (expiry);
  if (!user.empty ())
    c.username += ":" + std::string (user);
  const Bytes part = as_bytes (c.username);
  c.password = base64 (crypto.hmac_sha1 (as_bytes (secret), {&part, 1}));
  return c;
}

Authenticator::Authenticator (const Crypto &crypto, Credentials credentials)
    : crypto_ (&crypto), credentials_ (std::move (credentials))
{
  prepare_names ();
}

Authenticator::Authenticator (const Authenticator &other, const Crypto &crypto)
    : Authenticator (other)
{
  crypto_ = &crypto;
}

void Authenticator::prepare_names ()
{
  const auto user = prepare (*crypto_, credentials_.username);
  const auto password = prepare (*crypto_, credentials_.password);
  const bool needed = credentials_.kind != Credentials::Kind::none;
  unusable_ = needed && (!user || !password || user->empty () || user->size () > max_username);
  user_ = user.value_or ("");
  password_ = password.value_or ("");
}

void Authenticator::replace (Credentials credentials)
{
  credentials_ = std::move (credentials);
  prepare_names ();
  if (!realm_.empty ())
    key_ = derive ();
  generation_++;
}

void Authenticator::forget_server ()
{
  realm_.clear ();
  nonce_.clear ();
  algorithms_.clear ();
  algorithm_ = PasswordAlgorithm::md5;
  anonymous_ = false;
  generation_++;
}

Key Authenticator::derive () const
{
  if (credentials_.kind == Credentials::Kind::token)
    return credentials_.mac_key;
  return long_term_key (*crypto_, algorithm_, user_, realm_, password_);
}

Proof Authenticator::sign (Builder &b) const
{
  Proof p;
  p.generation = old_nonce_ ? 0 : generation_; // 0: a 401 is about the nonce
  if (credentials_.kind == Credentials::Kind::none)
    return p;
  if (credentials_.kind == Credentials::Kind::short_term) {
    b.text (Attr::username, user_);
    p.key = short_term_key (password_);
    p.sha1 = credentials_.sha1;
    p.sha256 = credentials_.sha256;
  } else {
    if (realm_.empty ()) // bare, to be asked (RFC 8489, 9.2.3.1)
      return p;
    if (anonymous_)
      b.add (Attr::userhash, userhash_of (*crypto_, user_, realm_));
    else
      b.text (Attr::username, user_);
    b.text (Attr::realm, realm_);
    b.text (Attr::nonce, nonce_);
    if (!algorithms_.empty ()) {
      b.add (Attr::password_algorithms, algorithms_);
      b.u16 (Attr::password_algorithm, static_cast<std::uint16_t> (algorithm_));
    }
    if (credentials_.kind == Credentials::Kind::token)
      b.add (Attr::access_token, credentials_.token);
    p.key = key_;
    p.sha256 = !algorithms_.empty (); // only, then (RFC 8489, 9.2.3.2)
    p.sha1 = !p.sha256;
  }
  if (p.sha1)
    b.integrity (*crypto_, p.key);
  if (p.sha256)
    b.integrity_sha256 (*crypto_, p.key);
  return p;
}

// The first of the list that we know; it has parameters that we pass over.
std::optional<PasswordAlgorithm> Authenticator::choose (Bytes list) const
{
  ByteReader r (list);
  while (r.left () >= 4) {
    const auto a = static_cast<PasswordAlgorithm> (r.u16 ());
    r.take ((r.u16 () + 3u) & ~3u);
    if (r.failed ())
      return {};
    if (a == PasswordAlgorithm::md5 || a == PasswordAlgorithm::sha256)
      return a;
  }
  return {};
}

Authenticator::Answer Authenticator::challenged (const Message &m, const Proof &p)
{
  using Kind = Credentials::Kind;
  if (credentials_.kind == Kind::none)
    return Answer::no_credentials;
  if (credentials_.kind == Kind::short_term)
    return Answer::wrong_credentials;
  const std::string_view realm = m.text (Attr::realm), nonce = m.text (Attr::nonce);
  if (realm.empty () || nonce.empty () || realm.size () > max_text || nonce.size () > max_text)
    return Answer::bad_challenge;
  const Features features = features_of (nonce);
  const auto list = m.find (Attr::password_algorithms);
  // RFC 8489, 9.2.5. And a server that has offered a choice once does not cease to.
  if (!list && (features.algorithms || (!algorithms_.empty () && realm == realm_)))
    return Answer::bid_down;
  const auto algorithm = list ? choose (*list) : std::optional (PasswordAlgorithm::md5);
  if (!algorithm)
    return Answer::no_algorithm;
  if (list && list->size () > max_text)
    return Answer::bad_challenge;
  const auto error = m.error ();
  if (error && error->code == code::unauthenticated && p.is_signed () &&
      p.generation == generation_ && realm == realm_)
    return Answer::wrong_credentials;
  realm_ = realm;
  nonce_ = nonce;
  algorithms_.clear ();
  if (list)
    algorithms_.assign (list->begin (), list->end ());
  algorithm_ = *algorithm;
  anonymous_ = features.anonymity;
  key_ = derive ();
  generation_++;
  old_nonce_ = false;
  return Answer::retry;
}

bool Authenticator::verify (const Message &m, const Proof &p)
{
  if (!p.is_signed ())
    return true;
  const Integrity sha256 = p.sha256 ? check_sha256 (*crypto_, m, p.key) : Integrity::absent;
  const Integrity sha1 = p.sha1 ? check_sha1 (*crypto_, m, p.key) : Integrity::absent;
  const bool right = (sha256 == Integrity::right || sha1 == Integrity::right) &&
                     sha256 != Integrity::wrong && sha1 != Integrity::wrong;
  if (right && p.sha1 && p.sha256) { // from now on the one that it answers with (9.1.5)
    credentials_.sha256 = sha256 == Integrity::right;
    credentials_.sha1 = !credentials_.sha256;
  }
  return right;
}
} // namespace reach::turn
