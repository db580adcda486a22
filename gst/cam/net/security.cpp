// SPDX-License-Identifier: LGPL-2.1-or-later
#include "security.h"

namespace reach::cam {
namespace {
// Set for nothing is set by mistake, and then media would travel in clear.
std::string useless_settings (const TlsSettings &t)
{
  const std::pair<const char *, const std::string &> all[] = {{"tls-certificate", t.certificate},
      {"tls-key", t.key}, {"tls-ca-file", t.ca_file}, {"tls-fingerprint", t.fingerprints}};
  for (const auto &[name, value] : all)
    if (!value.empty ())
      return std::string (name) + " is set, but TLS is off: set tls=true";
  return {};
}
} // namespace

TlsConfig tls_config (const Settings &s)
{
  TlsConfig c;
  c.server = s.mode == Mode::listener;
  c.datagrams = s.protocol == Protocol::udp;
  c.certificate = s.tls.certificate;
  c.key = s.tls.key;
  c.ca_file = s.tls.ca_file;
  c.verify = s.tls.verify;
  c.pins = TlsConfig::parse_pins (s.tls.fingerprints).value_or (decltype (c.pins){});
  c.passphrase = s.tls.passphrase;
  return c;
}

std::string secure (Settings &s)
{
  s.tls_context.reset ();
  if (!s.tls.wanted ())
    return useless_settings (s.tls);
  if (s.protocol == Protocol::http && !s.tls.passphrase.empty ())
    return "a passphrase does not work over HTTP: use certificates, or protocol=tcp";
  if (!TlsConfig::parse_pins (s.tls.fingerprints))
    return "tls-fingerprint must be SHA-256 fingerprints, 64 hexadecimal digits each, with commas "
           "between them";
  if (s.mode == Mode::listener && s.tls.certificate.empty () && s.tls.passphrase.empty ())
    return "a listener with TLS needs tls-certificate and tls-key, or a passphrase";
  std::string error;
  s.tls_context = TlsContext::make (tls_config (s), error);
  return error;
}

CloseReason reason_of_tls (TlsFault f)
{
  switch (f) {
  case TlsFault::unverified:
  case TlsFault::rejected:
    return CloseReason::unauthorized;
  case TlsFault::truncated:
    return CloseReason::reset;
  case TlsFault::out_of_space:
    return CloseReason::too_big;
  case TlsFault::none:
  case TlsFault::not_tls:
  case TlsFault::broken:
    break;
  }
  return CloseReason::malformed;
}

bool is_tls (Bytes first)
{
  // A handshake or an alert; no kind of message has these numbers, and no HTTP begins so.
  return first.size () >= 2 && (first[0] == 22 || first[0] == 21) && first[1] == 3;
}
} // namespace reach::cam
