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
#include "server_properties.h"
#include "tls_properties.h"

GST_DEBUG_CATEGORY_STATIC (cammediaserver_debug);
#define GST_CAT_DEFAULT cammediaserver_debug

G_DECLARE_FINAL_TYPE (GstCamMediaServer, gst_cam_media_server, GST, CAM_MEDIA_SERVER, GstElement)

namespace reach::cam {
namespace {
// Settings have ids of their own: server_properties.h.
enum Prop : guint { prop_current_port = 1, prop_current_udp_port, prop_stats };
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
  install_server_signals (G_TYPE_FROM_CLASS (klass));
  gst_element_class_set_static_metadata (element, "Cam media server", "Generic/Network",
      "Carries media from camsender to camreceiver where neither can reach the other, over UDP, "
      "TCP or HTTP",
      "The gst-plugins-reach developers");
}
