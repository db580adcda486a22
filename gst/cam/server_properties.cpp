// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_properties.h"

GType gst_cam_duplicate_id_get_type (void);
GType gst_cam_duplicate_id_get_type (void)
{
  static const GEnumValue values[] = {{0, "The client that is there stays", "reject"},
      {1, "The new client takes its place", "replace"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamDuplicateId", values);
  return type;
}

GType gst_cam_keep_client_info_get_type (void);
GType gst_cam_keep_client_info_get_type (void)
{
  static const GEnumValue values[] = {{0, "Nothing of a client that has gone", "never"},
      {1, "Its permanent memberships of groups", "groups"},
      {2, "And its contacts, permissions and user info", "all"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamKeepClientInfo", values);
  return type;
}

GType gst_cam_buffer_store_get_type (void);
GType gst_cam_buffer_store_get_type (void)
{
  static const GEnumValue values[] = {{0, "In memory", "memory"},
      {1, "In a file without a name, written to the disk when memory is short", "file"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamBufferStore", values);
  return type;
}

namespace reach::cam {
namespace {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
using S = ServerSettings;

// How a member travels in a GValue.
template <auto member> struct Text {
  static void set (S &s, const GValue *v)
  {
    const char *text = g_value_get_string (v);
    s.*member = text ? text : "";
  }
  static void get (const S &s, GValue *v)
  {
    g_value_set_string (v, (s.*member).empty () ? nullptr : (s.*member).c_str ());
  }
};
template <auto member>
using Type = std::remove_reference_t<decltype (std::declval<S &> ().*member)>;
template <auto member> struct Int {
  static void set (S &s, const GValue *v)
  {
    s.*member = static_cast<Type<member>> (g_value_get_int (v));
  }
  static void get (const S &s, GValue *v) { g_value_set_int (v, s.*member); }
};
template <auto member> struct Uint {
  static void set (S &s, const GValue *v) { s.*member = g_value_get_uint (v); }
  static void get (const S &s, GValue *v) { g_value_set_uint (v, static_cast<guint> (s.*member)); }
};
template <auto member> struct Uint64 {
  static void set (S &s, const GValue *v) { s.*member = g_value_get_uint64 (v); }
  static void get (const S &s, GValue *v) { g_value_set_uint64 (v, s.*member); }
};
template <auto member> struct Bool {
  static void set (S &s, const GValue *v) { s.*member = g_value_get_boolean (v); }
  static void get (const S &s, GValue *v) { g_value_set_boolean (v, s.*member); }
};
template <auto member> struct Enum {
  static void set (S &s, const GValue *v)
  {
    s.*member = static_cast<Type<member>> (g_value_get_enum (v));
  }
  static void get (const S &s, GValue *v) { g_value_set_enum (v, static_cast<gint> (s.*member)); }
};
template <auto member, typename Unit> struct Time {
  static void set (S &s, const GValue *v) { s.*member = Unit (g_value_get_uint (v)); }
  static void get (const S &s, GValue *v)
  {
    g_value_set_uint (
        v, static_cast<guint> (std::chrono::duration_cast<Unit> (s.*member).count ()));
  }
};
template <auto member> struct Nanoseconds {
  static void set (S &s, const GValue *v) { s.*member = nanoseconds (g_value_get_uint64 (v)); }
  static void get (const S &s, GValue *v)
  {
    g_value_set_uint64 (v, static_cast<guint64> (nanoseconds (s.*member).count ()));
  }
};
template <MediaType type> struct Buffer {
  static constexpr auto at = static_cast<std::size_t> (type);
  static void set (S &s, const GValue *v) { s.buffer[at] = g_value_get_uint (v); }
  static void get (const S &s, GValue *v)
  {
    g_value_set_uint (v, static_cast<guint> (s.buffer[at]));
  }
  static GParamSpec *spec (const char *name, const char *nick, const char *blurb)
  {
    return g_param_spec_uint (
        name, nick, blurb, 1024, G_MAXINT, static_cast<guint> (S ().buffer[at]), rw);
  }
};

template <MediaType type> struct Timeout {
  static constexpr auto at = static_cast<std::size_t> (type);
  static void set (S &s, const GValue *v) { s.timeouts[at] = seconds (g_value_get_uint (v)); }
  static void get (const S &s, GValue *v)
  {
    g_value_set_uint (
        v, static_cast<guint> (std::chrono::duration_cast<seconds> (s.timeouts[at]).count ()));
  }
};

struct Property {
  void (*set) (S &, const GValue *);
  void (*get) (const S &, GValue *);
  GParamSpec *(*spec) ();
};
template <typename As> constexpr Property property (GParamSpec *(*spec) ())
{
  return {As::set, As::get, spec};
}

// In the order of their ids.
constexpr Property properties[] = {
    property<Int<&S::port>> ([] {
      return g_param_spec_int ("port", "Port",
          "Port for TCP and HTTP (0 = pick a free one, see current-port)", 0, 65535, 7100, rw);
    }),
    property<Int<&S::udp_port>> ([] {
      return g_param_spec_int ("udp-port", "UDP port",
          "Port for senders over UDP (0 = pick a free one, see current-udp-port; -1 = no UDP)", -1,
          65535, 7100, rw);
    }),
    property<Text<&S::bind_address>> ([] {
      return g_param_spec_string ("bind-address", "Bind address",
          "Address of this machine to listen on; \"::\" is IPv6 and IPv4", "0.0.0.0", rw);
    }),
    property<Uint<&S::loops>> ([] {
      return g_param_spec_uint ("loops", "Loops",
          "Threads that share the connections, each on a core of its own (0 = one per core)", 0, 64,
          0, rw);
    }),
    property<Uint<&S::gop_cache>> ([] {
      return g_param_spec_uint ("gop-cache", "GOP cache",
          "Bytes that are kept of each video stream, from its newest key frame on, so that who "
          "joins sees a picture at once (0 = none: a key frame is asked for)",
          0, G_MAXINT, 4 << 20, rw);
    }),
    property<Time<&S::resume_window, seconds>> ([] {
      return g_param_spec_uint ("resume-window", "Resume window",
          "Seconds that a sender whose connections broke has to come back before its receivers "
          "are told that it is gone",
          0, 86400, 15, rw);
    }),
    property<Uint<&S::max_clients>> ([] {
      return g_param_spec_uint ("max-clients", "Max clients",
          "Senders and receivers served at the same time", 1, 100000, 1000, rw);
    }),
    property<Uint<&S::max_groups>> ([] {
      return g_param_spec_uint ("max-groups", "Max groups",
          "Groups that there may be at the same time", 0, 100000, 1000, rw);
    }),
    property<Uint64<&S::max_bitrate>> ([] {
      return g_param_spec_uint64 ("max-bitrate", "Max bitrate",
          "Bits per second that one sender's video, audio and data may bring; what is more is "
          "dropped, video in whole groups of pictures (0 = no limit)",
          0, G_MAXINT64, 0, rw);
    }),
    property<Enum<&S::replace_duplicates>> ([] {
      return g_param_spec_enum ("duplicate-id", "Duplicate id",
          "What happens when a second client comes with a guid that is in use",
          gst_cam_duplicate_id_get_type (), 1, rw);
    }),
    property<Text<&S::user_file>> ([] {
      return g_param_spec_string ("user-file", "User file",
          "File with a line for each client that is let in, made by the action make-user; its "
          "token must be right (NULL = no tokens are asked for)",
          nullptr, rw);
    }),
    property<Bool<&S::list_users>> ([] {
      return g_param_spec_boolean ("list-users", "List users",
          "Whether clients may ask for the list of all clients", FALSE, rw);
    }),
    property<Enum<&S::keep>> ([] {
      return g_param_spec_enum ("keep-client-info", "Keep client info",
          "What is kept of clients that have gone, for when they come back",
          gst_cam_keep_client_info_get_type (), 0, rw);
    }),
    property<Text<&S::state_file>> ([] {
      return g_param_spec_string ("state-file", "State file",
          "File in which what is kept outlives the element (NULL = none)", nullptr, rw);
    }),
    property<Time<&S::latency, milliseconds>> ([] {
      return g_param_spec_uint ("latency", "Latency",
          "Milliseconds that recovery over UDP may take; the larger value of both sides counts", 0,
          60000, 125, rw);
    }),
    property<Nanoseconds<&S::max_queue_time>> ([] {
      return g_param_spec_uint64 ("max-queue-time", "Max queue time",
          "Nanoseconds that media may wait for one receiver before whole GOPs are dropped (0 = no "
          "limit)",
          0, G_MAXINT64, GST_SECOND, rw);
    }),
    property<Uint<&S::max_command>> ([] {
      return g_param_spec_uint ("max-command-size", "Max command size",
          "Bytes that a command may have; larger ones are refused", 1024, max_command, max_command,
          rw);
    }),
    property<Uint<&S::max_command_rate>> ([] {
      return g_param_spec_uint ("max-command-rate", "Max command rate",
          "Commands per second that a client may send; further ones are refused (0 = no limit)", 0,
          G_MAXINT, 0, rw);
    }),
    property<Time<&S::command_patience, seconds>> ([] {
      return g_param_spec_uint ("command-timeout", "Command timeout",
          "Seconds that a receiver has to acknowledge a command, or to come back for it, before "
          "the sender is told that it did not; less than the command-timeout of senders",
          1, 86400, 10, rw);
    }),
    property<Enum<&S::store_in_files>> ([] {
      return g_param_spec_enum ("buffer-store", "Buffer store",
          "Where the media and files that wait are kept", gst_cam_buffer_store_get_type (), 0, rw);
    }),
    property<Text<&S::store_directory>> ([] {
      return g_param_spec_string ("buffer-directory", "Buffer directory",
          "Folder for buffer-store=file (NULL = /var/tmp)", nullptr, rw);
    }),
    property<Buffer<MediaType::video>> ([] {
      return Buffer<MediaType::video>::spec ("video-buffer-size", "Video buffer size",
          "Bytes of video that may wait for one receiver before whole GOPs are dropped");
    }),
    property<Buffer<MediaType::audio>> ([] {
      return Buffer<MediaType::audio>::spec ("audio-buffer-size", "Audio buffer size",
          "Bytes of audio that may wait for one receiver before the oldest is dropped");
    }),
    property<Buffer<MediaType::data>> ([] {
      return Buffer<MediaType::data>::spec ("data-buffer-size", "Data buffer size",
          "Bytes of data that may wait for one receiver before the oldest are dropped");
    }),
    property<Buffer<MediaType::command>> ([] {
      return Buffer<MediaType::command>::spec ("command-buffer-size", "Command buffer size",
          "Bytes of commands that may wait for one receiver");
    }),
    property<Buffer<MediaType::file>> ([] {
      return Buffer<MediaType::file>::spec ("file-buffer-size", "File buffer size",
          "Bytes of a file that are held, for those of its receivers that are slow, before its "
          "sender has to wait (512 KiB to 2 MiB: what is less or more counts as that)");
    }),
    property<Uint64<&S::max_file_size>> ([] {
      return g_param_spec_uint64 ("max-file-size", "Max file size",
          "Bytes of the largest file that is passed on (0 = no limit)", 0, G_MAXINT64, 0, rw);
    }),
    property<Timeout<MediaType::file>> ([] {
      return g_param_spec_uint ("file-timeout", "File timeout",
          "Seconds after which a silent file connection is closed, and a receiver is left out of a "
          "file that it does not acknowledge or come back for",
          1, 86400, 10, rw);
    }),
};

const Property *property_of (guint id)
{
  const guint i = id - first_server_property;
  return id >= first_server_property && i < std::size (properties) ? &properties[i] : nullptr;
}
} // namespace

void install_server_properties (GObjectClass *k)
{
  for (const GType t : {gst_cam_duplicate_id_get_type (), gst_cam_keep_client_info_get_type (),
           gst_cam_buffer_store_get_type ()})
    gst_type_mark_as_plugin_api (t, static_cast<GstPluginAPIFlags> (0));
  guint id = first_server_property;
  for (const Property &p : properties)
    g_object_class_install_property (k, id++, p.spec ());
}

bool set_server_property (ServerSettings &s, guint id, const GValue *v)
{
  const Property *p = property_of (id);
  if (p)
    p->set (s, v);
  return p != nullptr;
}

bool get_server_property (const ServerSettings &s, guint id, GValue *v)
{
  const Property *p = property_of (id);
  if (p)
    p->get (s, v);
  return p != nullptr;
}
} // namespace reach::cam
