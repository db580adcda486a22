// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtcpoolserver
 * @title: rtcpoolserver
 *
 * A signalling server inside a pipeline: peers that join the same pool, or name the same channel,
 * get each other's descriptions and candidates (docs/protocol-signalling.md), over WebSocket or
 * socket.io. It speaks the protocol of RTCPool, both versions at once. It needs no pads. The same
 * port can serve the files of a folder, so that a page and its peer connections come from one
 * place.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtcpoolserver port=7001
 * ]| is a server, until it is interrupted.
 *
 * ## Threads
 * One thread has all connections. Signals and messages come from a further one, with no lock held.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "poolserver_impl.h"
#include "rtcelements.h"

GST_DEBUG_CATEGORY_STATIC (rtcpoolserver_debug);
#define GST_CAT_DEFAULT rtcpoolserver_debug

G_DECLARE_FINAL_TYPE (GstRtcPoolServer, gst_rtc_pool_server, GST, RTC_POOL_SERVER, GstElement)

struct _GstRtcPoolServer {
  GstElement parent;
  reach::rtc::PoolServerImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtcPoolServer, gst_rtc_pool_server, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (rtcpoolserver_debug, "rtcpoolserver", 0, "signalling server"))
GST_ELEMENT_REGISTER_DEFINE (
    rtcpoolserver, "rtcpoolserver", GST_RANK_NONE, gst_rtc_pool_server_get_type ())

using reach::barrier;
using namespace reach::rtc;

namespace {
PoolServerImpl &impl_of (gpointer e)
{
  return *GST_RTC_POOL_SERVER (e)->impl;
}

void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  const bool known = impl_of (o).settings.update (
      [&] (PoolServerSettings &s) { return set_pool_server_property (s, id, v); });
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_stats)
    return g_value_take_boxed (v, impl.stats ());
  if (id == prop_current_port)
    return g_value_set_uint (v, impl.port ());
  if (!get_pool_server_property (*impl.settings.lock (), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = impl_of (e);
    if (t == GST_STATE_CHANGE_NULL_TO_READY && !impl.start ())
      return GST_STATE_CHANGE_FAILURE;
    const auto ret = GST_ELEMENT_CLASS (gst_rtc_pool_server_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.stop ();
    return ret;
  });
}

// No stream ends here: where the application wants an end, it is over.
gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_rtc_pool_server_parent_class)->send_event (e, event);
  GstMessage *m = gst_message_new_eos (GST_OBJECT (e));
  gst_message_set_seqnum (m, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_element_post_message (e, m);
}

void finalize (GObject *o)
{
  delete GST_RTC_POOL_SERVER (o)->impl;
  G_OBJECT_CLASS (gst_rtc_pool_server_parent_class)->finalize (o);
}
} // namespace

static void gst_rtc_pool_server_init (GstRtcPoolServer *self)
{
  self->impl = new PoolServerImpl (GST_ELEMENT (self));
  // So that an EOS event sent to the pipeline reaches it, and the pipeline takes its EOS for its
  // own.
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void gst_rtc_pool_server_class_init (GstRtcPoolServerClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_property;
  object->get_property = get_property;
  install_pool_server_properties (object);
  element->change_state = change_state;
  element->send_event = send_event;
  install_pool_server_signals (G_TYPE_FROM_CLASS (klass), impl_of);
  gst_element_class_set_static_metadata (element, "Signalling server", "Generic/Network",
      "Brings peers of a pool or a channel together over WebSocket and socket.io",
      "The gst-plugins-reach developers");
}
