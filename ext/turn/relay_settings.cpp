// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay_settings.h"
#include "turn/net/socket_address.h"
#include <charconv>
#include <sys/socket.h>

namespace reach::turn {
// 192.0.2.1:5004, [2001:db8::1]:5004, or without a port.
std::optional<stun::Address> parse_peer (std::string_view text)
{
  std::string_view host = text, port;
  if (text.starts_with ('[')) {
    const std::size_t end = text.find (']');
    if (end == std::string_view::npos)
      return {};
    host = text.substr (1, end - 1);
    port = text.substr (end + 1);
    if (!port.empty () && port[0] != ':')
      return {};
  } else if (text.find (':') == text.rfind (':') && text.find (':') != std::string_view::npos) {
    host = text.substr (0, text.find (':'));
    port = text.substr (text.find (':'));
  }
  stun::Address a = parse_host (std::string (host));
  if (!a)
    return {};
  if (port.empty ())
    return a;
  port.remove_prefix (1);
  const auto [end, error] = std::from_chars (port.data (), port.data () + port.size (), a.port);
  if (error != std::errc{} || end != port.data () + port.size () || a.port == 0)
    return {};
  return a;
}

std::optional<std::vector<stun::Address>> parse_peers (std::string_view text)
{
  std::vector<stun::Address> peers;
  while (!text.empty ()) {
    const std::size_t end = std::min (text.find (','), text.size ());
    std::string_view one = text.substr (0, end);
    while (one.starts_with (' '))
      one.remove_prefix (1);
    while (one.ends_with (' '))
      one.remove_suffix (1);
    text.remove_prefix (std::min (end + 1, text.size ()));
    if (one.empty ())
      continue;
    const auto a = parse_peer (one);
    if (!a)
      return {};
    peers.push_back (*a);
  }
  return peers;
}

void apply (RelaySettings &s, const Uri &u)
{
  s.relay = u.relay;
  s.host = u.host;
  s.port = u.port;
  s.transport = u.effective_transport ();
  s.username = u.username.value_or ("");
  s.password = u.password.value_or ("");
}

Uri uri_of (const RelaySettings &s)
{
  Uri u;
  u.relay = s.relay;
  u.secure = s.transport == Transport::tls || s.transport == Transport::dtls;
  u.host = s.host;
  u.port = static_cast<std::uint16_t> (s.port);
  if (s.relay)
    u.transport = s.transport;
  if (!s.username.empty ()) {
    u.username = s.username;
    if (!s.password.empty ())
      u.password = s.password;
  }
  return u;
}

static bool fill_tls (TlsConfig &c, const RelaySettings &s, std::string &error)
{
  c.certificate = s.tls_certificate;
  c.key = s.tls_key;
  c.ca_file = s.tls_ca_file;
  c.verify = s.tls_verify;
  const auto pins = TlsConfig::parse_pins (s.tls_fingerprint);
  if (!pins) {
    error = "tls-fingerprint is not a list of SHA-256 fingerprints";
    return false;
  }
  c.pins = *pins;
  return true;
}

std::optional<SessionSettings> session_settings (const RelaySettings &s, std::string &error)
{
  SessionSettings out;
  const bool secure = s.transport == Transport::tls || s.transport == Transport::dtls;
  if (s.host.empty ()) {
    error = "no server is given: set uri, or host";
    return {};
  }
  if (secure && !TlsContext::built_in ()) {
    error = "this build has no TLS";
    return {};
  }
  if (!fill_tls (out.tls, s, error))
    return {};
  out.host = s.host;
  out.port = static_cast<std::uint16_t> (s.port != 0 ? s.port : secure ? 5349 : 3478);
  out.relay = s.relay;
  out.tls_name = s.tls_name;
  out.auth_secret = s.auth_secret;
  Config &c = out.client;
  c.transport = s.transport;
  c.families = s.family;
  if (!s.username.empty () || !s.auth_secret.empty ()) {
    c.credentials.kind = Credentials::Kind::long_term;
    c.credentials.username = s.username;
    c.credentials.password = s.password;
  }
  c.lifetime = s.lifetime;
  c.refresh_allocation = (s.refresh & refresh_allocation) != 0;
  c.refresh_permissions = (s.refresh & refresh_permissions) != 0;
  c.refresh_channels = (s.refresh & refresh_channels) != 0;
  c.automatic_permissions = s.auto_permission;
  c.mode = s.mode;
  c.fingerprint = s.fingerprint;
  c.software = s.software;
  c.retransmission.rto = milliseconds (s.rto);
  c.retransmission.requests = s.max_retries + 1;
  c.even_port = s.even_port;
  c.dont_fragment = s.dont_fragment;
  return out;
}
} // namespace reach::turn
