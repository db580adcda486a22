// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dtls.h"
#include "common/openssl_error.h"
#include <utility>

namespace reach::rtc {
namespace {
DtlsFault fault_of (int reason)
{
  switch (reason) {
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return DtlsFault::no_certificate;
  case SSL_R_READ_TIMEOUT_EXPIRED:
    return DtlsFault::timeout;
  default:
    return reason > ssl_alert_offset && reason < ssl_alert_offset + 256 ? DtlsFault::refused
                                                                        : DtlsFault::protocol;
  }
}
} // namespace

const char *to_text (DtlsFault fault)
{
  switch (fault) {
  case DtlsFault::none:
    return "no fault";
  case DtlsFault::fingerprint:
    return "the peer's certificate is not the announced one";
  case DtlsFault::no_certificate:
    return "the peer has no certificate to show";
  case DtlsFault::no_srtp:
    return "no SRTP profile in common";
  case DtlsFault::no_master_secret:
    return "the peer does not know the extended master secret (RFC 7627)";
  case DtlsFault::timeout:
    return "the peer does not answer";
  case DtlsFault::refused:
    return "the peer refuses the DTLS connection";
  case DtlsFault::protocol:
    return "the DTLS handshake failed";
  }
  return "";
}

Dtls::Dtls (
    std::shared_ptr<const DtlsContext> context, DtlsRole role, std::vector<Fingerprint> announced)
    : context_ (std::move (context)), role_ (role), announced_ (std::move (announced)),
      bio_ (output_, true), ssl_ (context_->session (role))
{
  if (!ssl_)
    throw std::bad_alloc ();
  BIO *b = bio_.make ();
  SSL_set_bio (ssl_.get (), b, b);
  SSL_set_app_data (ssl_.get (), this);
}

Dtls::~Dtls () = default;

std::string Dtls::detail () const
{
  std::string text = to_text (fault_);
  return detail_.empty () ? text : text + ": " + detail_;
}

void Dtls::fail (DtlsFault fault, std::string detail)
{
  if (state_ == State::failed)
    return;
  state_ = State::failed;
  fault_ = fault;
  detail_ = std::move (detail);
  profile_ = SrtpProfile::none;
}

void Dtls::start ()
{
  // What could never be accepted is not even begun.
  const FingerprintFault f = check_fingerprint (announced_, nullptr);
  if (f != FingerprintFault::mismatch) {
    fingerprint_fault_ = f;
    fail (DtlsFault::fingerprint, to_text (f));
    return;
  }
  if (role_ == DtlsRole::client)
    handshake ();
}

bool Dtls::accept_certificate (const X509 *shown)
{
  fingerprint_fault_ = check_fingerprint (announced_, shown);
  certificate_matched_ = fingerprint_fault_ == FingerprintFault::none;
  return certificate_matched_;
}

// OpenSSL 3.0 ends the session when an encrypted record has no room for nonce and tag, which
// anybody may have sent; RFC 6347, 4.1.2.7 wants it dropped.
bool Dtls::has_short_record (Bytes datagram) const
{
  constexpr std::size_t header = 13, epoch_at = 3, length_at = 11;
  const bool gcm =
      SSL_CIPHER_get_cipher_nid (SSL_get_current_cipher (ssl_.get ())) != NID_chacha20_poly1305;
  const std::size_t least = gcm ? 8 + 16 : 16;
  while (datagram.size () >= header) {
    const std::size_t length = load_be<std::uint16_t> (&datagram[length_at]);
    if (load_be<std::uint16_t> (&datagram[epoch_at]) != 0 && length < least)
      return true;
    datagram = datagram.subspan (std::min (datagram.size (), header + length));
  }
  return false;
}

void Dtls::input (Bytes datagram)
{
  if (state_ == State::failed || state_ == State::closed || datagram.empty ())
    return;
  if (state_ == State::open && has_short_record (datagram))
    return;
  bio_.in = datagram;
  if (state_ == State::handshake)
    handshake ();
}

void Dtls::handshake ()
{
  ERR_clear_error ();
  const int result = SSL_do_handshake (ssl_.get ());
  if (result != 1) {
    failed (result);
    bio_.in = {};
    return;
  }
  check_opened ();
}

// The last gate before keys and data.
void Dtls::check_opened ()
{
  if (!certificate_matched_) {
    fail (DtlsFault::fingerprint, to_text (fingerprint_fault_));
  } else if (SSL_get_extms_support (ssl_.get ()) != 1) {
    SSL_shutdown (ssl_.get ());
    fail (DtlsFault::no_master_secret);
  } else {
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile (ssl_.get ());
    if (p)
      profile_ = static_cast<SrtpProfile> (p->id);
    if (!p && !context_->rules ().profiles.empty ()) {
      SSL_shutdown (ssl_.get ());
      fail (DtlsFault::no_srtp);
    } else {
      state_ = State::open;
    }
  }
  ERR_clear_error ();
}

void Dtls::failed (int result)
{
  switch (SSL_get_error (ssl_.get (), result)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return;
  case SSL_ERROR_ZERO_RETURN:
    state_ = State::closed;
    return;
  default:
    break;
  }
  const int reason = next_ssl_reason ();
  if (fingerprint_fault_ != FingerprintFault::none)
    return fail (DtlsFault::fingerprint, to_text (fingerprint_fault_));
  const char *text = ERR_reason_error_string (ERR_PACK (ERR_LIB_SSL, 0, reason));
  fail (fault_of (reason), text ? text : "");
}

std::optional<std::size_t> Dtls::read (std::span<std::uint8_t> out)
{
  std::size_t n = 0;
  while (state_ == State::open && !out.empty ()) {
    ERR_clear_error ();
    const int result = SSL_read_ex (ssl_.get (), out.data (), out.size (), &n);
    if (result != 1) {
      failed (result);
      return {};
    }
    // The rest of a record that is longer than `out` is not a record of its own.
    std::uint8_t rest[256];
    std::size_t skipped = 0;
    while (SSL_has_pending (ssl_.get ()) && SSL_pending (ssl_.get ()) > 0 &&
           SSL_read_ex (ssl_.get (), rest, sizeof rest, &skipped) == 1) {
    }
    return n;
  }
  return {};
}

bool Dtls::write (Bytes data)
{
  if (state_ != State::open || data.size () > max_record || data.empty ())
    return false;
  ERR_clear_error ();
  std::size_t n = 0;
  SSL_alloc_buffers (ssl_.get ()); // after rest (): only reading gets them by itself
  const int result = SSL_write_ex (ssl_.get (), data.data (), data.size (), &n);
  if (result != 1)
    failed (result);
  return result == 1 && n == data.size ();
}

void Dtls::finish ()
{
  if (state_ != State::open)
    return;
  ERR_clear_error ();
  SSL_alloc_buffers (ssl_.get ());
  SSL_shutdown (ssl_.get ());
  ERR_clear_error ();
  state_ = State::closed;
}

// OpenSSL's own way of it, SSL_MODE_RELEASE_BUFFERS, does not cover DTLS.
void Dtls::rest ()
{
  if (state_ == State::open)
    SSL_free_buffers (ssl_.get ());
}

void Dtls::timeout ()
{
  if (state_ != State::handshake)
    return;
  ERR_clear_error ();
  if (DTLSv1_handle_timeout (ssl_.get ()) < 0)
    fail (DtlsFault::timeout);
  ERR_clear_error ();
}

std::optional<Duration> Dtls::next_timeout () const
{
  timeval left{};
  if (state_ != State::handshake || DTLSv1_get_timeout (ssl_.get (), &left) != 1)
    return {};
  return seconds (left.tv_sec) + microseconds (left.tv_usec);
}

std::vector<std::uint8_t> Dtls::srtp_keys () const
{
  constexpr std::string_view label = "EXTRACTOR-dtls_srtp";
  const SrtpSizes sizes = sizes_of (profile_);
  std::vector<std::uint8_t> keys (2 * (sizes.key + sizes.salt));
  if (state_ != State::open || keys.empty () ||
      SSL_export_keying_material (ssl_.get (), keys.data (), keys.size (), label.data (),
          label.size (), nullptr, 0, 0) != 1)
    return {};
  return keys;
}

std::string Dtls::version () const
{
  return SSL_get_version (ssl_.get ());
}

std::string Dtls::cipher () const
{
  const char *name = SSL_CIPHER_standard_name (SSL_get_current_cipher (ssl_.get ()));
  return name ? name : "";
}

std::size_t Dtls::max_payload () const
{
  return state_ == State::open ? DTLS_get_data_mtu (ssl_.get ()) : 0;
}
} // namespace reach::rtc
