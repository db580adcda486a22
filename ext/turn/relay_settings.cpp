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

namespace {
std::optional<std::vector<std::uint8_t>> bytes_of_base64 (const std::string &text)
{
  if (text.empty () || text.size () % 4 != 0)
    return {};
  gsize n = 0;
  guchar *raw = g_base64_decode (text.c_str (), &n);
  std::vector<std::uint8_t> v (raw, raw + n);
  g_free (raw);
  return v.empty () ? std::nullopt : std::optional (std::move (v));
}

std::optional<ReservationToken> reservation_of (const std::string &hex)
{
  ReservationToken t{};
  if (hex.size () != 2 * t.size ())
    return {};
  for (std::size_t i = 0; i < hex.size (); i++) {
    const int digit = g_ascii_xdigit_value (hex[i]);
    if (digit < 0)
      return {};
    t[i / 2] = static_cast<std::uint8_t> (t[i / 2] << 4 | digit);
  }
  return t;
}

AuthMode effective (const RelaySettings &s)
{
  if (s.auth != AuthMode::automatic)
    return s.auth;
  if (!s.access_token.empty ())
    return AuthMode::token;
  return s.username.empty () && s.auth_secret.empty () ? AuthMode::none : AuthMode::long_term;
}

// Binding requests: with their own name, or else the allocation's.
std::optional<Credentials> binding_credentials_of (const RelaySettings &s)
{
  if (s.stun_auth != AuthMode::short_term && s.stun_auth != AuthMode::long_term)
    return {};
  Credentials c;
  c.kind = s.stun_auth == AuthMode::short_term ? Credentials::Kind::short_term
                                               : Credentials::Kind::long_term;
  const bool own = !s.stun_username.empty ();
  c.username = own ? s.stun_username : s.username;
  c.password = own ? s.stun_password : s.password;
  return c;
}
} // namespace

std::string hex_of (Bytes bytes)
{
  constexpr const char *digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t b : bytes) {
    text += digits[b >> 4];
    text += digits[b & 15];
  }
  return text;
}

std::optional<Credentials> credentials_of (const RelaySettings &s, std::string &error)
{
  using Kind = Credentials::Kind;
  Credentials c;
  const AuthMode mode = effective (s);
  if (mode == AuthMode::none)
    return c;
  c.username = s.username;
  if (mode == AuthMode::token) {
    const auto token = bytes_of_base64 (s.access_token), key = bytes_of_base64 (s.mac_key);
    if (!token || !key) {
      error = "access-token and mac-key are to be in base64, and neither may be missing";
      return {};
    }
    c.kind = Kind::token;
    c.token = *token;
    c.mac_key = *key;
    return c;
  }
  c.kind = mode == AuthMode::short_term ? Kind::short_term : Kind::long_term;
  c.password = s.password;
  return c;
}

static bool fill_allocation (Config &c, const RelaySettings &s, std::string &error)
{
  c.lifetime = s.lifetime;
  c.families = s.family;
  c.even_port = s.even_port || s.reserve_next;
  c.reserve_next = s.reserve_next;
  c.dont_fragment = s.dont_fragment;
  c.mobility = s.mobility;
  c.relay = s.relay_transport;
  if (c.relay == stun::Relay::tcp && !is_stream (s.transport)) {
    error = "relay-transport=tcp needs transport=tcp or transport=tls";
    return false;
  }
  if (c.relay == stun::Relay::tcp && s.mobility) {
    error = "mobility does not go with relay-transport=tcp: connections to peers cannot move";
    return false;
  }
  if (s.min_channel > s.max_channel) {
    error = "min-channel is above max-channel";
    return false;
  }
  if (s.reserve_next && s.family == Families::both) {
    error = "reserve-next does not go with ip-family=both";
    return false;
  }
  if (s.reservation_token.empty ())
    return true;
  c.reservation = reservation_of (s.reservation_token);
  if (!c.reservation)
    error = "reservation-token is not one: it has 16 hexadecimal digits";
  return c.reservation.has_value ();
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
  out.services = s.port == 0 && s.srv;
  out.family = s.server_family;
  out.relay = s.relay;
  out.tls_name = s.tls_name;
  out.auth_secret = s.auth_secret;
  Config &c = out.client;
  c.transport = s.transport;
  const auto credentials = credentials_of (s, error);
  if (!credentials || !fill_allocation (c, s, error))
    return {};
  c.credentials = *credentials;
  c.binding_credentials = binding_credentials_of (s);
  c.refresh_allocation = (s.refresh & refresh_allocation) != 0;
  c.refresh_permissions = (s.refresh & refresh_permissions) != 0;
  c.refresh_channels = (s.refresh & refresh_channels) != 0;
  c.automatic_permissions = s.auto_permission;
  c.mode = s.mode;
  c.fingerprint = s.fingerprint;
  c.software = s.software;
  c.retransmission.rto = milliseconds (s.rto);
  c.keepalive = seconds (s.keepalive);
  c.least_channel = static_cast<std::uint16_t> (s.min_channel);
  c.most_channel = static_cast<std::uint16_t> (s.max_channel);
  c.retransmission.requests = s.max_retries + 1;
  c.limits.capacity_wait = milliseconds (s.busy_wait);
  c.limits.capacity_retries = s.busy_retries;
  return out;
}
} // namespace reach::turn
