// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-cammediaserver
 * @title: cammediaserver
 * @see_also: camsender, camreceiver
 *
 * Carries the streams of #camsender elements to #camreceiver elements when only this machine can
 * be reached by both. Senders push to it over TCP, HTTP or UDP; receivers pull from it over TCP or
 * HTTP; both have `mode=caller`. A sender's `guid-to` names the receiver. Frames go from socket to
 * socket, by reference, and into the pipeline only where a tap asks for them: a request pad that
 * brings one stream of the sender with the pad's `guid`.
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
 * |[
 * gst-launch-1.0 -e cammediaserver name=s tap_0::guid=camera s.tap_0 ! h264parse ! matroskamux ! \
 *   filesink location=camera.mkv
 * ]| records the video of the sender "camera", and ends with it.
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
#include "server_properties.h"
#include "tls_properties.h"

GST_DEBUG_CATEGORY (cammediaserver_debug);
#define GST_CAT_DEFAULT cammediaserver_debug

G_DECLARE_FINAL_TYPE (GstCamMediaServer, gst_cam_media_server, GST, CAM_MEDIA_SERVER, GstBin)

namespace reach::cam {
namespace {
// Settings have ids of their own: server_properties.h.
enum Prop : guint { prop_current_port = 1, prop_current_udp_port, prop_stats };
static_assert (prop_stats < first_tls_property);
} // namespace
} // namespace reach::cam

struct _GstCamMediaServer {
  GstBin parent;
  reach::cam::MediaServerImpl *impl;
};
static void child_proxy_init (gpointer iface, gpointer);
G_DEFINE_FINAL_TYPE_WITH_CODE (GstCamMediaServer, gst_cam_media_server, GST_TYPE_BIN,
    G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY, child_proxy_init)
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
  gst_bin_set_suppressed_flags (GST_BIN (self),
      static_cast<GstElementFlags> (GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK));
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
    return set_server_property (s, id, v) || set_tls_property (s.tls, id, v);
  });
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = server_impl (o);
  const auto server = impl.server ();
  if (id == prop_stats)
    return g_value_take_boxed (v, impl.stats ());
  if (id == prop_current_port)
    return g_value_set_int (v, server ? server->port () : 0);
  if (id == prop_current_udp_port)
    return g_value_set_int (v, server ? server->udp_port () : 0);
  const bool known = impl.settings.update ([&] (const ServerSettings &s) {
    return get_server_property (s, id, v) || get_tls_property (s.tls, id, v);
  });
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
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
    const bool live =
        t == GST_STATE_CHANGE_READY_TO_PAUSED || t == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
    return live && ret == GST_STATE_CHANGE_SUCCESS && impl.taps ().count () > 0
               ? GST_STATE_CHANGE_NO_PREROLL
               : ret;
  });
}

// Streams end in the taps. Without any, none could end: the application wants it, so it is over.
static gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_cam_media_server_parent_class)->send_event (e, event);
  if (barrier (e, false, [e] { return server_impl (e).taps ().send_eos (); })) {
    gst_event_unref (event);
    return TRUE;
  }
  GstMessage *m = gst_message_new_eos (GST_OBJECT (e));
  gst_message_set_seqnum (m, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_element_post_message (e, m);
}

static GstPad *request_new_pad (
    GstElement *e, GstPadTemplate *t, const gchar *name, const GstCaps *)
{
  return barrier<GstPad *> (e, nullptr, [&] { return server_impl (e).taps ().request (t, name); });
}

static void release_pad (GstElement *e, GstPad *pad)
{
  barrier (e, 0, [&] {
    server_impl (e).taps ().release (pad);
    return 0;
  });
}

// What the taps' receivers tell of their connections is nobody's business.
static void handle_message (GstBin *bin, GstMessage *m)
{
  if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ELEMENT)
    gst_message_unref (m);
  else
    GST_BIN_CLASS (gst_cam_media_server_parent_class)->handle_message (bin, m);
}

// Not the elements in the bin, but the taps.
static void child_proxy_init (gpointer iface, gpointer)
{
  auto *i = static_cast<GstChildProxyInterface *> (iface);
  i->get_children_count = [] (GstChildProxy *p) { return server_impl (p).taps ().count (); };
  i->get_child_by_index = [] (GstChildProxy *p, guint n) {
    return server_impl (p).taps ().child (n);
  };
}

static void install_read_only (GObjectClass *k)
{
  constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_int ("current-port", "Current port",
          "The TCP port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_current_udp_port,
      g_param_spec_int ("current-udp-port", "Current UDP port",
          "The UDP port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
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
  install_server_properties (object);
  install_read_only (object);
  install_tls_properties (object);
  element->change_state = change_state;
  element->send_event = send_event;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  GST_BIN_CLASS (klass)->handle_message = handle_message;
  gst_type_mark_as_plugin_api (tap_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (tap_media_type_type (), static_cast<GstPluginAPIFlags> (0));
  gst_element_class_add_pad_template (
      element, gst_pad_template_new_with_gtype (tap_name_format, GST_PAD_SRC, GST_PAD_REQUEST,
                   reach::Ref<GstCaps>::adopt (gst_caps_new_any ()).get (), tap_type ()));
  install_server_signals (G_TYPE_FROM_CLASS (klass));
  gst_element_class_set_static_metadata (element, "Cam media server", "Generic/Network",
      "Carries media from camsender to camreceiver where neither can reach the other, over UDP, "
      "TCP or HTTP",
      "The gst-plugins-reach developers");
}
