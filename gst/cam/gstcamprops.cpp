// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstcamprops.h"
#include "common/ref.h"

GType gst_cam_protocol_get_type (void)
{
  static const GEnumValue values[] = {
      {static_cast<int> (reach::cam::Protocol::udp), "UDP: least delay, push only", "udp"},
      {static_cast<int> (reach::cam::Protocol::tcp), "TCP", "tcp"},
      {static_cast<int> (reach::cam::Protocol::http), "HTTP/1.1: passes proxies", "http"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamProtocol", values);
  return type;
}

GType gst_cam_mode_get_type (void)
{
  static const GEnumValue values[] = {
      {static_cast<int> (reach::cam::Mode::caller), "This side connects", "caller"},
      {static_cast<int> (reach::cam::Mode::listener), "This side waits for connections",
          "listener"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamMode", values);
  return type;
}

GType gst_cam_media_types_get_type (void)
{
  static const GFlagsValue values[] = {{1, "Video", "video"}, {2, "Audio", "audio"},
      {4, "Data", "data"}, {8, "Commands", "commands"}, {16, "Files", "files"},
      {0, nullptr, nullptr}};
  static const GType type = g_flags_register_static ("GstCamMediaTypes", values);
  return type;
}

namespace reach::cam {
namespace {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto rw_playing = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

std::string text_of (const GValue *v)
{
  const char *s = g_value_get_string (v);
  return s ? s : "";
}

Duration seconds_of (const GValue *v)
{
  const int n = g_value_get_int (v);
  return n < 0 ? LinkCore::forever : Duration (seconds (n));
}

int seconds_as_int (Duration d)
{
  return d == LinkCore::forever
             ? -1
             : static_cast<int> (std::chrono::duration_cast<seconds> (d).count ());
}

guint as_ms (Duration d)
{
  return static_cast<guint> (std::chrono::duration_cast<milliseconds> (d).count ());
}

std::vector<SenderEntry> entries_of (const GValue *array)
{
  std::vector<SenderEntry> out;
  for (guint i = 0; i < gst_value_array_get_size (array); i++) {
    const GValue *v = gst_value_array_get_value (array, i);
    const GstStructure *s = GST_VALUE_HOLDS_STRUCTURE (v) ? gst_value_get_structure (v) : nullptr;
    if (!s)
      continue;
    SenderEntry e;
    if (const char *host = gst_structure_get_string (s, "host"))
      e.host = host;
    if (const char *guid = gst_structure_get_string (s, "guid"))
      e.guid = guid;
    int port = 0;
    if (gst_structure_get_int (s, "port", &port) ||
        gst_structure_get_uint (s, "port", reinterpret_cast<guint *> (&port)))
      e.port = static_cast<std::uint16_t> (CLAMP (port, 0, 65535));
    out.push_back (std::move (e));
  }
  return out;
}

void entries_to (GValue *array, const std::vector<SenderEntry> &entries)
{
  for (const SenderEntry &e : entries) {
    GValue v = G_VALUE_INIT;
    g_value_init (&v, GST_TYPE_STRUCTURE);
    g_value_take_boxed (
        &v, gst_structure_new ("sender", "host", G_TYPE_STRING, e.host.c_str (), "port", G_TYPE_INT,
                static_cast<int> (e.port), "guid", G_TYPE_STRING, e.guid.c_str (), nullptr));
    gst_value_array_append_and_take_value (array, &v);
  }
}

void install_timeouts (GObjectClass *k)
{
  struct Row {
    guint id;
    const char *name, *nick, *blurb;
    int value;
  };
  static const Row rows[] = {
      {prop_video_timeout, "video-timeout", "Video timeout",
          "Seconds without any sign of the peer on a video connection after which it is closed (-1 "
          "= wait for ever)",
          3},
      {prop_audio_timeout, "audio-timeout", "Audio timeout",
          "Seconds without any sign of the peer on an audio connection after which it is closed "
          "(-1 = wait for ever)",
          3},
      {prop_data_timeout, "data-timeout", "Data timeout",
          "Seconds without any sign of the peer on a data connection after which it is closed (-1 "
          "= wait for ever)",
          10},
      {prop_command_timeout, "command-timeout", "Command timeout",
          "Seconds without any sign of the peer on a command connection after which it is closed "
          "(-1 = wait for ever)",
          15},
      {prop_file_timeout, "file-timeout", "File timeout",
          "Seconds without any sign of the peer on a file connection after which it is closed (-1 "
          "= wait for ever)",
          10},
  };
  for (const Row &r : rows)
    g_object_class_install_property (
        k, r.id, g_param_spec_int (r.name, r.nick, r.blurb, -1, G_MAXINT / 1000, r.value, rw));
}

void install_addresses (GObjectClass *k, bool sender)
{
  const auto text = [k] (guint id, const char *name, const char *nick, const char *blurb,
                        const char *value, GParamFlags f) {
    g_object_class_install_property (k, id, g_param_spec_string (name, nick, blurb, value, f));
  };
  text (prop_host, "host", "Host", "Name or address to connect to (mode=caller)", "127.0.0.1", rw);
  g_object_class_install_property (k, prop_port,
      g_param_spec_int ("port", "Port",
          "Port to connect to (mode=caller) or to listen on (mode=listener; 0 = pick a free one, "
          "see current-port)",
          0, 65535, 7100, rw));
  text (prop_bind_address, "bind-address", "Bind address",
      "Address of this machine to listen on (mode=listener); \"::\" is IPv6 and IPv4", "0.0.0.0",
      rw);
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_int ("current-port", "Current port",
          "The port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  text (prop_guid, "guid", "GUID",
      sender
          ? "Identity of this sender, at most 64 characters. A random one is made for each element"
          : "Identity of this receiver, at most 64 characters. When set, only senders whose "
            "guid-to equals it are accepted",
      nullptr, rw_playing);
  text (prop_guid_to, "guid-to", "GUID to",
      sender ? "Identity of the receiver that is meant (NULL = any)"
             : "Identity of the sender that is meant, when pulling (NULL = any)",
      nullptr, rw_playing);
  text (prop_guid_group, "guid-group", "GUID group",
      "Identity of the group that is meant, when a media server is between (NULL = none)", nullptr,
      rw_playing);
  g_object_class_install_property (k, prop_use_guid,
      g_param_spec_boolean ("use-guid", "Use GUID",
          "Tell and check guid; without it peers are told apart by address only", TRUE,
          rw_playing));
  g_object_class_install_property (k, prop_senders,
      gst_param_spec_array ("senders", "Senders",
          sender ? "Not used by a sender; kept so that both elements can share a configuration"
                 : "Structures with the fields host (string), port (int) and guid (string): whom "
                   "to pull from (mode=caller; empty = host and port), or whom to accept "
                   "(mode=listener; empty = all)",
          gst_param_spec_array ("sender", "Sender", "One sender", nullptr, rw), rw));
  text (prop_proxy, "proxy", "Proxy",
      "HTTP proxy as http://host:port (protocol=http, mode=caller; NULL = none)", nullptr, rw);
  text (prop_proxy_id, "proxy-id", "Proxy user", "User name for the HTTP proxy", nullptr, rw);
  text (prop_proxy_pw, "proxy-pw", "Proxy password",
      "Password for the HTTP proxy; never shown in logs or statistics", nullptr, rw);
}
} // namespace

void install_common_properties (GObjectClass *k, LinkRole role)
{
  const bool sender = role == LinkRole::sender;
  gst_type_mark_as_plugin_api (GST_TYPE_CAM_PROTOCOL, static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (GST_TYPE_CAM_MODE, static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (GST_TYPE_CAM_MEDIA_TYPES, static_cast<GstPluginAPIFlags> (0));
  g_object_class_install_property (k, prop_protocol,
      g_param_spec_enum ("protocol", "Protocol",
          "How connections are made; both sides need the same", GST_TYPE_CAM_PROTOCOL,
          static_cast<int> (Protocol::tcp), rw));
  g_object_class_install_property (k, prop_mode,
      g_param_spec_enum ("mode", "Mode",
          sender ? "Caller pushes to a receiver that listens; listener is pulled from"
                 : "Listener is pushed to; caller pulls from a sender that listens",
          GST_TYPE_CAM_MODE, static_cast<int> (sender ? Mode::caller : Mode::listener), rw));
  install_addresses (k, sender);
  install_timeouts (k);
  g_object_class_install_property (k, prop_latency,
      g_param_spec_uint ("latency", "Latency",
          sender ? "Milliseconds that recovery over UDP may take; the larger value of both sides "
                   "counts"
                 : "Milliseconds that this source reports as its latency: the budget for jitter, "
                   "and for recovery over UDP",
          0, 60000, 125, rw));
  g_object_class_install_property (k, prop_idle_timeout,
      g_param_spec_int ("idle-timeout", "Idle timeout",
          "Seconds after the last data after which a push connection is closed (0 = as soon as its "
          "queue is empty, -1 = never); used by the sender",
          -1, G_MAXINT / 1000, 10, rw));
  g_object_class_install_property (k, prop_reconnect,
      g_param_spec_boolean ("reconnect", "Reconnect",
          "Try again, without end, after a failure or a break (caller), with pauses that grow from "
          "0.1 to 10 s",
          TRUE, rw));
  g_object_class_install_property (k, prop_max_queue_time,
      g_param_spec_uint64 ("max-queue-time", "Max queue time",
          "Nanoseconds that data may wait in the queue of one connection before whole GOPs are "
          "dropped (0 = no limit)",
          0, G_MAXINT64, GST_SECOND, rw));
  g_object_class_install_property (k, prop_max_queue_bytes,
      g_param_spec_uint ("max-queue-bytes", "Max queue bytes",
          "Bytes that may wait in the queue of one connection before whole GOPs are dropped (0 = "
          "no limit)",
          0, G_MAXINT, 8 << 20, rw));
  g_object_class_install_property (k, prop_max_links,
      g_param_spec_uint ("max-links", "Max links",
          "Connections accepted at the same time (mode=listener)", 1, 1000000, 5000, rw));
  g_object_class_install_property (k, prop_session_key,
      g_param_spec_uint64 ("session-key", "Session key",
          sender ? "Key of this sender's session, new for each run (0 = not running)"
                 : "Key of the newest session (0 = none; pushes have none)",
          0, G_MAXUINT64, 0, ro));
  g_object_class_install_property (k, prop_open_channels,
      g_param_spec_uint ("open-channels", "Open channels", "Connections that are established now",
          0, G_MAXUINT, 0, ro));
  g_object_class_install_property (k, prop_max_channels,
      g_param_spec_uint ("max-channels", "Max channels",
          "Connections there would be with every requested one established", 0, G_MAXUINT, 0, ro));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters of all connections, the last ones after the run has ended (docs/stats.md)",
          GST_TYPE_STRUCTURE, ro));
}

bool set_property (ElementSettings &s, guint id, const GValue *v)
{
  switch (id) {
  case prop_protocol:
    s.net.protocol = static_cast<Protocol> (g_value_get_enum (v));
    return true;
  case prop_mode:
    s.net.mode = static_cast<Mode> (g_value_get_enum (v));
    return true;
  case prop_host:
    s.net.host = text_of (v);
    return true;
  case prop_port:
    s.net.port = static_cast<std::uint16_t> (g_value_get_int (v));
    return true;
  case prop_bind_address:
    s.net.bind_address = text_of (v);
    return true;
  case prop_guid:
    s.identity.guid = text_of (v).substr (0, 64);
    return true;
  case prop_guid_to:
    s.identity.guid_to = text_of (v).substr (0, 64);
    return true;
  case prop_guid_group:
    s.identity.guid_group = text_of (v).substr (0, 64);
    return true;
  case prop_use_guid:
    s.identity.use_guid = g_value_get_boolean (v);
    return true;
  case prop_senders:
    s.net.senders = entries_of (v);
    return true;
  case prop_latency:
    s.net.latency = milliseconds (g_value_get_uint (v));
    return true;
  case prop_video_timeout:
    s.net.timeouts[0] = seconds_of (v);
    return true;
  case prop_audio_timeout:
    s.net.timeouts[1] = seconds_of (v);
    return true;
  case prop_data_timeout:
    s.net.timeouts[2] = seconds_of (v);
    return true;
  case prop_command_timeout:
    s.net.timeouts[3] = seconds_of (v);
    return true;
  case prop_file_timeout:
    s.net.timeouts[4] = seconds_of (v);
    return true;
  case prop_idle_timeout:
    s.net.idle_timeout = seconds_of (v);
    return true;
  case prop_reconnect:
    s.net.reconnect = g_value_get_boolean (v);
    return true;
  case prop_max_queue_time:
    s.net.queue.max_time = nanoseconds (g_value_get_uint64 (v));
    return true;
  case prop_max_queue_bytes:
    s.net.queue.max_bytes = g_value_get_uint (v);
    return true;
  case prop_max_links:
    s.net.max_links = g_value_get_uint (v);
    return true;
  case prop_proxy:
    s.net.proxy = text_of (v);
    return true;
  case prop_proxy_id:
    s.net.proxy_id = text_of (v);
    return true;
  case prop_proxy_pw:
    s.net.proxy_pw = text_of (v);
    return true;
  case prop_media_types:
    s.net.media_types = static_cast<std::uint8_t> (g_value_get_flags (v));
    return true;
  case prop_poll_interval:
    s.net.poll_interval = milliseconds (g_value_get_uint (v));
    return true;
  case prop_resume_window:
    s.net.resume_window = seconds (g_value_get_uint (v));
    return true;
  case prop_keep_listening:
    s.keep_listening = g_value_get_boolean (v);
    return true;
  case prop_file_directory:
    s.file_directory = text_of (v);
    return true;
  case prop_max_command_size:
    s.max_command_size = g_value_get_uint (v);
    return true;
  case prop_max_file_size:
    s.max_file_size = g_value_get_uint64 (v);
    return true;
  case prop_sync:
    s.sync = g_value_get_boolean (v);
    return true;
  case prop_drain_timeout:
    s.net.drain_timeout = seconds_of (v);
    return true;
  default:
    return false;
  }
}

bool get_property (const ElementSettings &s, guint id, GValue *v)
{
  const auto text = [v] (const std::string &t) {
    g_value_set_string (v, t.empty () ? nullptr : t.c_str ());
  };
  switch (id) {
  case prop_protocol:
    g_value_set_enum (v, static_cast<int> (s.net.protocol));
    return true;
  case prop_mode:
    g_value_set_enum (v, static_cast<int> (s.net.mode));
    return true;
  case prop_host:
    text (s.net.host);
    return true;
  case prop_port:
    g_value_set_int (v, s.net.port);
    return true;
  case prop_bind_address:
    text (s.net.bind_address);
    return true;
  case prop_current_port:
    g_value_set_int (v, static_cast<int> (s.current_port));
    return true;
  case prop_guid:
    text (s.identity.guid);
    return true;
  case prop_guid_to:
    text (s.identity.guid_to);
    return true;
  case prop_guid_group:
    text (s.identity.guid_group);
    return true;
  case prop_use_guid:
    g_value_set_boolean (v, s.identity.use_guid);
    return true;
  case prop_senders:
    entries_to (v, s.net.senders);
    return true;
  case prop_latency:
    g_value_set_uint (v, as_ms (s.net.latency));
    return true;
  case prop_video_timeout:
    g_value_set_int (v, seconds_as_int (s.net.timeouts[0]));
    return true;
  case prop_audio_timeout:
    g_value_set_int (v, seconds_as_int (s.net.timeouts[1]));
    return true;
  case prop_data_timeout:
    g_value_set_int (v, seconds_as_int (s.net.timeouts[2]));
    return true;
  case prop_command_timeout:
    g_value_set_int (v, seconds_as_int (s.net.timeouts[3]));
    return true;
  case prop_file_timeout:
    g_value_set_int (v, seconds_as_int (s.net.timeouts[4]));
    return true;
  case prop_idle_timeout:
    g_value_set_int (v, seconds_as_int (s.net.idle_timeout));
    return true;
  case prop_reconnect:
    g_value_set_boolean (v, s.net.reconnect);
    return true;
  case prop_max_queue_time:
    g_value_set_uint64 (v, static_cast<guint64> (nanoseconds (s.net.queue.max_time).count ()));
    return true;
  case prop_max_queue_bytes:
    g_value_set_uint (v, static_cast<guint> (s.net.queue.max_bytes));
    return true;
  case prop_max_links:
    g_value_set_uint (v, static_cast<guint> (s.net.max_links));
    return true;
  case prop_proxy:
    text (s.net.proxy);
    return true;
  case prop_proxy_id:
    text (s.net.proxy_id);
    return true;
  case prop_proxy_pw:
    text (s.net.proxy_pw.empty () ? "" : "***");
    return true;
  case prop_session_key:
    g_value_set_uint64 (v, s.session_key);
    return true;
  case prop_media_types:
    g_value_set_flags (v, s.net.media_types);
    return true;
  case prop_poll_interval:
    g_value_set_uint (v, as_ms (s.net.poll_interval));
    return true;
  case prop_resume_window:
    g_value_set_uint (v, static_cast<guint> (seconds_as_int (s.net.resume_window)));
    return true;
  case prop_keep_listening:
    g_value_set_boolean (v, s.keep_listening);
    return true;
  case prop_file_directory:
    text (s.file_directory);
    return true;
  case prop_max_command_size:
    g_value_set_uint (v, s.max_command_size);
    return true;
  case prop_max_file_size:
    g_value_set_uint64 (v, s.max_file_size);
    return true;
  case prop_sync:
    g_value_set_boolean (v, s.sync);
    return true;
  case prop_drain_timeout:
    g_value_set_int (v, seconds_as_int (s.net.drain_timeout));
    return true;
  default:
    return false;
  }
}

void install_event_signals (GType type, bool all)
{
  for (int i = 0; i <= static_cast<int> (EventType::session_disconnected); i++) {
    const auto e = static_cast<EventType> (i);
    const bool link = e == EventType::connecting || e == EventType::connected ||
                      e == EventType::connect_error || e == EventType::disconnected;
    if (all || link)
      g_signal_new (event_name (e), type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
          G_TYPE_NONE, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  }
}

GstStructure *structure_of (const LinkEvent &e)
{
  const std::string name = std::string ("cam-") + event_name (e.type);
  GstStructure *s = gst_structure_new (name.c_str (), "session-key", G_TYPE_UINT64, e.session_key,
      "remote-session-key", G_TYPE_UINT64, e.remote_session_key, "link-key", G_TYPE_UINT64,
      e.link_key, "media-types", GST_TYPE_CAM_MEDIA_TYPES, e.media_types, "peer", G_TYPE_STRING,
      e.peer.c_str (), nullptr);
  if (!e.detail.empty ())
    gst_structure_set (s, "detail", G_TYPE_STRING, e.detail.c_str (), nullptr);
  return s;
}
} // namespace reach::cam
