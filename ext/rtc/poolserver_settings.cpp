// SPDX-License-Identifier: LGPL-2.1-or-later
#include "poolserver_settings.h"

namespace reach::rtc {
namespace {
enum Prop : guint {
  prop_bind_address = 1,
  prop_port,
  prop_tls_certificate,
  prop_tls_key,
  prop_folder,
  prop_token,
  prop_allowed_origins,
  prop_cluster,
  prop_private,
  prop_max_connections,
  prop_max_pools,
  prop_max_peers,
  prop_max_message_size,
  prop_message_rate,
  prop_heartbeat_interval,
  prop_deferred_requests,
};

constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

// What can have a secret in it is not given out again.
constexpr auto wo =
    static_cast<GParamFlags> (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

struct Text {
  guint id;
  std::string PoolServerSettings::*field;
  const char *name, *blurb;
};
constexpr Text texts[] = {
    {prop_bind_address, &PoolServerSettings::bind_address, "bind-address",
        "The address to listen on; :: is all of IPv6 and IPv4"},
    {prop_tls_certificate, &PoolServerSettings::tls_certificate, "tls-certificate",
        "PEM file with the certificate: with one it is https and wss alone (NULL = http and ws)"},
    {prop_tls_key, &PoolServerSettings::tls_key, "tls-key",
        "PEM file with its key (NULL = it is in the certificate's file)"},
    {prop_folder, &PoolServerSettings::folder, "folder",
        "Files that the same port serves; index.html is what a folder shows (NULL = none)"},
    {prop_token, &PoolServerSettings::token, "token",
        "What clients have to know: ?token=, Authorization: Bearer, or auth of socket.io. Files "
        "need none (NULL = everybody)"},
    {prop_allowed_origins, &PoolServerSettings::allowed_origins, "allowed-origins",
        "Origins of web pages that may connect, https://host:port, with commas between them (NULL "
        "= any)"},
    {prop_cluster, &PoolServerSettings::cluster, "cluster",
        "Servers with the same bus are one: nats://[user:password@]host:port[/name] (NULL = this "
        "one alone)"},
};

struct Number {
  guint id;
  guint PoolServerSettings::*field;
  const char *name, *blurb;
  guint least, most;
};
constexpr Number numbers[] = {
    {prop_port, &PoolServerSettings::port, "port", "TCP port (0 = any)", 0, 65535},
    {prop_max_connections, &PoolServerSettings::max_connections, "max-connections",
        "How many there may be, and as many sessions of socket.io", 1, 1000000},
    {prop_max_pools, &PoolServerSettings::max_pools, "max-pools",
        "How many pools there may be, and as many channels of pairs", 1, 1000000},
    {prop_max_peers, &PoolServerSettings::max_peers, "max-peers", "Members of one pool", 1, 10000},
    {prop_max_message_size, &PoolServerSettings::max_message_size, "max-message-size",
        "Bytes of one message, and of one HTTP body of socket.io", 1024, 16 << 20},
    {prop_message_rate, &PoolServerSettings::message_rate, "message-rate",
        "Messages per second of a peer, five times as many at once, and 30 more for each other "
        "member "
        "that it meets; who sends more is cut off (0 = no limit)",
        0, 1000000},
    {prop_heartbeat_interval, &PoolServerSettings::heartbeat_interval, "heartbeat-interval",
        "Milliseconds between two pings to a client; silent for two of them, it is gone", 100,
        600000},
};

template <typename T> const T *find (std::span<const T> all, guint id)
{
  for (const T &one : all)
    if (one.id == id)
      return &one;
  return nullptr;
}

GType requests_type ()
{
  static const GType type = [] {
    static const GFlagsValue values[] = {
        {request_join, "Joins of pools and pairs", "join"}, {0, nullptr, nullptr}};
    return g_flags_register_static ("GstRtcPoolServerRequests", values);
  }();
  return type;
}
} // namespace

bool set_pool_server_property (PoolServerSettings &s, guint id, const GValue *v)
{
  if (const auto *t = find<Text> (texts, id)) {
    const char *text = g_value_get_string (v);
    s.*t->field = text ? text : "";
  } else if (const auto *n = find<Number> (numbers, id)) {
    s.*n->field = g_value_get_uint (v);
  } else if (id == prop_private) {
    s.private_pools = g_value_get_boolean (v);
  } else if (id == prop_deferred_requests) {
    s.deferred_requests = g_value_get_flags (v);
  } else {
    return false;
  }
  return true;
}

bool get_pool_server_property (const PoolServerSettings &s, guint id, GValue *v)
{
  if (const auto *t = find<Text> (texts, id)) {
    const std::string &text = s.*t->field;
    g_value_set_string (v, text.empty () ? nullptr : text.c_str ());
  } else if (const auto *n = find<Number> (numbers, id)) {
    g_value_set_uint (v, s.*n->field);
  } else if (id == prop_private) {
    g_value_set_boolean (v, s.private_pools);
  } else if (id == prop_deferred_requests) {
    g_value_set_flags (v, s.deferred_requests);
  } else {
    return false;
  }
  return true;
}

void install_pool_server_properties (GObjectClass *k)
{
  const PoolServerSettings defaults;
  gst_type_mark_as_plugin_api (requests_type (), static_cast<GstPluginAPIFlags> (0));
  for (const Text &t : texts) {
    const std::string &text = defaults.*t.field;
    g_object_class_install_property (k, t.id,
        g_param_spec_string (t.name, nullptr, t.blurb, text.empty () ? nullptr : text.c_str (),
            t.id == prop_token || t.id == prop_cluster ? wo : rw));
  }
  for (const Number &n : numbers)
    g_object_class_install_property (k, n.id,
        g_param_spec_uint (n.name, nullptr, n.blurb, n.least, n.most, defaults.*n.field, rw));
  g_object_class_install_property (k, prop_private,
      g_param_spec_boolean ("private", nullptr,
          "Only pools of add-pool can be joined; else the first to come makes one", FALSE, rw));
  g_object_class_install_property (k, prop_deferred_requests,
      g_param_spec_flags ("deferred-requests", nullptr,
          "Which requests are posted as messages; the action respond answers within 10 s; no "
          "answer means no",
          requests_type (), 0, rw));
  constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_uint ("current-port", nullptr,
          "The port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", nullptr, "Counters (docs/stats.md)", GST_TYPE_STRUCTURE, ro));
}
} // namespace reach::rtc
