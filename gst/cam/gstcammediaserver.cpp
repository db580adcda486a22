// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-cammediaserver
 * @title: cammediaserver
 * @see_also: camsender, camreceiver
 *
 * Carries the streams of #camsender elements to #camreceiver elements when only this machine can
 * be reached by both. Senders push to it over TCP, HTTP or UDP; receivers pull from it over TCP or
 * HTTP; both have `mode=caller`. A sender's `guid-to` names the receiver. The element has no pads:
 * frames go from socket to socket, by reference, and never into a pipeline.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cammediaserver port=7100
 * ]| is a server, until it is interrupted.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! \
 *   camsender host=127.0.0.1 port=7100 guid-to=viewer
 * ]| pushes to the client "viewer" of that server.
 * |[
 * gst-launch-1.0 camreceiver mode=caller host=127.0.0.1 port=7100 guid=viewer ! decodebin ! \
 *   videoconvert ! autovideosink
 * ]| is that client.
 *
 * ## Threads
 * Each of its loops (property `loops`) is a thread that owns a part of the connections. Signals and
 * messages come from one further thread, with no lock held.
 *
 * Since: 0.1
 */
#include "camelements.h"
#include "common/barrier.h"
#include "media_server_impl.h"
#include "tls_properties.h"

GST_DEBUG_CATEGORY_STATIC (cammediaserver_debug);
#define GST_CAT_DEFAULT cammediaserver_debug

G_DECLARE_FINAL_TYPE (GstCamMediaServer, gst_cam_media_server, GST, CAM_MEDIA_SERVER, GstElement)

GType gst_cam_duplicate_id_get_type (void);
#define GST_TYPE_CAM_DUPLICATE_ID (gst_cam_duplicate_id_get_type ())
GType gst_cam_duplicate_id_get_type (void)
{
  static const GEnumValue values[] = {{0, "The client that is there stays", "reject"},
      {1, "The new client takes its place", "replace"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamDuplicateId", values);
  return type;
}

GType gst_cam_keep_client_info_get_type (void);
#define GST_TYPE_CAM_KEEP_CLIENT_INFO (gst_cam_keep_client_info_get_type ())
GType gst_cam_keep_client_info_get_type (void)
{
  static const GEnumValue values[] = {{0, "Nothing of a client that has gone", "never"},
      {1, "Its permanent memberships of groups", "groups"},
      {2, "And its contacts, permissions and user info", "all"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamKeepClientInfo", values);
  return type;
}

namespace reach::cam {
namespace {
enum Prop : guint {
  prop_port = 1,
  prop_udp_port,
  prop_bind_address,
  prop_current_port,
  prop_current_udp_port,
  prop_loops,
  prop_gop_cache,
  prop_resume_window,
  prop_max_clients,
  prop_duplicate_id,
  prop_keep_client_info,
  prop_state_file,
  prop_latency,
  prop_max_queue_time,
  prop_user_file,
  prop_video_buffer_size, // and those of the other types, in their order
  prop_stats = prop_video_buffer_size + n_media_types,
};
static_assert (prop_stats < first_tls_property);
} // namespace
} // namespace reach::cam

struct _GstCamMediaServer {
  GstElement parent;
  reach::cam::MediaServerImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstCamMediaServer, gst_cam_media_server, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (cammediaserver_debug, "cammediaserver", 0, "cam media server"))
GST_ELEMENT_REGISTER_DEFINE (
    cammediaserver, "cammediaserver", GST_RANK_NONE, gst_cam_media_server_get_type ())

using reach::barrier;
using namespace reach::cam;

namespace reach::cam {
MediaServerImpl &server_impl (gpointer e)
{
  return *GST_CAM_MEDIA_SERVER (e)->impl;
}
} // namespace reach::cam

static void gst_cam_media_server_init (GstCamMediaServer *self)
{
  self->impl = new MediaServerImpl (GST_ELEMENT (self));
  // So that an EOS event sent to the pipeline reaches it, and the pipeline takes its EOS for its
  // own.
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void finalize (GObject *o)
{
  delete GST_CAM_MEDIA_SERVER (o)->impl;
  G_OBJECT_CLASS (gst_cam_media_server_parent_class)->finalize (o);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  const bool known = server_impl (o).settings.update ([&] (ServerSettings &s) {
    switch (id) {
    case prop_port:
      s.port = static_cast<std::uint16_t> (g_value_get_int (v));
      return true;
    case prop_udp_port:
      s.udp_port = g_value_get_int (v);
      return true;
    case prop_bind_address: {
      const char *text = g_value_get_string (v);
      s.bind_address = text ? text : "";
      return true;
    }
    case prop_user_file: {
      const char *text = g_value_get_string (v);
      s.user_file = text ? text : "";
      return true;
    }
    case prop_loops:
      s.loops = g_value_get_uint (v);
      return true;
    case prop_gop_cache:
      s.gop_cache = g_value_get_uint (v);
      return true;
    case prop_resume_window:
      s.resume_window = reach::seconds (g_value_get_uint (v));
      return true;
    case prop_max_clients:
      s.max_clients = g_value_get_uint (v);
      return true;
    case prop_duplicate_id:
      s.replace_duplicates = g_value_get_enum (v) != 0;
      return true;
    case prop_keep_client_info:
      s.keep = static_cast<KeepClientInfo> (g_value_get_enum (v));
      return true;
    case prop_state_file: {
      const char *path = g_value_get_string (v);
      s.state_file = path ? path : "";
      return true;
    }
    case prop_latency:
      s.latency = reach::milliseconds (g_value_get_uint (v));
      return true;
    case prop_max_queue_time:
      s.max_queue_time = reach::nanoseconds (g_value_get_uint64 (v));
      return true;
    default:
      if (id < prop_video_buffer_size || id >= prop_stats)
        return set_tls_property (s.tls, id, v);
      s.buffer[id - prop_video_buffer_size] = g_value_get_uint (v);
      return true;
    }
  });
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_setting (const ServerSettings &s, GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  const auto count = [] (auto d) { return static_cast<guint> (d.count ()); };
  switch (id) {
  case prop_port:
    return g_value_set_int (v, s.port);
  case prop_udp_port:
    return g_value_set_int (v, s.udp_port);
  case prop_bind_address:
    return g_value_set_string (v, s.bind_address.c_str ());
  case prop_user_file:
    return g_value_set_string (v, s.user_file.empty () ? nullptr : s.user_file.c_str ());
  case prop_loops:
    return g_value_set_uint (v, s.loops);
  case prop_gop_cache:
    return g_value_set_uint (v, static_cast<guint> (s.gop_cache));
  case prop_resume_window:
    return g_value_set_uint (
        v, count (std::chrono::duration_cast<reach::seconds> (s.resume_window)));
  case prop_max_clients:
    return g_value_set_uint (v, static_cast<guint> (s.max_clients));
  case prop_duplicate_id:
    return g_value_set_enum (v, s.replace_duplicates);
  case prop_keep_client_info:
    return g_value_set_enum (v, static_cast<gint> (s.keep));
  case prop_state_file:
    return g_value_set_string (v, s.state_file.empty () ? nullptr : s.state_file.c_str ());
  case prop_latency:
    return g_value_set_uint (
        v, count (std::chrono::duration_cast<reach::milliseconds> (s.latency)));
  case prop_max_queue_time:
    return g_value_set_uint64 (
        v, static_cast<guint64> (reach::nanoseconds (s.max_queue_time).count ()));
  default:
    if (id >= prop_video_buffer_size && id < prop_stats)
      return g_value_set_uint (v, static_cast<guint> (s.buffer[id - prop_video_buffer_size]));
    if (!get_tls_property (s.tls, id, v))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = server_impl (o);
  const auto server = impl.server ();
  if (id == prop_stats)
    g_value_take_boxed (v, impl.stats ());
  else if (id == prop_current_port)
    g_value_set_int (v, server ? server->port () : 0);
  else if (id == prop_current_udp_port)
    g_value_set_int (v, server ? server->udp_port () : 0);
  else
    get_setting (*impl.settings.lock (), o, id, v, spec);
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = server_impl (e);
    if ((t == GST_STATE_CHANGE_NULL_TO_READY || t == GST_STATE_CHANGE_READY_TO_PAUSED) &&
        !impl.ready ())
      return GST_STATE_CHANGE_FAILURE;
    if (t == GST_STATE_CHANGE_READY_TO_PAUSED)
      impl.start ();
    const auto ret = GST_ELEMENT_CLASS (gst_cam_media_server_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY || t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.stop ();
    return ret;
  });
}

// There is no stream that could end: the application wants it, so it is over.
static gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_cam_media_server_parent_class)->send_event (e, event);
  GstMessage *m = gst_message_new_eos (GST_OBJECT (e));
  gst_message_set_seqnum (m, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_element_post_message (e, m);
}

constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

static void install_ports (GObjectClass *k)
{
  g_object_class_install_property (k, prop_port,
      g_param_spec_int ("port", "Port",
          "Port for TCP and HTTP (0 = pick a free one, see current-port)", 0, 65535, 7100, rw));
  g_object_class_install_property (k, prop_udp_port,
      g_param_spec_int ("udp-port", "UDP port",
          "Port for senders over UDP (0 = pick a free one, see current-udp-port; -1 = no UDP)", -1,
          65535, 7100, rw));
  g_object_class_install_property (k, prop_bind_address,
      g_param_spec_string ("bind-address", "Bind address",
          "Address of this machine to listen on; \"::\" is IPv6 and IPv4", "0.0.0.0", rw));
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_int ("current-port", "Current port",
          "The TCP port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_current_udp_port,
      g_param_spec_int ("current-udp-port", "Current UDP port",
          "The UDP port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
}

static void install_buffers (GObjectClass *k)
{
  static const char *const texts[n_media_types][3] = {
      {"video-buffer-size", "Video buffer size",
          "Bytes of video that may wait for one receiver before whole GOPs are dropped"},
      {"audio-buffer-size", "Audio buffer size",
          "Bytes of audio that may wait for one receiver before the oldest is dropped"},
      {"data-buffer-size", "Data buffer size",
          "Bytes of data that may wait for one receiver before the oldest are dropped"},
      {"command-buffer-size", "Command buffer size",
          "Bytes of commands that may wait for one receiver"},
      {"file-buffer-size", "File buffer size", "Bytes of files that may wait for one receiver"}};
  const ServerSettings defaults;
  for (guint i = 0; i < n_media_types; i++)
    g_object_class_install_property (k, prop_video_buffer_size + i,
        g_param_spec_uint (texts[i][0], texts[i][1], texts[i][2], 1024, G_MAXINT,
            static_cast<guint> (defaults.buffer[i]), rw));
}

static void install_limits (GObjectClass *k)
{
  g_object_class_install_property (k, prop_loops,
      g_param_spec_uint ("loops", "Loops",
          "Threads that share the connections, each on a core of its own (0 = one per core)", 0, 64,
          0, rw));
  g_object_class_install_property (k, prop_gop_cache,
      g_param_spec_uint ("gop-cache", "GOP cache",
          "Bytes that are kept of each video stream, from its newest key frame on, so that who "
          "joins sees a picture at once (0 = none: a key frame is asked for)",
          0, G_MAXINT, 4 << 20, rw));
  g_object_class_install_property (k, prop_resume_window,
      g_param_spec_uint ("resume-window", "Resume window",
          "Seconds that a sender whose connections broke has to come back before its receivers "
          "are told that it is gone",
          0, 86400, 15, rw));
  g_object_class_install_property (k, prop_max_clients,
      g_param_spec_uint ("max-clients", "Max clients",
          "Senders and receivers served at the same time", 1, 100000, 1000, rw));
  g_object_class_install_property (k, prop_duplicate_id,
      g_param_spec_enum ("duplicate-id", "Duplicate id",
          "What happens when a second client comes with a guid that is in use",
          GST_TYPE_CAM_DUPLICATE_ID, 1, rw));
  g_object_class_install_property (k, prop_keep_client_info,
      g_param_spec_enum ("keep-client-info", "Keep client info",
          "What is kept of clients that have gone, for when they come back",
          GST_TYPE_CAM_KEEP_CLIENT_INFO, 0, rw));
  g_object_class_install_property (k, prop_state_file,
      g_param_spec_string ("state-file", "State file",
          "File in which what is kept outlives the element (NULL = none)", nullptr, rw));
  g_object_class_install_property (k, prop_user_file,
      g_param_spec_string ("user-file", "User file",
          "File with a line for each client that is let in, made by the action make-user; its "
          "token "
          "must be right (NULL = no tokens are asked for)",
          nullptr, rw));
  g_object_class_install_property (k, prop_latency,
      g_param_spec_uint ("latency", "Latency",
          "Milliseconds that recovery over UDP may take; the larger value of both sides counts", 0,
          60000, 125, rw));
  g_object_class_install_property (k, prop_max_queue_time,
      g_param_spec_uint64 ("max-queue-time", "Max queue time",
          "Nanoseconds that media may wait for one receiver before whole GOPs are dropped (0 = no "
          "limit)",
          0, G_MAXINT64, GST_SECOND, rw));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", "Statistics",
          "Clients and counters, the last ones after the run has ended (docs/stats.md)",
          GST_TYPE_STRUCTURE, ro));
}

static void gst_cam_media_server_class_init (GstCamMediaServerClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  gst_type_mark_as_plugin_api (GST_TYPE_CAM_DUPLICATE_ID, static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (GST_TYPE_CAM_KEEP_CLIENT_INFO, static_cast<GstPluginAPIFlags> (0));
  install_ports (object);
  install_limits (object);
  install_buffers (object);
  install_tls_properties (object);
  element->change_state = change_state;
  element->send_event = send_event;
  install_server_signals (G_TYPE_FROM_CLASS (klass));
  gst_element_class_set_static_metadata (element, "Cam media server", "Generic/Network",
      "Carries media from camsender to camreceiver where neither can reach the other, over UDP, "
      "TCP or HTTP",
      "The gst-plugins-reach developers");
}
