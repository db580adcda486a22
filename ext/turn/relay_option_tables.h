// SPDX-License-Identifier: LGPL-2.1-or-later
// What the properties of both relay elements are: their names, texts and ranges.
#pragma once
#include "relay.h"
#include "relay_report.h"

namespace reach::turn {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto rw_playing = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto wo =
    static_cast<GParamFlags> (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

enum Property : guint {
  prop_uri = 1,
  prop_transport,
  prop_relay_transport,
  prop_ip_family,
  prop_server_family,
  prop_mode,
  prop_auto_refresh,
  prop_auth_mode,
  prop_stun_auth_mode,
  prop_port,
  prop_lifetime,
  prop_rto,
  prop_max_retries,
  prop_keepalive,
  prop_min_channel,
  prop_max_channel,
  prop_busy_wait,
  prop_busy_retries,
  prop_fingerprint,
  prop_srv,
  prop_even_port,
  prop_reserve_next,
  prop_mobility,
  prop_dont_fragment,
  prop_auto_permission,
  prop_tls_verify,
  prop_host,
  prop_username,
  prop_password,
  prop_auth_secret,
  prop_stun_username,
  prop_stun_password,
  prop_access_token,
  prop_mac_key,
  prop_reservation_token,
  prop_software,
  prop_tls_certificate,
  prop_tls_key,
  prop_tls_ca_file,
  prop_tls_fingerprint,
  prop_tls_server_name,
  prop_allocation_name,
  prop_peers,
  prop_relayed_address,
  prop_mapped_address,
  prop_allocation,
  prop_nat_mapping,
  prop_nat_filtering,
  prop_stats
};

inline GType transport_type ()
{
  static const GEnumValue values[] = {{static_cast<int> (Transport::udp), "UDP", "udp"},
      {static_cast<int> (Transport::tcp), "TCP", "tcp"},
      {static_cast<int> (Transport::tls), "TLS over TCP", "tls"},
      {static_cast<int> (Transport::dtls), "DTLS over UDP", "dtls"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnTransport", values);
  return type;
}

inline GType relay_transport_type ()
{
  static const GEnumValue values[] = {{static_cast<int> (stun::Relay::udp), "UDP", "udp"},
      {static_cast<int> (stun::Relay::tcp), "TCP (RFC 6062)", "tcp"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnRelayTransport", values);
  return type;
}

inline GType family_type ()
{
  static const GEnumValue values[] = {
      {static_cast<int> (Families::server_default), "What the server gives", "any"},
      {static_cast<int> (Families::ipv4), "IPv4", "ipv4"},
      {static_cast<int> (Families::ipv6), "IPv6", "ipv6"},
      {static_cast<int> (Families::both), "One address of each", "both"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnIpFamily", values);
  return type;
}

inline GType server_family_type ()
{
  static const GEnumValue values[] = {
      {static_cast<int> (stun::Family::none), "Of both families by turns", "any"},
      {static_cast<int> (stun::Family::ipv4), "IPv4", "ipv4"},
      {static_cast<int> (stun::Family::ipv6), "IPv6", "ipv6"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnServerFamily", values);
  return type;
}

inline GType mode_type ()
{
  static const GEnumValue values[] = {
      {static_cast<int> (Mode::automatic), "Channels, indications where there are none", "auto"},
      {static_cast<int> (Mode::indication), "Send and Data indications", "indication"},
      {static_cast<int> (Mode::channel), "Channels alone", "channel"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnMode", values);
  return type;
}

inline GType refresh_type ()
{
  static const GFlagsValue values[] = {{refresh_allocation, "The allocation", "allocation"},
      {refresh_permissions, "Permissions", "permissions"},
      {refresh_channels, "Channels", "channels"}, {0, nullptr, nullptr}};
  static const GType type = g_flags_register_static ("GstTurnRefresh", values);
  return type;
}

inline GType auth_type ()
{
  static const GEnumValue values[] = {
      {static_cast<int> (AuthMode::automatic), "As there are an access-token, a username, nothing",
          "auto"},
      {static_cast<int> (AuthMode::none), "None", "none"},
      {static_cast<int> (AuthMode::short_term), "Short-term credentials", "short-term"},
      {static_cast<int> (AuthMode::long_term), "Long-term credentials", "long-term"},
      {static_cast<int> (AuthMode::token), "Third-party authorization", "token"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnAuthMode", values);
  return type;
}

inline GEnumValue nat_value (NatBehaviour b, const char *words)
{
  return {static_cast<int> (b), words, nat_name (b)};
}

inline GType nat_type ()
{
  static const GEnumValue values[] = {nat_value (NatBehaviour::unknown, "Not known"),
      nat_value (NatBehaviour::direct, "No NAT"),
      nat_value (NatBehaviour::endpoint_independent, "The same for all"),
      nat_value (NatBehaviour::address_dependent, "One for each address"),
      nat_value (NatBehaviour::address_and_port_dependent, "One for each address and port"),
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnNatBehaviour", values);
  return type;
}

struct Text {
  guint id;
  std::string RelaySettings::*member;
  const char *name, *nick, *blurb;
  GParamFlags flags = rw;
};
const Text texts[] = {
    {prop_host, &RelaySettings::host, "host", "Host", "The server's name or address"},
    {prop_username, &RelaySettings::username, "username", "User name",
        "Who we are (NULL = nobody, for servers that do not ask); with auth-secret a part of the "
        "name that is made"},
    {prop_password, &RelaySettings::password, "password", "Password", "Of the user", wo},
    {prop_auth_secret, &RelaySettings::auth_secret, "auth-secret", "Shared secret",
        "The server's static-auth-secret: names and passwords that are good for a day are made of "
        "it, and made anew in time",
        wo},
    {prop_stun_username, &RelaySettings::stun_username, "stun-username", "STUN user name",
        "Of Binding requests, with stun-auth-mode (NULL = username and password are)"},
    {prop_stun_password, &RelaySettings::stun_password, "stun-password", "STUN password",
        "Of stun-username", wo},
    {prop_access_token, &RelaySettings::access_token, "access-token", "Access token",
        "Of an authorization server, in base64; username is the key's id (RFC 7635)", wo},
    {prop_mac_key, &RelaySettings::mac_key, "mac-key", "MAC key",
        "The key that came with access-token, in base64", wo},
    {prop_reservation_token, &RelaySettings::reservation_token, "reservation-token",
        "Reservation token",
        "16 hexadecimal digits that an allocation with reserve-next told: ask for the port that "
        "was kept (NULL = any port)"},
    {prop_software, &RelaySettings::software, "software", "Software",
        "What to tell the server of this program (NULL = nothing)"},
    {prop_tls_certificate, &RelaySettings::tls_certificate, "tls-certificate", "TLS certificate",
        "PEM file with a certificate of ours, for servers that ask for one"},
    {prop_tls_key, &RelaySettings::tls_key, "tls-key", "TLS key",
        "PEM file with the key of tls-certificate, without a password (NULL = it is in the "
        "certificate's file)"},
    {prop_tls_ca_file, &RelaySettings::tls_ca_file, "tls-ca-file", "TLS authorities",
        "PEM file with the certificates to trust (NULL = the system's)"},
    {prop_tls_fingerprint, &RelaySettings::tls_fingerprint, "tls-fingerprint", "TLS fingerprint",
        "SHA-256 fingerprints, with commas between them: the server's certificate must be one of "
        "these, and nothing else about it is checked (NULL = any that verifies)"},
    {prop_tls_server_name, &RelaySettings::tls_name, "tls-server-name", "TLS server name",
        "The name that has to be in the server's certificate (NULL = host)"},
};

struct Number {
  guint id;
  unsigned RelaySettings::*member;
  const char *name, *nick, *blurb;
  unsigned least, most, normal;
};
const Number numbers[] = {
    {prop_port, &RelaySettings::port, "port", "Port",
        "The server's port (0 = 3478, with TLS and DTLS 5349)", 0, 65535, 0},
    {prop_lifetime, &RelaySettings::lifetime, "lifetime", "Lifetime",
        "Of the allocation between two refreshes, to ask for, in seconds (0 = the server's)", 0,
        86400, 0},
    {prop_rto, &RelaySettings::rto, "rto", "Retransmission timeout",
        "Milliseconds until a request on UDP or DTLS is sent again; doubled each time", 50, 60000,
        500},
    {prop_max_retries, &RelaySettings::max_retries, "max-retries", "Retransmissions",
        "How often it is sent again", 0, 20, 6},
    {prop_keepalive, &RelaySettings::keepalive, "keepalive", "Keepalive",
        "Seconds without anything sent on UDP or DTLS until a Binding indication keeps the "
        "bindings of NATs (0 = none)",
        0, 3600, 15},
    {prop_min_channel, &RelaySettings::min_channel, "min-channel", "Lowest channel",
        "Of the numbers that are picked for channels; channel-bind may have others", first_channel,
        last_channel, first_channel},
    {prop_max_channel, &RelaySettings::max_channel, "max-channel", "Highest channel",
        "Of the numbers that are picked for channels", first_channel, last_channel, last_channel},
    {prop_busy_wait, &RelaySettings::busy_wait, "busy-wait", "Busy wait",
        "Milliseconds until a server that has no room (486, 500, 508) is asked again", 0, 3600000,
        60000},
    {prop_busy_retries, &RelaySettings::busy_retries, "busy-retries", "Busy retries",
        "How often it is asked again before that is an error", 0, 1000, 3},
};

struct Switch {
  guint id;
  bool RelaySettings::*member;
  const char *name, *nick, *blurb;
  bool normal;
};
const Switch switches[] = {
    {prop_fingerprint, &RelaySettings::fingerprint, "fingerprint", "FINGERPRINT",
        "End requests with this attribute", true},
    {prop_srv, &RelaySettings::srv, "srv", "SRV records",
        "Look for SRV records of host when no port is given (RFC 5928)", true},
    {prop_even_port, &RelaySettings::even_port, "even-port", "Even port",
        "Ask for a relayed address with an even port", false},
    {prop_reserve_next, &RelaySettings::reserve_next, "reserve-next", "Reserve the next port",
        "Ask for an even port, and that the one above it is kept for reservation-token", false},
    {prop_mobility, &RelaySettings::mobility, "mobility", "Mobility",
        "Keep the relayed address over a change of our network, where the server can (RFC 8016)",
        false},
    {prop_dont_fragment, &RelaySettings::dont_fragment, "dont-fragment", "Don't fragment",
        "Ask the server to set the DF bit of what it sends to peers (indications alone)", false},
    {prop_auto_permission, &RelaySettings::auto_permission, "auto-permission",
        "Automatic permissions",
        "Ask for the channel or permission that sending lacks; else nothing is sent without one",
        true},
    {prop_tls_verify, &RelaySettings::tls_verify, "tls-verify", "TLS verify",
        "Refuse a server whose certificate does not verify or is not for host", true},
};
} // namespace reach::turn
