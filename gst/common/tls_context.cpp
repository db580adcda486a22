// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tls_openssl.h"
#include <algorithm>
#include <cstring>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

namespace reach {
namespace {
// Who a passphrase is for, on the wire. Both sides must know the salt before they have spoken, so
// it is the same everywhere; that a passphrase is hard to guess is up to its length and to scrypt.
constexpr char psk_identity[] = "reach";
constexpr char psk_salt[] = "gst-plugins-reach passphrase 1";
constexpr std::uint64_t scrypt_n = 1 << 15, scrypt_r = 8, scrypt_p = 1; // 32 MiB
constexpr std::size_t least_passphrase = 10;
constexpr long max_certificates = 16 << 10; // what a peer may send before it is known
constexpr unsigned mtu = 1200;

std::string openssl_error ()
{
  const unsigned long first = ERR_peek_error (); // "No such file": what follows is "system lib"
  const unsigned long e = ERR_SYSTEM_ERROR (first) ? first : ERR_peek_last_error ();
  const char *reason = ERR_reason_error_string (e);
  std::string text = reason ? reason : ERR_SYSTEM_ERROR (e) ? strerror (ERR_GET_REASON (e)) : "";
  ERR_clear_error ();
  return text.empty () ? "unknown error" : text;
}

// A key with a password must not ask for it on the terminal.
int no_password (char *, int, int, void *)
{
  return 0;
}

int context_index ()
{
  static const int index = SSL_CTX_get_ex_new_index (0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_address (const std::string &host)
{
  const SslOwned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> ip (a2i_IPADDRESS (host.c_str ()));
  ERR_clear_error ();
  return ip != nullptr;
}
} // namespace

bool TlsContext::built_in ()
{
  return true;
}

std::shared_ptr<const TlsContext> TlsContext::make (const TlsConfig &config, std::string &error)
{
  auto context = std::make_shared<OpensslContext> (config);
  error = context->setup ();
  return error.empty () ? context : nullptr;
}

OpensslContext::~OpensslContext ()
{
  OPENSSL_cleanse (key_.data (), key_.size ());
}

const OpensslContext &OpensslContext::of (const SSL *ssl)
{
  return *static_cast<const OpensslContext *> (
      SSL_CTX_get_ex_data (SSL_get_SSL_CTX (ssl), context_index ()));
}

std::string OpensslContext::setup ()
{
  ERR_clear_error ();
  const SSL_METHOD *method = config_.datagrams ? DTLS_method () : TLS_method ();
  ctx_.reset (SSL_CTX_new (method));
  if (!ctx_)
    return "OpenSSL does not start: " + openssl_error ();
  SSL_CTX_set_ex_data (ctx_.get (), context_index (), this);
  std::string error = setup_versions ();
  if (error.empty ())
    error = config_.passphrase.empty () ? setup_certificate () : setup_passphrase ();
  if (error.empty ())
    error = setup_trust ();
  return error.empty () ? setup_protocol () : error;
}

std::string OpensslContext::setup_protocol ()
{
  const std::size_t size = config_.protocol.size ();
  if (size == 0)
    return {};
  if (size > 255)
    return "the name of the protocol is too long";
  protocols_ = static_cast<char> (size) + config_.protocol;
  const auto *bytes = reinterpret_cast<const unsigned char *> (protocols_.data ());
  if (config_.server)
    SSL_CTX_set_alpn_select_cb (ctx_.get (), choose_protocol, this);
  else if (SSL_CTX_set_alpn_protos (
               ctx_.get (), bytes, static_cast<unsigned> (protocols_.size ())) != 0)
    return "the protocol cannot be said: " + openssl_error ();
  return {};
}

int OpensslContext::choose_protocol (SSL *, const unsigned char **out, unsigned char *size,
    const unsigned char *offered, unsigned offered_size, void *self)
{
  const std::string &own = static_cast<const OpensslContext *> (self)->protocols_;
  unsigned char *found = nullptr;
  const int result =
      SSL_select_next_proto (&found, size, reinterpret_cast<const unsigned char *> (own.data ()),
          static_cast<unsigned> (own.size ()), offered, offered_size);
  *out = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string OpensslContext::setup_versions ()
{
  SSL_CTX *c = ctx_.get ();
  const bool psk = !config_.passphrase.empty ();
  SSL_CTX_set_min_proto_version (c, config_.datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION);
  // Every connection is proved anew: nothing of an old one, and no ticket, can stand in for it.
  SSL_CTX_set_session_cache_mode (c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets (c, 0);
  SSL_CTX_set_options (c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                              SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                              SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_mode (c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_max_cert_list (c, max_certificates);
  SSL_CTX_set_default_passwd_cb (c, no_password);
  SSL_CTX_set_cookie_generate_cb (c, CookieKey::generate);
  SSL_CTX_set_cookie_verify_cb (c, CookieKey::check);
  // Authenticated encryption and forward secrecy only. A key shared in TLS 1.3 goes with SHA-256.
  const char *old = psk ? "ECDHE-PSK-CHACHA20-POLY1305" : "ECDHE+AESGCM:ECDHE+CHACHA20";
  const char *suites = psk ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
                           : "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                             "TLS_CHACHA20_POLY1305_SHA256";
  if (SSL_CTX_set_cipher_list (c, old) != 1 || SSL_CTX_set_ciphersuites (c, suites) != 1)
    return "this OpenSSL lacks the ciphers: " + openssl_error ();
  return {};
}

std::string OpensslContext::setup_passphrase ()
{
  const std::string &p = config_.passphrase;
  if (!config_.certificate.empty () || !config_.pins.empty () || !config_.ca_file.empty ())
    return "a passphrase takes the place of certificates: set one or the other";
  if (p.size () < least_passphrase)
    return "the passphrase is too short: it needs 10 characters at least";
  if (EVP_PBE_scrypt (p.data (), p.size (), reinterpret_cast<const unsigned char *> (psk_salt),
          sizeof psk_salt - 1, scrypt_n, scrypt_r, scrypt_p, 64u << 20, key_.data (),
          key_.size ()) != 1)
    return "no key can be made of the passphrase: " + openssl_error ();
  if (config_.server)
    SSL_CTX_set_psk_server_callback (ctx_.get (), psk_for_server);
  else
    SSL_CTX_set_psk_client_callback (ctx_.get (), psk_for_client);
  return {};
}

std::string OpensslContext::setup_certificate ()
{
  const std::string &certificate = config_.certificate;
  const std::string &key = config_.key.empty () ? certificate : config_.key;
  if (certificate.empty ()) {
    if (config_.server)
      return "a listener needs a certificate and its key, or a passphrase";
    return config_.key.empty () ? "" : "there is a key, but no certificate for it";
  }
  if (SSL_CTX_use_certificate_chain_file (ctx_.get (), certificate.c_str ()) != 1)
    return "the certificate cannot be read from " + certificate + ": " + openssl_error ();
  if (SSL_CTX_use_PrivateKey_file (ctx_.get (), key.c_str (), SSL_FILETYPE_PEM) != 1)
    return "the key cannot be read from " + key +
           " (it must be PEM, without a password, and fit the certificate): " + openssl_error ();
  return {};
}

std::string OpensslContext::setup_trust ()
{
  SSL_CTX *c = ctx_.get ();
  if (!config_.passphrase.empty ()) {
    // A client never takes a certificate in place of the passphrase: nothing is trusted.
    SSL_CTX_set_verify (c, config_.server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    return {};
  }
  const std::string &file = config_.ca_file;
  if (!file.empty () && SSL_CTX_load_verify_locations (c, file.c_str (), nullptr) != 1)
    return "the authorities cannot be read from " + file + ": " + openssl_error ();
  if (file.empty () && !config_.server)
    SSL_CTX_set_default_verify_paths (c);
  if (!file.empty () && config_.server)
    SSL_CTX_set_client_CA_list (c, SSL_load_client_CA_file (file.c_str ()));
  // A certificate that was given as trusted is, whoever signed it.
  X509_VERIFY_PARAM_set_flags (SSL_CTX_get0_param (c), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_cert_verify_callback (c, verify, this);
  const bool asks = !config_.server || !config_.pins.empty () || (config_.verify && !file.empty ());
  SSL_CTX_set_verify (
      c, asks ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, nullptr);
  ERR_clear_error ();
  return {};
}

int OpensslContext::verify (X509_STORE_CTX *store, void *self)
{
  const TlsConfig &config = static_cast<const OpensslContext *> (self)->config_;
  if (config.pins.empty ())
    return config.verify ? X509_verify_cert (store) : 1;
  TlsConfig::Fingerprint f{};
  if (sha256_of (X509_STORE_CTX_get0_cert (store), f) &&
      std::find (config.pins.begin (), config.pins.end (), f) != config.pins.end ()) {
    X509_STORE_CTX_set_error (store, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error (store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

unsigned OpensslContext::psk_for_server (
    SSL *ssl, const char *identity, unsigned char *psk, unsigned max)
{
  if (!identity || std::strcmp (identity, psk_identity) != 0 || max < key_size)
    return 0;
  const auto &key = of (ssl).key_;
  std::copy (key.begin (), key.end (), psk);
  return key_size;
}

unsigned OpensslContext::psk_for_client (
    SSL *ssl, const char *, char *identity, unsigned max_identity, unsigned char *psk, unsigned max)
{
  if (max_identity < sizeof psk_identity || max < key_size)
    return 0;
  std::memcpy (identity, psk_identity, sizeof psk_identity);
  const auto &key = of (ssl).key_;
  std::copy (key.begin (), key.end (), psk);
  return key_size;
}

SslPtr OpensslContext::make_ssl () const
{
  SslPtr ssl (SSL_new (ctx_.get ()));
  if (!ssl)
    throw std::bad_alloc ();
  if (config_.server)
    SSL_set_accept_state (ssl.get ());
  else
    SSL_set_connect_state (ssl.get ());
  if (config_.datagrams) {
    SSL_set_mtu (ssl.get (), mtu);
    DTLS_set_timer_cb (ssl.get (),
        [] (SSL *, unsigned us) { return us == 0 ? 200000u : std::min (2 * us, 500000u); });
  }
  return ssl;
}

std::unique_ptr<TlsSession> OpensslContext::session (const std::string &host) const
{
  SslPtr ssl = make_ssl ();
  if (!config_.server && !host.empty ()) {
    if (is_address (host)) {
      X509_VERIFY_PARAM_set1_ip_asc (SSL_get0_param (ssl.get ()), host.c_str ());
    } else {
      SSL_set_tlsext_host_name (ssl.get (), host.c_str ());
      SSL_set1_host (ssl.get (), host.c_str ());
    }
  }
  auto session = std::make_unique<OpensslSession> (shared_from_this (), std::move (ssl), host);
  if (!config_.server)
    session->start ();
  return session;
}

bool sha256_of (const X509 *certificate, TlsConfig::Fingerprint &out)
{
  unsigned n = 0;
  return certificate && X509_digest (certificate, EVP_sha256 (), out.data (), &n) == 1 &&
         n == out.size ();
}

std::string hex_fingerprint (const X509 *certificate)
{
  TlsConfig::Fingerprint f{};
  std::string text;
  if (!sha256_of (certificate, f))
    return text;
  for (const std::uint8_t b : f) {
    text.push_back ("0123456789ABCDEF"[b >> 4]);
    text.push_back ("0123456789ABCDEF"[b & 15]);
  }
  return text;
}
} // namespace reach
