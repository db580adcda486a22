// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dtls_context.h"
#include "dtls.h"
#include <algorithm>
#include <openssl/err.h>

namespace reach::rtc {
namespace {
const char *name_of (SrtpProfile p)
{
  switch (p) {
  case SrtpProfile::aes_cm_128_hmac_sha1_80:
    return "SRTP_AES128_CM_SHA1_80";
  case SrtpProfile::aead_aes_128_gcm:
    return "SRTP_AEAD_AES_128_GCM";
  case SrtpProfile::aead_aes_256_gcm:
    return "SRTP_AEAD_AES_256_GCM";
  case SrtpProfile::none:
    break;
  }
  return "";
}

// Microseconds until a flight is sent again: from 100 ms on, twice as long each time. OpenSSL gives
// up after 12 times, some 26 s.
unsigned next_timer (SSL *, unsigned last)
{
  constexpr unsigned first = 100000, longest = 3200000;
  return last == 0 ? first : std::min (last * 2, longest);
}
} // namespace

std::shared_ptr<const DtlsContext> DtlsContext::make (
    std::shared_ptr<const Certificate> own, DtlsRules rules, std::string &error)
{
  auto c = std::make_shared<DtlsContext> ();
  c->own_ = std::move (own);
  c->rules_ = std::move (rules);
  c->rules_.mtu = std::clamp<std::size_t> (c->rules_.mtu, 256, 16384);
  ERR_clear_error ();
  error = c->setup ();
  if (!error.empty ()) {
    const char *text = ERR_reason_error_string (ERR_peek_last_error ());
    error += std::string (": ") + (text ? text : "unknown reason");
    ERR_clear_error ();
    return nullptr;
  }
  return c;
}

std::string DtlsContext::setup ()
{
  ctx_.reset (SSL_CTX_new (DTLS_method ()));
  SSL_CTX *c = ctx_.get ();
  if (!c || SSL_CTX_set_min_proto_version (c, DTLS1_2_VERSION) != 1)
    return "DTLS does not start";
  SSL_CTX_set_session_cache_mode (c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options (c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                              SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU |
                              SSL_OP_SINGLE_ECDH_USE);
  SSL_CTX_set_mode (c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list (c, static_cast<long> (rules_.max_message));
  SSL_CTX_set_verify (c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback (c, verify, nullptr);
  if (SSL_CTX_set_cipher_list (c, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return "this OpenSSL lacks the ciphers of DTLS";
  if (SSL_CTX_use_certificate (c, own_->x509 ()) != 1 ||
      SSL_CTX_use_PrivateKey (c, own_->key ()) != 1)
    return "the certificate cannot be used";
  std::string profiles;
  for (const SrtpProfile p : rules_.profiles)
    profiles += (profiles.empty () ? "" : ":") + std::string (name_of (p));
  if (!profiles.empty () && SSL_CTX_set_tlsext_use_srtp (c, profiles.c_str ()) != 0)
    return "this OpenSSL lacks the SRTP profiles";
  return {};
}

SslPtr DtlsContext::session (DtlsRole role) const
{
  SslPtr ssl (SSL_new (ctx_.get ()));
  if (!ssl)
    return nullptr;
  if (role == DtlsRole::server)
    SSL_set_accept_state (ssl.get ());
  else
    SSL_set_connect_state (ssl.get ());
  SSL_set_mtu (ssl.get (), static_cast<long> (rules_.mtu));
  DTLS_set_timer_cb (ssl.get (), next_timer);
  return ssl;
}

// In the middle of the handshake, before the peer hears that we are done.
int DtlsContext::verify (X509_STORE_CTX *store, void *)
{
  const auto *ssl = static_cast<const SSL *> (
      X509_STORE_CTX_get_ex_data (store, SSL_get_ex_data_X509_STORE_CTX_idx ()));
  auto *dtls = static_cast<Dtls *> (SSL_get_app_data (ssl));
  if (dtls->accept_certificate (X509_STORE_CTX_get0_cert (store)))
    return 1;
  X509_STORE_CTX_set_error (store, X509_V_ERR_CERT_REJECTED);
  return 0;
}
} // namespace reach::rtc
