// SPDX-License-Identifier: LGPL-2.1-or-later
// Long-term credentials, the server's side (RFC 8489, 9.2.4): who has sent a request.
#pragma once
#include "builder.h"
#include "server_allocation.h"
#include "server_nonce.h"

namespace reach::turn::server {
class Authority {
public:
  enum class Verdict : std::uint8_t {
    good,
    challenge, // 401: no proof, an unknown user or a wrong one
    stale,     // 438
    bad,       // 400
    ask        // only the application knows
  };
  struct Result {
    Verdict verdict = Verdict::challenge;
    bool sha256 = false; // how it is signed, and the answer is to be
    Identity identity;
  };

  // `config` outlives it and has its nonce_secret.
  explicit Authority (const Config &config);
  // What the steady clock's time is on the wall: seconds since 1970 at `now`.
  void set_wall_clock (std::int64_t unix_seconds, TimePoint now);
  // `known`: whom the allocation belongs to, or null. `asked`: the application's answer, if there
  // is one already; empty inside: it knows no such user.
  Result check (const Message &m, const Address &client, const Identity *known,
      const std::optional<std::optional<std::string>> &asked, TimePoint now) const;
  // Short-term credentials (RFC 8489, 9.1.3), of `users`. The verdicts: good, challenge (401, which
  // challenges nobody), bad.
  Result check_short_term (const Message &m) const;
  // The attributes that a 401 or 438 asks with.
  void challenge (stun::Builder &b, const Address &client, TimePoint now) const;

private:
  struct Keys {
    std::string user;
    stun::Key md5, sha256, short_term;
  };
  using Found = std::optional<Identity>;
  bool algorithm_of (const Message &m, stun::PasswordAlgorithm &to) const;
  Found identify (const Message &m, stun::PasswordAlgorithm a, const Identity *known,
      const std::optional<std::optional<std::string>> &asked, TimePoint now, bool &ask) const;
  Found by_token (const Message &m, std::string_view kid, TimePoint now) const;
  bool asks () const { return config_.ask_password && config_.ask_password (); }
  bool offers_userhash () const { return userhash_ && !asks (); }
  const Nonces &nonces () const { return offers_userhash () ? nonces_ : plain_nonces_; }
  std::int64_t unix_time (TimePoint now) const
  {
    return unix_seconds_ + std::chrono::duration_cast<seconds> (now - unix_at_).count ();
  }
  std::string_view token_server () const
  {
    return config_.token_server.empty () ? std::string_view (config_.realm) : config_.token_server;
  }
  Found by_secret (std::string_view user, stun::PasswordAlgorithm a, TimePoint now) const;
  Identity derive (
      std::string_view user, std::string_view password, stun::PasswordAlgorithm a) const;

  const Config &config_;
  std::string realm_;
  bool userhash_;
  Nonces nonces_, plain_nonces_; // that offer USERHASH, and that do not
  std::map<std::string, Keys, std::less<>> users_;
  std::map<stun::Crypto::Sha256, const Keys *> hashes_;
  std::int64_t unix_seconds_ = 0;
  TimePoint unix_at_{};
};
} // namespace reach::turn::server
