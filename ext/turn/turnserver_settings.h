// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of turnserver, and what they are for its server.
#pragma once
#include "net/server_settings.h"
#include <gst/gst.h>

namespace reach::turn::server {
struct ElementSettings {
  std::string bind_address = "0.0.0.0", tls_certificate, tls_key;
  std::string realm = "reach", users, auth_secret, software;
  std::string oauth_keys, oauth_server;
  std::string relay_address, relay_bind_address, other_address, alternate_server;
  std::string alternate_address;
  std::string allowed_peers, denied_peers;
  guint port = 3478, tls_port = 5349, min_port = 49152, max_port = 65535, threads = 1,
        alternate_port = 0;
  guint default_lifetime = 600, max_lifetime = 3600, permission_lifetime = 300,
        channel_lifetime = 600, nonce_lifetime = 600;
  guint max_allocations = 10000, max_user_allocations = 100, max_connections = 4096,
        max_user_peer_connections = 256;
  guint bandwidth = 0, user_bandwidth = 0, request_rate = 50;
  gboolean udp = TRUE, tcp = TRUE, tls = FALSE, dtls = FALSE, no_auth = FALSE, inspect = FALSE,
           authenticate_binding = FALSE, mapped_address = FALSE, legacy_channels = FALSE,
           relay_tcp = TRUE, mobility = FALSE, short_term_binding = FALSE;

  // Nothing, and `error` in words.
  std::optional<NetSettings> net (std::string &error) const;
};

constexpr guint first_setting = 100;
void install_settings (GObjectClass *klass);
bool set_setting (ElementSettings &s, guint id, const GValue *v); // false: not one of these
bool get_setting (const ElementSettings &s, guint id, GValue *v);
} // namespace reach::turn::server
