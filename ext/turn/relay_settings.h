// SPDX-License-Identifier: LGPL-2.1-or-later
// What the properties of a relay element say.
#pragma once
#include "turn/net/session.h"
#include "turn/proto/uri.h"

namespace reach::turn {
enum RefreshFlags : unsigned {
  refresh_allocation = 1,
  refresh_permissions = 2,
  refresh_channels = 4
};

enum class AuthMode : std::uint8_t { automatic, none, short_term, long_term, token };

struct RelaySettings {
  bool relay = true; // false: stun
  std::string host;
  unsigned port = 0; // 0: the transport's
  Transport transport = Transport::udp;
  stun::Relay relay_transport = stun::Relay::udp;
  Families family = Families::server_default;
  stun::Family server_family = stun::Family::none; // none: any
  bool srv = true;                                 // SRV records, without a port
  std::string username, password, auth_secret;
  AuthMode auth = AuthMode::automatic, stun_auth = AuthMode::none; // of Binding requests
  std::string stun_username, stun_password;
  std::string access_token, mac_key; // base64
  unsigned lifetime = 0;             // s
  unsigned refresh = refresh_allocation | refresh_permissions | refresh_channels;
  bool auto_permission = true;
  Mode mode = Mode::automatic;
  bool fingerprint = true;
  std::string software;
  unsigned rto = 500, max_retries = 6; // ms; behind the first
  unsigned min_channel = first_channel, max_channel = last_channel;
  unsigned keepalive = 15;                      // s
  unsigned busy_wait = 60000, busy_retries = 3; // ms; with 486, 500 and 508
  bool even_port = false, reserve_next = false, dont_fragment = false, mobility = false;
  std::string reservation_token; // hexadecimal
  std::string tls_certificate, tls_key, tls_ca_file, tls_fingerprint, tls_name;
  bool tls_verify = true;

  bool operator== (const RelaySettings &) const = default;
};

// An element's own, which those that share an allocation need not have in common.
struct RelayOwn {
  std::string allocation_name, peers;
};

// A list with commas between, as in the property. Nothing: one of them is no address.
std::optional<std::vector<stun::Address>> parse_peers (std::string_view text);
std::optional<stun::Address> parse_peer (std::string_view text);
// Of properties, or of a structure with the same words. Nothing and `error`: they cannot be used.
std::optional<Credentials> credentials_of (const RelaySettings &s, std::string &error);
std::string hex_of (Bytes bytes);
void apply (RelaySettings &s, const Uri &u);
Uri uri_of (const RelaySettings &s);
// Nothing and `error`: they cannot be used.
std::optional<SessionSettings> session_settings (const RelaySettings &s, std::string &error);
} // namespace reach::turn
