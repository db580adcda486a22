// SPDX-License-Identifier: LGPL-2.1-or-later
// The certificate a peer shows in DTLS, and fingerprints as SDP has them (RFC 8122).
#pragma once
#include "common/tls_openssl.h"
#include <string>
#include <string_view>
#include <vector>

namespace reach::rtc {
// One a=fingerprint: "sha-256", "AB:CD:…". Both compare without regard to case.
struct Fingerprint {
  std::string algorithm, value;
};

// Why a certificate is not the one that was announced.
enum class FingerprintFault : std::uint8_t {
  none,
  missing,   // nothing was announced
  weak,      // only by hashes that can be forged, or that are not known here: md5, sha-1, …
  malformed, // a value that is not as long as its hash
  mismatch,
};
const char *to_text (FingerprintFault fault);

// Immutable; may be shared between threads.
class Certificate {
public:
  enum class Key : std::uint8_t { ecdsa_p256, rsa_2048 };

  // Self-signed, valid for 30 days from yesterday on, with random name and serial number. Null and
  // `error` in words when OpenSSL fails. RSA takes some tenths of a second.
  static std::shared_ptr<const Certificate> make (Key key, std::string &error);
  // PEM files; an empty `key_file` means the key is in the first. Keys with a password are refused.
  static std::shared_ptr<const Certificate> load (
      const std::string &certificate_file, const std::string &key_file, std::string &error);

  // "sha-1", "sha-224", "sha-256", "sha-384", "sha-512"; another gives an empty value.
  Fingerprint fingerprint (std::string_view algorithm = "sha-256") const;
  std::string pem () const; // without the key
  X509 *x509 () const { return certificate_.get (); }
  EVP_PKEY *key () const { return key_.get (); }

private:
  std::string read (const std::string &certificate_file, const std::string &key_file);
  std::string sign (Key kind);

  SslOwned<X509, X509_free> certificate_;
  SslOwned<EVP_PKEY, EVP_PKEY_free> key_;
};

// Of the strongest hash among `announced` (at least SHA-224; RFC 8122, 5: the preferred hash
// decides), one value must be the certificate's. A weaker one that matches does not help.
FingerprintFault check_fingerprint (const std::vector<Fingerprint> &announced, const X509 *shown);
} // namespace reach::rtc
