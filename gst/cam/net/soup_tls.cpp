// SPDX-License-Identifier: LGPL-2.1-or-later
#include "soup_tls.h"
#include <algorithm>

namespace reach::cam {
namespace {
std::string digest_of (GTlsCertificate *certificate)
{
  GByteArray *der = nullptr;
  g_object_get (certificate, "certificate", &der, nullptr);
  if (!der)
    return {};
  const CharPtr hex (g_compute_checksum_for_data (G_CHECKSUM_SHA256, der->data, der->len));
  g_byte_array_unref (der);
  const CharPtr upper (g_ascii_strup (hex.get (), -1));
  return upper.get ();
}

const char *words_of (GTlsCertificateFlags errors)
{
  if (errors & G_TLS_CERTIFICATE_EXPIRED)
    return "it has expired";
  if (errors & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return "it is not valid yet";
  if (errors & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return "it is for another host";
  if (errors & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return "nobody who is trusted has signed it";
  if (errors & G_TLS_CERTIFICATE_REVOKED)
    return "it was revoked";
  return "it is not secure";
}

const char *version_of (GTlsProtocolVersion v)
{
  switch (v) {
  case G_TLS_PROTOCOL_VERSION_TLS_1_2:
    return "TLSv1.2";
  case G_TLS_PROTOCOL_VERSION_TLS_1_3:
    return "TLSv1.3";
  default:
    return "";
  }
}
} // namespace

// Files that cannot be read were found before (security.h); one that vanished since then leaves no
// trust, never too much.
void SoupTls::apply (SoupSession *session)
{
  if (!config_.pins.empty () || !config_.verify) {
    soup_session_set_tls_database (session, nullptr); // nothing passes without accept ()
  } else if (!config_.ca_file.empty ()) {
    const CharPtr path (g_canonicalize_filename (config_.ca_file.c_str (), nullptr));
    GTlsDatabase *database = g_tls_file_database_new (path.get (), nullptr);
    soup_session_set_tls_database (session, database);
    g_clear_object (&database);
  }
  if (config_.certificate.empty ())
    return;
  const std::string &key = config_.key.empty () ? config_.certificate : config_.key;
  own_ = Ref<GTlsCertificate>::adopt (
      g_tls_certificate_new_from_files (config_.certificate.c_str (), key.c_str (), nullptr));
}

void SoupTls::apply (SoupMessage *message) const
{
  if (own_)
    soup_message_set_tls_client_certificate (message, own_.get ());
}

bool SoupTls::accept (
    GTlsCertificate *certificate, GTlsCertificateFlags errors, std::string &why_not) const
{
  if (config_.pins.empty ()) {
    if (config_.verify)
      why_not = std::string ("the peer's certificate does not verify: ") + words_of (errors);
    return !config_.verify;
  }
  const auto shown = TlsConfig::parse_pins (digest_of (certificate));
  const bool pinned = shown && !shown->empty () &&
                      std::find (config_.pins.begin (), config_.pins.end (), shown->front ()) !=
                          config_.pins.end ();
  if (!pinned)
    why_not = "the peer's certificate is none of those in the list of fingerprints";
  return pinned;
}

void SoupTls::see (SoupMessage *message)
{
  GTlsCertificate *certificate = soup_message_get_tls_peer_certificate (message);
  if (!certificate)
    return;
  const char *cipher = soup_message_get_tls_ciphersuite_name (message);
  seen_.version = version_of (soup_message_get_tls_protocol_version (message));
  seen_.cipher = cipher ? cipher : "";
  seen_.fingerprint = digest_of (certificate);
  if (config_.pins.empty () && config_.verify)
    seen_.peer_name = g_uri_get_host (soup_message_get_uri (message));
}

CloseReason SoupTls::reason_of (int tls_error)
{
  switch (tls_error) {
  case G_TLS_ERROR_BAD_CERTIFICATE:
  case G_TLS_ERROR_CERTIFICATE_REQUIRED:
    return CloseReason::unauthorized;
  case G_TLS_ERROR_EOF:
    return CloseReason::reset;
  case G_TLS_ERROR_NOT_TLS:
  default:
    return CloseReason::malformed;
  }
}
} // namespace reach::cam
