// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties of rtcpoolserver that can be written.
#pragma once
#include <gst/gst.h>
#include <span>
#include <string>

namespace reach::rtc {
enum PoolRequests : guint { request_join = 1 };

struct PoolServerSettings {
  std::string bind_address = "0.0.0.0", tls_certificate, tls_key, folder, token, allowed_origins,
              cluster;
  guint port = 7001, max_connections = 10000, max_pools = 10000, max_peers = 256,
        message_rate = 100, max_message_size = 256 << 10, heartbeat_interval = 20000,
        deferred_requests = 0;
  bool private_pools = false;
};

void install_pool_server_properties (GObjectClass *k);
// False: there is no such property.
bool set_pool_server_property (PoolServerSettings &s, guint id, const GValue *v);
bool get_pool_server_property (const PoolServerSettings &s, guint id, GValue *v);

// Those that cannot be written.
constexpr guint prop_current_port = 100, prop_stats = 101;
} // namespace reach::rtc
