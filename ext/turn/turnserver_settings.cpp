// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turnserver_settings.h"
#include "common/tls.h"
#include "net/socket_address.h"
#include <memory>

namespace reach::turn::server {
namespace {
std::vector<std::string> parts_of (const std::string &list)
{
  std::vector<std::string> v;
  for (std::size_t at = 0; at < list.size ();) {
    const std::size_t comma = std::min (list.find (',', at), list.size ());
    std::string part = list.substr (at, comma - at);
    part.erase (0, part.find_first_not_of (' '));
    part.erase (part.find_last_not_of (' ') + 1);
    if (!part.empty ())
      v.push_back (std::move (part));
    at = comma + 1;
  }
  return v;
}

// "192.0.2.1:3478", "[2001:db8::1]:3478"
std::optional<Address> parse_endpoint (const std::string &text)
{
  const std::size_t colon = text.rfind (':');
  if (colon == text.npos)
    return {};
  std::string host = text.substr (0, colon);
  if (host.starts_with ('[') && host.ends_with (']'))
    host = host.substr (1, host.size () - 2);
  Address a = parse_host (host);
  guint64 port = 0;
  if (!a || !g_ascii_string_to_unsigned (text.c_str () + colon + 1, 10, 1, 65535, &port, nullptr))
    return {};
  a.port = static_cast<std::uint16_t> (port);
  return a;
}

bool set_users (NetSettings &n, const std::string &list, std::string &error)
{
  for (const std::string &part : parts_of (list)) {
    const std::size_t colon = part.find (':');
    if (colon == 0 || colon == part.npos) {
      error = "each of users is name:password"; // not what was given: it has passwords
      return false;
    }
    n.core.users.push_back ({part.substr (0, colon), part.substr (colon + 1)});
  }
  return true;
}

bool set_token_keys (NetSettings &n, const std::string &list, std::string &error)
{
  constexpr std::size_t key_size = 32;
  for (const std::string &part : parts_of (list)) {
    const std::size_t colon = part.find (':');
    gsize size = 0;
    const std::unique_ptr<guchar, void (*) (void *)> key (
        colon == part.npos ? nullptr : g_base64_decode (part.c_str () + colon + 1, &size), g_free);
    if (colon == 0 || !key || size != key_size) {
      error = "each of oauth-keys is kid:key, a key of 32 bytes in base64"; // not what was given
      return false;
    }
    n.core.token_keys.push_back ({part.substr (0, colon), {key.get (), key.get () + size}});
  }
  return true;
}

bool set_peers (NetSettings &n, const std::string &list, bool allow, std::string &error)
{
  for (const std::string &part : parts_of (list)) {
    const auto p = Prefix::parse (part);
    if (!p) {
      error = "\"" + part + "\" is no network: write 192.0.2.0/24, 2001:db8::/32 or an address";
      return false;
    }
    if (allow)
      n.core.peers.allow (*p);
    else
      n.core.peers.deny (*p);
  }
  return true;
}

// At most one of each family.
bool set_addresses (const std::string &list, std::array<std::string, 2> &to, std::string &error)
{
  for (const std::string &part : parts_of (list)) {
    const Address a = parse_host (part);
    if (!a || !to[index_of (a.family)].empty ()) {
      error = "\"" + part + "\" is no IPv4 or IPv6 address, or the second of its family";
      return false;
    }
    to[index_of (a.family)] = part;
  }
  return true;
}

bool set_relays (NetSettings &n, const ElementSettings &s, std::string &error)
{
  std::array<std::string, 2> told;
  if (!set_addresses (s.relay_address, told, error) ||
      !set_addresses (s.relay_bind_address, n.relay_bind, error))
    return false;
  for (std::size_t i = 0; i < told.size (); i++) {
    n.core.relay[i] = parse_host (told[i]);
    if (n.relay_bind[i].empty ())
      n.relay_bind[i] = told[i];
  }
  return true;
}

bool set_elsewhere (NetSettings &n, const ElementSettings &s, std::string &error)
{
  for (const auto &[text, other] :
      {std::pair{&s.other_address, true}, {&s.alternate_server, false}})
    for (const std::string &part : parts_of (*text)) {
      const auto a = parse_endpoint (part);
      if (!a) {
        error = "\"" + part + "\" is no address with a port";
        return false;
      }
      (other ? n.core.other_address : n.core.alternate_server[index_of (a->family)]) = *a;
    }
  return true;
}

// What may come at once: a quarter of a second, and always some datagrams.
Rate rate_of (guint per_second)
{
  return {static_cast<double> (per_second), std::max (per_second / 4.0, 65536.0)};
}
} // namespace

std::optional<NetSettings> ElementSettings::net (std::string &error) const
{
  NetSettings n;
  n.bind_address = bind_address;
  n.udp = udp;
  n.tcp = tcp;
  n.tls = tls;
  n.dtls = dtls;
  n.port = static_cast<std::uint16_t> (port);
  n.tls_port = static_cast<std::uint16_t> (tls_port);
  n.tls_certificate = tls_certificate;
  n.tls_key = tls_key;
  n.threads = threads;
  n.alternate_address = alternate_address;
  n.alternate_port = static_cast<std::uint16_t> (alternate_port);
  n.inspect = inspect;
  n.limits.connections = max_connections;
  Config &c = n.core;
  c.realm = realm;
  c.auth_secret = auth_secret;
  c.software = software;
  c.anonymous = no_auth;
  c.authenticate_binding = authenticate_binding;
  c.mapped_address = mapped_address;
  c.short_term_binding = short_term_binding;
  c.token_server = oauth_server;
  c.relay_tcp = relay_tcp;
  c.mobility = mobility;
  c.last_channel = legacy_channels ? 0x7fff : 0x4fff;
  c.min_port = static_cast<std::uint16_t> (min_port);
  c.max_port = static_cast<std::uint16_t> (max_port);
  c.default_lifetime = seconds (default_lifetime);
  c.max_lifetime = seconds (max_lifetime);
  c.permission_lifetime = seconds (permission_lifetime);
  c.channel_lifetime = seconds (channel_lifetime);
  c.nonce_lifetime = seconds (nonce_lifetime);
  c.limits.allocations = max_allocations;
  c.limits.user_allocations = max_user_allocations;
  c.limits.user_connections = max_user_peer_connections;
  c.limits.unauthenticated = {1.0 * request_rate, 2.0 * request_rate};
  c.limits.requests = {4.0 * request_rate, 8.0 * request_rate};
  c.bandwidth = rate_of (bandwidth);
  c.user_bandwidth = rate_of (user_bandwidth);
  if (min_port > max_port)
    error = "min-port is above max-port";
  else if (realm.empty () || realm.size () > 127 || software.size () > 127)
    error = "realm must have 1 to 127 bytes, software at most 127";
  else if (mobility && threads > 1)
    error = "mobility needs threads=1: each loop knows its own allocations only";
  else if (!oauth_keys.empty () && !TlsContext::built_in ())
    error = "oauth-keys need a build with OpenSSL";
  else if (set_users (n, users, error) && set_token_keys (n, oauth_keys, error) &&
           set_peers (n, allowed_peers, true, error) && set_peers (n, denied_peers, false, error) &&
           set_relays (n, *this, error) && set_elsewhere (n, *this, error))
    return n;
  return {};
}

namespace {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
// Secrets go in and never come out.
constexpr auto secret =
    static_cast<GParamFlags> (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
using S = ElementSettings;

struct Text {
  const char *name, *nick, *blurb;
  std::string S::*member;
  GParamFlags flags = rw;
};
struct Number {
  const char *name, *nick, *blurb;
  guint S::*member;
  guint min, max;
};
struct Switch {
  const char *name, *nick, *blurb;
  gboolean S::*member;
};

const Text texts[] = {
    {"bind-address", "Bind address", "The address to listen on; :: is all of IPv6 and IPv4",
        &S::bind_address},
    {"tls-certificate", "TLS certificate", "PEM file with the certificate for TLS and DTLS",
        &S::tls_certificate},
    {"tls-key", "TLS key", "PEM file with its key (NULL = it is in the certificate's file)",
        &S::tls_key},
    {"realm", "Realm", "The realm of the credentials", &S::realm},
    {"users", "Users", "Fixed users: name:password, several with commas between", &S::users,
        secret},
    {"auth-secret", "Authentication secret",
        "Shared secret of time-limited users (user name expiry:name, password "
        "base64(HMAC-SHA1(secret, user name)))",
        &S::auth_secret, secret},
    {"oauth-keys", "OAuth keys",
        "Keys of third-party tokens (RFC 7635, AES-256-GCM): kid:key with 32 bytes in base64, "
        "several "
        "with commas between",
        &S::oauth_keys, secret},
    {"oauth-server", "OAuth server", "Who tokens are for (NULL = the realm)", &S::oauth_server},
    {"software", "Software", "What the server says it is (NULL = nothing)", &S::software},
    {"relay-address", "Relay address",
        "The address of relayed ports, as clients are told it; one of each family, with a comma "
        "between (NULL = bind-address, or the one this host reaches the world from)",
        &S::relay_address},
    {"relay-bind-address", "Relay bind address",
        "Where relayed ports are bound when that is another address, behind a 1:1 NAT",
        &S::relay_bind_address},
    {"other-address", "Other address", "OTHER-ADDRESS of Binding responses, host:port (RFC 5780)",
        &S::other_address},
    {"alternate-address", "Alternate address",
        "A second address of this host, for NAT behaviour discovery (RFC 5780) on UDP; "
        "bind-address "
        "is then one address, too (NULL = CHANGE-REQUEST is refused)",
        &S::alternate_address},
    {"alternate-server", "Alternate server",
        "host:port to send clients to that want an allocation (300); one of each family",
        &S::alternate_server},
    {"allowed-peers", "Allowed peers",
        "Networks that may be relayed to although they are not public: 10.1.0.0/16,…",
        &S::allowed_peers},
    {"denied-peers", "Denied peers",
        "Networks that may not be relayed to; the most exact rule decides", &S::denied_peers},
};
const Number numbers[] = {
    {"port", "Port", "UDP and TCP port (0 = any)", &S::port, 0, 65535},
    {"tls-port", "TLS port", "DTLS and TLS port (0 = any)", &S::tls_port, 0, 65535},
    {"alternate-port", "Alternate port",
        "The second UDP port of both addresses, with alternate-address (0 = any)",
        &S::alternate_port, 0, 65535},
    {"min-port", "Lowest port", "The lowest relayed port", &S::min_port, 1, 65535},
    {"max-port", "Highest port", "The highest relayed port", &S::max_port, 1, 65535},
    {"threads", "Threads", "Loops, each on a core of its own", &S::threads, 1, 256},
    {"default-lifetime", "Default lifetime", "Of an allocation, in seconds; the least there is",
        &S::default_lifetime, 1, 86400},
    {"max-lifetime", "Longest lifetime", "Of an allocation, in seconds", &S::max_lifetime, 1,
        86400},
    {"permission-lifetime", "Permission lifetime", "In seconds; RFC 8656 says 300",
        &S::permission_lifetime, 1, 86400},
    {"channel-lifetime", "Channel lifetime", "In seconds; RFC 8656 says 600", &S::channel_lifetime,
        1, 86400},
    {"nonce-lifetime", "Nonce lifetime", "In seconds", &S::nonce_lifetime, 1, 86400},
    {"max-allocations", "Allocations", "How many there may be", &S::max_allocations, 1, 1000000},
    {"max-user-allocations", "Allocations of a user",
        "How many one user may have, or one address where there are no users (0 = no limit)",
        &S::max_user_allocations, 0, 1000000},
    {"max-user-peer-connections", "Peer connections of a user",
        "TCP connections to peers of all allocations of a user (0 = no limit)",
        &S::max_user_peer_connections, 0, 1000000},
    {"max-connections", "Connections", "TCP, TLS and DTLS connections, for each thread",
        &S::max_connections, 1, 1000000},
    {"bandwidth", "Bandwidth", "Of an allocation, both directions, in bytes/s (0 = no limit)",
        &S::bandwidth, 0, G_MAXUINT},
    {"user-bandwidth", "Bandwidth of a user",
        "Of all allocations of a user, both directions, in bytes/s (0 = no limit)",
        &S::user_bandwidth, 0, G_MAXUINT},
    {"request-rate", "Request rate",
        "Requests per second from one address that no user is known of, for each thread (0 = no "
        "limit)",
        &S::request_rate, 0, 1000000},
};
const Switch switches[] = {
    {"udp", "UDP", "Listen on UDP", &S::udp},
    {"tcp", "TCP", "Listen on TCP", &S::tcp},
    {"tls", "TLS", "Listen on TLS", &S::tls},
    {"dtls", "DTLS", "Listen on DTLS", &S::dtls},
    {"no-auth", "No authentication", "Everybody may allocate", &S::no_auth},
    {"inspect", "Inspect", "Emit before-relay for each datagram, which costs its time",
        &S::inspect},
    {"authenticate-binding", "Authenticate Binding", "Binding requests need credentials, too",
        &S::authenticate_binding},
    {"short-term-binding", "Short-term Binding",
        "Binding requests need short-term credentials of users", &S::short_term_binding},
    {"relay-tcp", "Relay TCP", "Clients on TCP and TLS may have peers over TCP (RFC 6062)",
        &S::relay_tcp},
    {"mobility", "Mobility", "Allocations of clients whose address changes move along (RFC 8016)",
        &S::mobility},
    {"mapped-address", "MAPPED-ADDRESS", "Say the mapped address in the clear, too",
        &S::mapped_address},
    {"legacy-channels", "Legacy channels",
        "Take the channels 0x5000 to 0x7FFF of RFC 5766, which RFC 8656 has no more",
        &S::legacy_channels},
};
constexpr guint number_ids = first_setting + std::size (texts);
constexpr guint switch_ids = number_ids + std::size (numbers);
constexpr guint end_ids = switch_ids + std::size (switches);
} // namespace

void install_settings (GObjectClass *k)
{
  const ElementSettings d;
  guint id = first_setting;
  for (const Text &t : texts)
    g_object_class_install_property (k, id++,
        g_param_spec_string (t.name, t.nick, t.blurb,
            (d.*t.member).empty () ? nullptr : (d.*t.member).c_str (), t.flags));
  for (const Number &n : numbers)
    g_object_class_install_property (
        k, id++, g_param_spec_uint (n.name, n.nick, n.blurb, n.min, n.max, d.*n.member, rw));
  for (const Switch &s : switches)
    g_object_class_install_property (
        k, id++, g_param_spec_boolean (s.name, s.nick, s.blurb, d.*s.member, rw));
}

bool set_setting (ElementSettings &s, guint id, const GValue *v)
{
  if (id < first_setting || id >= end_ids)
    return false;
  if (id < number_ids) {
    const char *text = g_value_get_string (v);
    s.*texts[id - first_setting].member = text ? text : "";
  } else if (id < switch_ids) {
    s.*numbers[id - number_ids].member = g_value_get_uint (v);
  } else {
    s.*switches[id - switch_ids].member = g_value_get_boolean (v);
  }
  return true;
}

bool get_setting (const ElementSettings &s, guint id, GValue *v)
{
  if (id < first_setting || id >= end_ids)
    return false;
  if (id < number_ids) {
    const std::string &text = s.*texts[id - first_setting].member;
    g_value_set_string (v, text.empty () ? nullptr : text.c_str ());
  } else if (id < switch_ids) {
    g_value_set_uint (v, s.*numbers[id - number_ids].member);
  } else {
    g_value_set_boolean (v, s.*switches[id - switch_ids].member);
  }
  return true;
}
} // namespace reach::turn::server
