// SPDX-License-Identifier: LGPL-2.1-or-later
#include "certificate.h"
#include <array>
#include <cstdio>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <optional>

namespace reach::rtc {
namespace {
constexpr long a_day = 24 * 60 * 60;

struct Hash {
  std::string_view name;
  const EVP_MD *(*digest) ();
  std::size_t size;
  bool strong;
};
// From weak to strong.
constexpr Hash hashes[] = {
    {"sha-1", EVP_sha1, 20, false},
    {"sha-224", EVP_sha224, 28, true},
    {"sha-256", EVP_sha256, 32, true},
    {"sha-384", EVP_sha384, 48, true},
    {"sha-512", EVP_sha512, 64, true},
};

char lower (char c)
{
  return c >= 'A' && c <= 'Z' ? static_cast<char> (c - 'A' + 'a') : c;
}

bool same (std::string_view a, std::string_view b)
{
  return a.size () == b.size () && std::equal (a.begin (), a.end (), b.begin (),
                                       [] (char x, char y) { return lower (x) == lower (y); });
}

const Hash *find (std::string_view name)
{
  for (const Hash &h : hashes)
    if (same (h.name, name))
      return &h;
  return nullptr;
}

std::string value_of (const Hash &hash, const X509 *certificate)
{
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned n = 0;
  if (X509_digest (certificate, hash.digest (), digest.data (), &n) != 1)
    return {};
  constexpr char digits[] = "0123456789ABCDEF";
  std::string text;
  for (unsigned i = 0; i < n; i++) {
    if (i > 0)
      text += ':';
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

std::string reason ()
{
  const char *text = ERR_reason_error_string (ERR_peek_last_error ());
  ERR_clear_error ();
  return text ? text : "unknown reason";
}

// A key with a password must not ask for it on the terminal.
int no_password (char *, int, int, void *)
{
  return 0;
}

using File = SslOwned<BIO, BIO_free>;
} // namespace

const char *to_text (FingerprintFault fault)
{
  switch (fault) {
  case FingerprintFault::none:
    return "the certificate is the announced one";
  case FingerprintFault::missing:
    return "the peer announced no fingerprint";
  case FingerprintFault::weak:
    return "the peer announced fingerprints by weak or unknown hashes only";
  case FingerprintFault::malformed:
    return "a fingerprint of the peer is not as long as its hash";
  case FingerprintFault::mismatch:
    return "the peer's certificate is not the one it announced";
  }
  return "";
}

std::shared_ptr<const Certificate> Certificate::make (Key kind, std::string &error)
{
  auto c = std::make_shared<Certificate> ();
  ERR_clear_error ();
  error = c->sign (kind);
  return error.empty () ? c : nullptr;
}

std::string Certificate::sign (Key kind)
{
  key_.reset (kind == Key::rsa_2048 ? EVP_RSA_gen (2048) : EVP_EC_gen ("P-256"));
  certificate_.reset (X509_new ());
  X509 *x = certificate_.get ();
  std::array<unsigned char, 24> random;
  if (!key_ || !x || RAND_bytes (random.data (), random.size ()) != 1)
    return "no key for a certificate: " + reason ();
  random[0] &= 0x7f; // a serial number is positive
  SslOwned<BIGNUM, BN_free> serial (BN_bin2bn (random.data (), 8, nullptr));
  std::string name;
  for (std::size_t i = 8; i < random.size (); i++)
    name += "0123456789abcdef"[random[i] & 15];
  X509_NAME *subject = X509_get_subject_name (x);
  if (X509_set_version (x, 2) != 1 || !serial ||
      !BN_to_ASN1_INTEGER (serial.get (), X509_get_serialNumber (x)) ||
      !X509_gmtime_adj (X509_getm_notBefore (x), -a_day) ||
      !X509_gmtime_adj (X509_getm_notAfter (x), 30 * a_day) ||
      X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC,
          reinterpret_cast<const unsigned char *> (name.data ()), static_cast<int> (name.size ()),
          -1, 0) != 1 ||
      X509_set_issuer_name (x, subject) != 1 || X509_set_pubkey (x, key_.get ()) != 1 ||
      X509_sign (x, key_.get (), EVP_sha256 ()) <= 0)
    return "no certificate: " + reason ();
  return {};
}

std::shared_ptr<const Certificate> Certificate::load (
    const std::string &certificate_file, const std::string &key_file, std::string &error)
{
  auto c = std::make_shared<Certificate> ();
  ERR_clear_error ();
  error = c->read (certificate_file, key_file.empty () ? certificate_file : key_file);
  return error.empty () ? c : nullptr;
}

std::string Certificate::read (const std::string &certificate_file, const std::string &key_file)
{
  const File certificate (BIO_new_file (certificate_file.c_str (), "r"));
  if (certificate)
    certificate_.reset (PEM_read_bio_X509 (certificate.get (), nullptr, no_password, nullptr));
  if (!certificate_)
    return "no certificate can be read from " + certificate_file + ": " + reason ();
  const File key (BIO_new_file (key_file.c_str (), "r"));
  if (key)
    key_.reset (PEM_read_bio_PrivateKey (key.get (), nullptr, no_password, nullptr));
  if (!key_)
    return "no key (PEM, without a password) can be read from " + key_file + ": " + reason ();
  if (X509_check_private_key (certificate_.get (), key_.get ()) != 1)
    return "the key in " + key_file + " is not that of the certificate: " + reason ();
  return {};
}

Fingerprint Certificate::fingerprint (std::string_view algorithm) const
{
  const Hash *hash = find (algorithm);
  return hash ? Fingerprint{std::string (hash->name), value_of (*hash, certificate_.get ())}
              : Fingerprint{std::string (algorithm), {}};
}

std::string Certificate::pem () const
{
  const SslOwned<BIO, BIO_free> memory (BIO_new (BIO_s_mem ()));
  if (!memory || PEM_write_bio_X509 (memory.get (), certificate_.get ()) != 1)
    return {};
  char *text = nullptr;
  const long n = BIO_get_mem_data (memory.get (), &text);
  return std::string (text, static_cast<std::size_t> (n));
}

FingerprintFault check_fingerprint (const std::vector<Fingerprint> &announced, const X509 *shown)
{
  if (announced.empty ())
    return FingerprintFault::missing;
  const Hash *best = nullptr;
  for (const Fingerprint &f : announced) {
    const Hash *hash = find (f.algorithm);
    if (hash && hash->strong && (!best || hash > best))
      best = hash;
  }
  if (!best)
    return FingerprintFault::weak;
  const std::string value = shown ? value_of (*best, shown) : std::string ();
  bool right_length = false;
  for (const Fingerprint &f : announced) {
    if (find (f.algorithm) != best)
      continue;
    right_length |= f.value.size () == best->size * 3 - 1;
    if (!value.empty () && same (value, f.value))
      return FingerprintFault::none;
  }
  return right_length ? FingerprintFault::mismatch : FingerprintFault::malformed;
}
} // namespace reach::rtc
