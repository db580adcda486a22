// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstcamprops.h"
#include "common/ref.h"
#include "tls_properties.h"

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

std::string guid_of (const GValue *v)
{
  return text_of (v).substr (0, 64);
}

void put_text (GValue *v, const std::string &text)
{
  g_value_set_string (v, text.empty () ? nullptr : text.c_str ());
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
      sender ? "Identity of this sender, at most 64 characters. When it is not set, a random one "
               "is made on the way to READY"
             : "Identity of this receiver, at most 64 characters. When set, only senders whose "
               "guid-to equals it are accepted",
      nullptr, rw_playing);
  text (prop_guid_to, "guid-to", "GUID to",
      sender ? "Identity of the receiver that is meant (NULL = any)"
             : "Identity of the sender that is meant, when pulling (NULL = any)",
      nullptr, rw_playing);
  text (prop_guid_group, "guid-group", "GUID group",
      "Group at a media server: a sender's media are for its members, and who connects joins it, "
      "if "
      "it has no password (NULL = none)",
      nullptr, rw_playing);
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
          g_param_spec_boxed ("sender", "Sender", "One sender", GST_TYPE_STRUCTURE, rw), rw));
  text (prop_proxy, "proxy", "Proxy",
      "HTTP proxy as http://host:port (protocol=http, mode=caller; NULL = none)", nullptr, rw);
  text (prop_proxy_id, "proxy-id", "Proxy user", "User name for the HTTP proxy", nullptr, rw);
  text (prop_proxy_pw, "proxy-pw", "Proxy password",
      "Password for the HTTP proxy; never shown in logs or statistics", nullptr, rw);
  install_tls_properties (k);
  text (prop_token, "token", "Token",
      "A secret by which a media server knows this client (mode=caller; NULL = none). Set tls, or "
      "everybody on the way can read it. Reads back as ***",
      nullptr, rw);
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

namespace {
// How each property is kept: in a table, as there are many and each is one line.
struct Field {
  guint id;
  void (*set) (ElementSettings &s, const GValue *v); // null: read-only
  void (*get) (const ElementSettings &s, GValue *v);
};

const Field fields[] = {
    {prop_protocol,
        [] (ElementSettings &s, const GValue *v) {
          s.net.protocol = static_cast<Protocol> (g_value_get_enum (v));
        },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_enum (v, static_cast<int> (s.net.protocol));
        }},
    {prop_mode,
        [] (ElementSettings &s, const GValue *v) {
          s.net.mode = static_cast<Mode> (g_value_get_enum (v));
        },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_enum (v, static_cast<int> (s.net.mode));
        }},
    {prop_host, [] (ElementSettings &s, const GValue *v) { s.net.host = text_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.net.host); }},
    {prop_port,
        [] (ElementSettings &s, const GValue *v) {
          s.net.port = static_cast<std::uint16_t> (g_value_get_int (v));
        },
        [] (const ElementSettings &s, GValue *v) { g_value_set_int (v, s.net.port); }},
    {prop_bind_address,
        [] (ElementSettings &s, const GValue *v) { s.net.bind_address = text_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.net.bind_address); }},
    {prop_current_port, nullptr,
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, static_cast<int> (s.current_port));
        }},
    {prop_guid,
        [] (ElementSettings &s, const GValue *v) {
          s.identity.guid = guid_of (v);
          s.identity.temporary = false;
        },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.identity.guid); }},
    {prop_guid_to, [] (ElementSettings &s, const GValue *v) { s.identity.guid_to = guid_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.identity.guid_to); }},
    {prop_guid_group,
        [] (ElementSettings &s, const GValue *v) { s.identity.guid_group = guid_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.identity.guid_group); }},
    {prop_use_guid,
        [] (ElementSettings &s, const GValue *v) { s.identity.use_guid = g_value_get_boolean (v); },
        [] (const ElementSettings &s, GValue *v) { g_value_set_boolean (v, s.identity.use_guid); }},
    {prop_senders, [] (ElementSettings &s, const GValue *v) { s.net.senders = entries_of (v); },
        [] (const ElementSettings &s, GValue *v) { entries_to (v, s.net.senders); }},
    {prop_latency,
        [] (ElementSettings &s, const GValue *v) {
          s.net.latency = milliseconds (g_value_get_uint (v));
        },
        [] (const ElementSettings &s, GValue *v) { g_value_set_uint (v, as_ms (s.net.latency)); }},
    {prop_video_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.timeouts[0] = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.timeouts[0]));
        }},
    {prop_audio_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.timeouts[1] = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.timeouts[1]));
        }},
    {prop_data_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.timeouts[2] = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.timeouts[2]));
        }},
    {prop_command_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.timeouts[3] = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.timeouts[3]));
        }},
    {prop_file_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.timeouts[4] = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.timeouts[4]));
        }},
    {prop_idle_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.idle_timeout = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.idle_timeout));
        }},
    {prop_reconnect,
        [] (ElementSettings &s, const GValue *v) { s.net.reconnect = g_value_get_boolean (v); },
        [] (const ElementSettings &s, GValue *v) { g_value_set_boolean (v, s.net.reconnect); }},
    {prop_max_queue_time,
        [] (ElementSettings &s, const GValue *v) {
          s.net.queue.max_time = nanoseconds (g_value_get_uint64 (v));
        },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_uint64 (
              v, static_cast<guint64> (nanoseconds (s.net.queue.max_time).count ()));
        }},
    {prop_max_queue_bytes,
        [] (ElementSettings &s, const GValue *v) { s.net.queue.max_bytes = g_value_get_uint (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_uint (v, static_cast<guint> (s.net.queue.max_bytes));
        }},
    {prop_max_links,
        [] (ElementSettings &s, const GValue *v) { s.net.max_links = g_value_get_uint (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_uint (v, static_cast<guint> (s.net.max_links));
        }},
    {prop_proxy, [] (ElementSettings &s, const GValue *v) { s.net.proxy = text_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.net.proxy); }},
    {prop_proxy_id, [] (ElementSettings &s, const GValue *v) { s.net.proxy_id = text_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.net.proxy_id); }},
    {prop_proxy_pw, [] (ElementSettings &s, const GValue *v) { s.net.proxy_pw = text_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          put_text (v, s.net.proxy_pw.empty () ? "" : "***");
        }},
    {prop_token, [] (ElementSettings &s, const GValue *v) { s.identity.token = text_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          put_text (v, s.identity.token.empty () ? "" : "***");
        }},
    {prop_session_key, nullptr,
        [] (const ElementSettings &s, GValue *v) { g_value_set_uint64 (v, s.session_key); }},
    {prop_media_types,
        [] (ElementSettings &s, const GValue *v) {
          s.net.media_types = static_cast<std::uint8_t> (g_value_get_flags (v));
        },
        [] (const ElementSettings &s, GValue *v) { g_value_set_flags (v, s.net.media_types); }},
    {prop_poll_interval,
        [] (ElementSettings &s, const GValue *v) {
          s.net.poll_interval = milliseconds (g_value_get_uint (v));
        },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_uint (v, as_ms (s.net.poll_interval));
        }},
    {prop_resume_window,
        [] (ElementSettings &s, const GValue *v) {
          s.net.resume_window = seconds (g_value_get_uint (v));
        },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_uint (v, static_cast<guint> (seconds_as_int (s.net.resume_window)));
        }},
    {prop_keep_listening,
        [] (ElementSettings &s, const GValue *v) { s.keep_listening = g_value_get_boolean (v); },
        [] (const ElementSettings &s, GValue *v) { g_value_set_boolean (v, s.keep_listening); }},
    {prop_sync, [] (ElementSettings &s, const GValue *v) { s.sync = g_value_get_boolean (v); },
        [] (const ElementSettings &s, GValue *v) { g_value_set_boolean (v, s.sync); }},
    {prop_drain_timeout,
        [] (ElementSettings &s, const GValue *v) { s.net.drain_timeout = seconds_of (v); },
        [] (const ElementSettings &s, GValue *v) {
          g_value_set_int (v, seconds_as_int (s.net.drain_timeout));
        }},
    {prop_file_directory,
        [] (ElementSettings &s, const GValue *v) { s.file_directory = text_of (v); },
        [] (const ElementSettings &s, GValue *v) { put_text (v, s.file_directory); }},
    {prop_max_command_size,
        [] (ElementSettings &s, const GValue *v) { s.max_command_size = g_value_get_uint (v); },
        [] (const ElementSettings &s, GValue *v) { g_value_set_uint (v, s.max_command_size); }},
    {prop_max_file_size,
        [] (ElementSettings &s, const GValue *v) { s.max_file_size = g_value_get_uint64 (v); },
        [] (const ElementSettings &s, GValue *v) { g_value_set_uint64 (v, s.max_file_size); }},
};

const Field *field_of (guint id)
{
  for (const Field &f : fields)
    if (f.id == id)
      return &f;
  return nullptr;
}
} // namespace

bool set_property (ElementSettings &s, guint id, const GValue *v)
{
  if (set_tls_property (s.net.tls, id, v))
    return true;
  const Field *f = field_of (id);
  if (f && f->set)
    f->set (s, v);
  return f && f->set;
}

bool get_property (const ElementSettings &s, guint id, GValue *v)
{
  if (get_tls_property (s.net.tls, id, v))
    return true;
  const Field *f = field_of (id);
  if (f && f->get)
    f->get (s, v);
  return f && f->get;
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
