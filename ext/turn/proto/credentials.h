// SPDX-License-Identifier: LGPL-2.1-or-later
// Who we are, and the proof of it in each request (RFC 8489, 9; RFC 7635).
#pragma once
#include "builder.h"
#include "integrity.h"

namespace reach::turn {
struct Credentials {
  enum class Kind : std::uint8_t { none, short_term, long_term, token };
  Kind kind = Kind::none;
  std::string username, password; // of a token: its kid; nothing
  std::vector<std::uint8_t> token, mac_key;
  // Of short-term ones: which integrity a first request has.
  bool sha1 = true, sha256 = true;
};

// The time-limited ones of TURN servers with a shared secret: the user name says until when they
// are good, in seconds since 1970.
Credentials rest_credentials (const stun::Crypto &crypto, std::string_view secret,
    std::string_view user, std::uint64_t expiry);

// What one request proved its sender with; its answer has to be proved alike.
struct Proof {
  stun::Key key;
  bool sha1 = false, sha256 = false;
  unsigned generation = 0;

  bool is_signed () const { return sha1 || sha256; }
};

// The credentials of one server, and what it has asked for.
class Authenticator {
public:
  enum class Answer : std::uint8_t {
    retry,             // with what sign () adds now
    wrong_credentials, // refused before, and nothing has changed
    no_credentials,    // it wants some
    bad_challenge,     // no realm, no nonce, or too long
    bid_down,          // something weaker than the server can do, so somebody else said it
    no_algorithm       // none that we know
  };
  static constexpr std::size_t max_text = 763, max_username = 508;

  // `crypto` outlives it.
  Authenticator (const stun::Crypto &crypto, Credentials credentials);
  // What another one knows, with hashes that live as long as this one.
  Authenticator (const Authenticator &other, const stun::Crypto &crypto);

  // They have characters that no credentials may have, or are too long.
  bool unusable () const { return unusable_; }
  // The server has asked, and was told who we are.
  bool has_key () const { return !realm_.empty (); }
  const Credentials &credentials () const { return credentials_; }
  void replace (Credentials credentials);
  // Another server: it has asked for nothing yet.
  void forget_server ();
  // The same server on another path, for which an old nonce need not be good.
  void new_path () { old_nonce_ = true; }

  // The last attributes of a request but FINGERPRINT.
  Proof sign (stun::Builder &b) const;
  // A 401 or 438.
  Answer challenged (const stun::Message &m, const Proof &p);
  // Any other answer: whether it is the server's. An unsigned request takes all.
  bool verify (const stun::Message &m, const Proof &p);

private:
  void prepare_names ();
  stun::Key derive () const;
  std::optional<stun::PasswordAlgorithm> choose (Bytes list) const;

  const stun::Crypto *crypto_;
  Credentials credentials_;
  std::string user_, password_; // prepared
  bool unusable_ = false;

  std::string realm_, nonce_;
  std::vector<std::uint8_t> algorithms_; // PASSWORD-ALGORITHMS as it came; empty: there was none
  stun::PasswordAlgorithm algorithm_ = stun::PasswordAlgorithm::md5;
  bool anonymous_ = false; // USERHASH instead of USERNAME
  stun::Key key_;
  unsigned generation_ = 1;
  bool old_nonce_ = false;
};
} // namespace reach::turn
