// SPDX-License-Identifier: LGPL-2.1-or-later
// OpenSSL between two spans of memory: what it reads is what the socket has just received, and what
// it writes is collected, so that many records leave with one call.
#include "openssl_error.h"
#include "tls_openssl.h"
#include <utility>

namespace reach {
namespace {
constexpr int alert_internal = 80, alert_canceled = 90, alert_certificate_required = 116;

TlsFault fault_of (int reason)
{
  switch (reason) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
  case SSL_R_BINDER_DOES_NOT_VERIFY:
  case SSL_R_PSK_IDENTITY_NOT_FOUND:
    return TlsFault::unverified;
  case SSL_R_EXCESSIVE_MESSAGE_SIZE:
    return TlsFault::out_of_space;
  default:
    break;
  }
  const int alert = reason - ssl_alert_offset;
  return alert > 0 && alert < 256 && alert != alert_internal && alert != alert_canceled
             ? TlsFault::rejected
             : TlsFault::broken;
}

std::string words_of (int reason, long verified)
{
  switch (reason) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
    return verified == X509_V_ERR_APPLICATION_VERIFICATION
               ? "the peer's certificate is none of those in the list of fingerprints"
               : std::string ("the peer's certificate does not verify: ") +
                     X509_verify_cert_error_string (verified);
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return "the peer has no certificate to show";
  case SSL_R_BINDER_DOES_NOT_VERIFY:
  case SSL_R_PSK_IDENTITY_NOT_FOUND:
    return "the peer has another passphrase";
  case SSL_R_NO_SHARED_CIPHER:
  case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    return "no cipher in common: does one side have a certificate and the other a passphrase?";
  default:
    break;
  }
  if (reason - ssl_alert_offset == alert_certificate_required)
    return "the peer wants a certificate of this side (tls-certificate)";
  if (fault_of (reason) == TlsFault::rejected)
    return std::string ("the peer refuses this side's certificate, passphrase or TLS version: ") +
           SSL_alert_desc_string_long (reason - ssl_alert_offset);
  const char *text = ERR_reason_error_string (ERR_PACK (ERR_LIB_SSL, 0, reason));
  return std::string ("the TLS connection failed: ") + (text ? text : "unknown reason");
}
} // namespace

OpensslSession::OpensslSession (
    std::shared_ptr<const OpensslContext> context, SslPtr ssl, std::string host)
    : context_ (std::move (context)), ssl_ (std::move (ssl)), host_ (std::move (host)),
      bio_ (output (), context_->config ().datagrams)
{
  BIO *b = bio_.make ();
  SSL_set_bio (ssl_.get (), b, b);
  SSL_set_app_data (ssl_.get (), this);
}

OpensslSession::~OpensslSession () = default;

OpensslSession &OpensslSession::of (const SSL *ssl)
{
  return *static_cast<OpensslSession *> (SSL_get_app_data (ssl));
}

void OpensslSession::start ()
{
  handshake ();
}

void OpensslSession::input (Bytes bytes)
{
  if (state_ == State::failed || bytes.empty ())
    return;
  bio_.in = bytes;
  if (!held_.empty ()) {
    held_.insert (held_.end (), bytes.begin (), bytes.end ());
    bio_.in = held_;
  }
  if (!seen_ && !looks_like_tls ()) {
    // So a peer of ours without TLS can say what is wrong.
    if (context_->config ().server)
      output ().bytes.assign ({21, 3, 1, 0, 2, 2, SSL_AD_PROTOCOL_VERSION});
    return fail (TlsFault::not_tls, "the peer does not speak TLS");
  }
  if (state_ == State::handshake)
    handshake ();
}

// OpenSSL's own word for it depends on what came instead.
bool OpensslSession::looks_like_tls ()
{
  constexpr std::uint8_t alert = 21, hello = 22;
  seen_ = true;
  const bool client = !context_->config ().server;
  return context_->config ().datagrams || bio_.in.front () == hello ||
         (client && bio_.in.front () == alert);
}

void OpensslSession::hold ()
{
  held_ = std::vector<std::uint8_t> (bio_.in.begin (), bio_.in.end ()); // which may be a part of it
  bio_.in = held_;
}

void OpensslSession::handshake ()
{
  ERR_clear_error ();
  const int result = SSL_do_handshake (ssl_.get ());
  if (result != 1)
    return failed (result);
  state_ = State::open;
  check_opened ();
}

// A passphrase must have been what proved the peer, not something else that OpenSSL would take.
void OpensslSession::check_opened ()
{
  if (context_->config ().passphrase.empty ())
    return;
  const int auth = SSL_CIPHER_get_auth_nid (SSL_get_current_cipher (ssl_.get ()));
  const bool psk = SSL_version (ssl_.get ()) == TLS1_3_VERSION
                       ? SSL_session_reused (ssl_.get ()) == 1
                       : auth == NID_auth_psk;
  if (!psk)
    fail (TlsFault::unverified, "the peer did not use the passphrase");
}

void OpensslSession::failed (int result)
{
  switch (SSL_get_error (ssl_.get (), result)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return;
  case SSL_ERROR_ZERO_RETURN:
    state_ = State::ended;
    return;
  default:
    break;
  }
  const int reason = next_ssl_reason ();
  fail (fault_of (reason), words_of (reason, SSL_get_verify_result (ssl_.get ())));
}

std::size_t OpensslSession::read (std::span<std::uint8_t> out)
{
  std::size_t n = 0;
  if (state_ == State::open && !out.empty ()) {
    ERR_clear_error ();
    const int result = SSL_read_ex (ssl_.get (), out.data (), out.size (), &n);
    if (result != 1) {
      n = 0;
      failed (result);
    }
  }
  if (n == 0 && bio_.in.empty ())
    held_ = {};
  return n;
}

void OpensslSession::write (Bytes plaintext)
{
  if (state_ != State::open || finished_)
    return;
  ERR_clear_error ();
  std::size_t n = 0;
  const int result = SSL_write_ex (ssl_.get (), plaintext.data (), plaintext.size (), &n);
  if (result != 1)
    failed (result);
  if (state_ == State::open && n != plaintext.size ())
    fail (TlsFault::broken, "the TLS connection failed: a record was not written");
}

void OpensslSession::finish ()
{
  if ((state_ != State::open && state_ != State::ended) || std::exchange (finished_, true))
    return;
  ERR_clear_error ();
  SSL_shutdown (ssl_.get ());
  ERR_clear_error ();
}

void OpensslSession::timeout ()
{
  if (state_ != State::handshake)
    return;
  ERR_clear_error ();
  if (DTLSv1_handle_timeout (ssl_.get ()) < 0)
    fail (TlsFault::broken, "the peer does not answer");
  ERR_clear_error ();
}

std::optional<Duration> OpensslSession::next_timeout () const
{
  timeval left{};
  if (!context_->config ().datagrams || state_ != State::handshake ||
      DTLSv1_get_timeout (ssl_.get (), &left) != 1)
    return {};
  return seconds (left.tv_sec) + microseconds (left.tv_usec);
}

TlsInfo OpensslSession::info () const
{
  TlsInfo i;
  if (state_ == State::handshake)
    return i;
  i.version = SSL_get_version (ssl_.get ());
  const char *cipher = SSL_CIPHER_standard_name (SSL_get_current_cipher (ssl_.get ()));
  i.cipher = cipher ? cipher : "";
  const unsigned char *protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected (ssl_.get (), &protocol, &size);
  i.protocol.assign (protocol, protocol + size);
  const SslOwned<X509, X509_free> certificate (SSL_get1_peer_certificate (ssl_.get ()));
  if (!certificate)
    return i;
  i.fingerprint = hex_fingerprint (certificate.get ());
  const TlsConfig &c = context_->config ();
  if (!c.pins.empty () || !c.verify)
    return i; // its names were not looked at
  if (!c.server) {
    i.peer_name = host_;
    return i;
  }
  char name[65] = "";
  X509_NAME_get_text_by_NID (
      X509_get_subject_name (certificate.get ()), NID_commonName, name, sizeof name);
  for (const char *p = name; *p; p++)
    i.peer_name.push_back (*p >= ' ' && *p <= '~' ? *p : '?');
  return i;
}

bool OpensslSession::listen (Bytes datagram, Bytes address, const CookieKey &key)
{
  bio_.in = datagram;
  address_ = address;
  cookie_key_ = &key;
  const SslOwned<BIO_ADDR, BIO_ADDR_free> unused (BIO_ADDR_new ());
  ERR_clear_error ();
  const bool proved = DTLSv1_listen (ssl_.get (), unused.get ()) == 1;
  ERR_clear_error ();
  bio_.in = {};
  if (proved)
    handshake (); // it looks at the cookie again
  address_ = {};
  cookie_key_ = nullptr;
  return proved;
}
} // namespace reach
