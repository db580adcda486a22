// SPDX-License-Identifier: LGPL-2.1-or-later
// What the OpenSSL sources share. Nothing outside of them includes this.
#pragma once
#include "memory_bio.h"
#include "tls.h"
#include <openssl/ssl.h>

namespace reach {
template <auto Fn> struct SslFree {
  template <typename T> void operator() (T *p) const noexcept { Fn (p); }
};
template <typename T, auto Fn> using SslOwned = std::unique_ptr<T, SslFree<Fn>>;
using SslPtr = SslOwned<SSL, SSL_free>;

class OpensslContext final : public TlsContext,
                             public std::enable_shared_from_this<OpensslContext> {
public:
  explicit OpensslContext (const TlsConfig &config) : config_ (config) {}
  ~OpensslContext () override;
  std::string setup (); // what is wrong, or nothing
  std::unique_ptr<TlsSession> session (const std::string &host) const override;

  const TlsConfig &config () const { return config_; }
  SslPtr make_ssl () const;
  static const OpensslContext &of (const SSL *ssl);

private:
  static constexpr std::size_t key_size = 32;
  static unsigned psk_for_server (SSL *, const char *identity, unsigned char *psk, unsigned max);
  static unsigned psk_for_client (SSL *, const char *hint, char *identity, unsigned max_identity,
      unsigned char *psk, unsigned max);
  static int verify (X509_STORE_CTX *store, void *self);
  static int choose_protocol (SSL *, const unsigned char **out, unsigned char *size,
      const unsigned char *offered, unsigned offered_size, void *self);

  std::string setup_versions ();
  std::string setup_protocol ();
  std::string setup_passphrase ();
  std::string setup_certificate ();
  std::string setup_trust ();

  const TlsConfig config_;
  std::string protocols_; // as they are on the wire
  SslOwned<SSL_CTX, SSL_CTX_free> ctx_;
  std::array<std::uint8_t, key_size> key_{};
};

// Cookies that prove an address, of DTLS servers.
class CookieKey {
public:
  CookieKey ();
  static int generate (SSL *, unsigned char *out, unsigned *size);
  static int check (SSL *, const unsigned char *in, unsigned size);

private:
  using Cookie = std::array<std::uint8_t, 32>;
  Cookie make (Bytes address, std::uint64_t when) const;
  std::array<std::uint8_t, 32> key_{};
};

class OpensslSession final : public TlsSession {
public:
  OpensslSession (std::shared_ptr<const OpensslContext> context, SslPtr ssl, std::string host);
  ~OpensslSession () override;
  void start (); // of a client: says hello

  void input (Bytes bytes) override;
  void hold () override;
  std::size_t read (std::span<std::uint8_t> out) override;
  void write (Bytes plaintext) override;
  void finish () override;
  void timeout () override;
  std::optional<Duration> next_timeout () const override;
  TlsInfo info () const override;

  // Of the gate: one datagram to DTLSv1_listen (). True: the cookie is right.
  bool listen (Bytes datagram, Bytes address, const CookieKey &key);
  Bytes address () const { return address_; }                  // while listen () runs
  const CookieKey *cookie_key () const { return cookie_key_; } // likewise
  static OpensslSession &of (const SSL *ssl);

private:
  void handshake ();
  bool looks_like_tls ();
  void check_opened ();
  void failed (int result);

  const std::shared_ptr<const OpensslContext> context_;
  const SslPtr ssl_;
  const std::string host_;
  MemoryBio bio_;
  Bytes address_;
  const CookieKey *cookie_key_ = nullptr;
  std::vector<std::uint8_t> held_;
  bool seen_ = false, finished_ = false;
};

std::string hex_fingerprint (const X509 *certificate);
bool sha256_of (const X509 *certificate, TlsConfig::Fingerprint &out);
} // namespace reach
