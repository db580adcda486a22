// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection_properties.h"
#include "pool_impl.h"
#include "webrtc/enums.h"

namespace reach::rtc {
namespace {
enum Prop : guint {
  prop_pool = first_own_property,
  prop_protocol_version,
  prop_mute_video,
  prop_mute_audio,
  prop_id,
  prop_connections,
  prop_n_connections,
};

// An array of structures: peer-id, description (JSON), connection-state, polite, estimated-bitrate.
void give_connections (GValue *v, const PoolStatus &s)
{
  for (const PoolStatus::Connection &c : s.connections) {
    GValue one = G_VALUE_INIT;
    g_value_init (&one, GST_TYPE_STRUCTURE);
    g_value_take_boxed (
        &one, gst_structure_new ("rtc-pool-connection", "peer-id", G_TYPE_STRING, c.peer.c_str (),
                  "description", G_TYPE_STRING,
                  c.description.empty () ? nullptr : c.description.c_str (), "connection-state",
                  GST_TYPE_WEBRTC_PEER_CONNECTION_STATE, to_gst (c.transport, false), "polite",
                  G_TYPE_BOOLEAN, c.polite, "estimated-bitrate", G_TYPE_UINT, c.bitrate, nullptr));
    gst_value_array_append_and_take_value (v, &one);
  }
}
} // namespace

void install_pool_properties (GObjectClass *klass)
{
  constexpr auto ready = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  constexpr auto playing = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  const auto add = [klass] (guint id, GParamSpec *spec) {
    g_object_class_install_property (klass, id, spec);
  };
  install_connection_properties (klass,
      "The pool server: ws(s)://HOST:PORT for a WebSocket, http(s)://HOST:PORT for socket.io (NULL "
      "= the application carries messages: signaller-send, signaller-receive)");
  add (prop_pool,
      g_param_spec_string ("pool", nullptr,
          "The pool to join when the element starts (NULL = by the action join)", nullptr, ready));
  add (prop_protocol_version,
      g_param_spec_uint ("protocol-version", nullptr,
          "Of pool signalling, 1 or 2 (0 = whatever each peer speaks)", 0, 2, 0, ready));
  add (prop_mute_video,
      g_param_spec_boolean ("mute-video", nullptr, "Send no video to anybody", FALSE, playing));
  add (prop_mute_audio,
      g_param_spec_boolean ("mute-audio", nullptr, "Send no sound to anybody", FALSE, playing));
  add (prop_id, g_param_spec_string (
                    "id", nullptr, "What the server calls us (NULL = not in a pool)", nullptr, ro));
  add (prop_connections,
      gst_param_spec_array ("connections", nullptr,
          "The other members: peer-id, description, connection-state, polite, estimated-bitrate",
          g_param_spec_boxed ("connection", nullptr, nullptr, GST_TYPE_STRUCTURE, ro), ro));
  add (prop_n_connections, g_param_spec_uint ("n-connections", nullptr,
                               "How many other members there are", 0, G_MAXUINT, 0, ro));
}

bool set_pool_property (PoolImpl &impl, guint id, const GValue *value)
{
  if (id == prop_mute_video || id == prop_mute_audio) {
    impl.mute (id == prop_mute_audio ? MediaKind::audio : MediaKind::video,
        g_value_get_boolean (value) != FALSE);
    return true;
  }
  const bool known = impl.settings.update ([&] (PoolSettings &s) {
    if (id == prop_pool) {
      const char *t = g_value_get_string (value);
      s.pool = t ? t : "";
      return true;
    }
    if (id == prop_protocol_version) {
      s.version = g_value_get_uint (value);
      return true;
    }
    return set_connection_property (s, id, value);
  });
  if (known)
    impl.apply_settings ();
  return known;
}

bool get_pool_property (PoolImpl &impl, guint id, GValue *value)
{
  const PoolSettings s = *impl.settings.lock ();
  const PoolStatus status = impl.status ();
  const auto text = [value] (const std::string &t) {
    g_value_set_string (value, t.empty () ? nullptr : t.c_str ());
  };
  switch (id) {
  case prop_pool:
    text (status.pool.empty () ? s.pool : status.pool);
    return true;
  case prop_protocol_version:
    g_value_set_uint (value, s.version);
    return true;
  case prop_mute_video:
  case prop_mute_audio:
    g_value_set_boolean (
        value, impl.muted (id == prop_mute_audio ? MediaKind::audio : MediaKind::video));
    return true;
  case prop_id:
    text (status.id);
    return true;
  case prop_connections:
    give_connections (value, status);
    return true;
  case prop_n_connections:
    g_value_set_uint (value, static_cast<guint> (status.connections.size ()));
    return true;
  default:
    return get_connection_property (s, id, value);
  }
}
} // namespace reach::rtc
