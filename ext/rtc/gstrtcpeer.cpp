// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtcpeer
 * @title: rtcpeer
 *
 * A WebRTC peer connection: what goes into its sink pads is sent to another rtcpeer, a browser or a
 * WHIP server, and what that sends comes out of src pads. RTP, encoded and raw media go in; raw
 * ones are encoded for the codec that both have. What comes is depayloaded.
 *
 * With `signalling-uri` it finds the other side by itself: a channel of rtcpoolserver, or a server
 * of WHIP or WHEP. Without, the application carries descriptions and candidates, by the actions and
 * signals that webrtcbin has.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 rtcpoolserver port=7001
 * ]| brings two peers together.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! rtcpeer
 * signalling-uri=ws://127.0.0.1:7001/garden
 * ]| shows itself in the channel "garden".
 * |[
 * gst-launch-1.0 rtcpeer signalling-uri=ws://127.0.0.1:7001/garden ! decodebin ! autovideosink
 * ]| looks at it.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! tee name=t rtcpeer name=p video_0::rid=h
 * video_1::rid=l signalling-uri=ws://127.0.0.1:7001/garden t. ! queue ! x264enc tune=zerolatency !
 * p.video_0 t. ! queue ! videoscale ! video/x-raw,width=160,height=120 ! x264enc tune=zerolatency !
 * p.video_1
 * ]| the same in two sizes (simulcast), for a server that chooses for each of its viewers.
 *
 * ## Threads
 * All peers of a process share a few loop threads for sockets and protocols, and one thread that
 * emits signals and makes pads. Each src pad has a streaming thread; a sink pad has none. The
 * signals local-candidate and remote-candidate come from a loop thread and must return at once.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "live_bin.h"
#include "peer_element.h"
#include "peer_pads.h"
#include "peer_properties.h"
#include "rtcelements.h"

GST_DEBUG_CATEGORY_STATIC (rtcpeer_debug);
#define GST_CAT_DEFAULT rtcpeer_debug

G_DECLARE_FINAL_TYPE (GstRtcPeer, gst_rtc_peer, GST, RTC_PEER, GstBin)

struct _GstRtcPeer {
  GstBin parent;
  reach::rtc::PeerImpl *impl;
};
static void child_proxy_init (gpointer iface, gpointer);
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtcPeer, gst_rtc_peer, GST_TYPE_BIN,
    G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY, child_proxy_init)
        GST_DEBUG_CATEGORY_INIT (rtcpeer_debug, "rtcpeer", 0, "peer connection"))
GST_ELEMENT_REGISTER_DEFINE (rtcpeer, "rtcpeer", GST_RANK_NONE, gst_rtc_peer_get_type ())

using reach::barrier;
using namespace reach::rtc;

namespace {
PeerImpl &impl_of (gpointer e)
{
  return *GST_RTC_PEER (e)->impl;
}

GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE,
      [&] { return change_live_state (e, gst_rtc_peer_parent_class, impl_of (e), t); });
}

GstPad *request_new_pad (
    GstElement *e, GstPadTemplate *templ, const char *name, const GstCaps *caps)
{
  return barrier (e, static_cast<GstPad *> (nullptr),
      [&] { return impl_of (e).request_pad (templ, name, caps); });
}

void release_pad (GstElement *e, GstPad *pad)
{
  barrier (e, false, [&] { return impl_of (e).release_pad (pad); });
}

void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  if (!set_peer_property (impl_of (o), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  if (!get_peer_property (impl_of (o), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

// Pads go before the bin's elements do.
void dispose (GObject *o)
{
  impl_of (o).dispose ();
  G_OBJECT_CLASS (gst_rtc_peer_parent_class)->dispose (o);
}

void finalize (GObject *o)
{
  delete GST_RTC_PEER (o)->impl;
  G_OBJECT_CLASS (gst_rtc_peer_parent_class)->finalize (o);
}

// Pads are children besides the bin's elements, so that launch lines can set what they have:
// video_0::rid=h.
GObject *child_by_name (GstChildProxy *e, const char *name)
{
  if (GstPad *pad = gst_element_get_static_pad (GST_ELEMENT (e), name))
    return G_OBJECT (pad);
  const auto *parent = static_cast<GstChildProxyInterface *> (
      g_type_interface_peek_parent (GST_CHILD_PROXY_GET_INTERFACE (e)));
  return parent->get_child_by_name (e, name);
}

void add_template (GstElementClass *k, const char *name, GstPadDirection direction,
    GstPadPresence presence, const reach::Ref<GstCaps> &caps, GType type = GST_TYPE_PAD)
{
  gst_element_class_add_pad_template (
      k, gst_pad_template_new_with_gtype (name, direction, presence, caps.get (), type));
}
} // namespace

PeerImpl &reach::rtc::peer_impl (GstElement *e)
{
  return impl_of (e);
}

static void child_proxy_init (gpointer iface, gpointer)
{
  static_cast<GstChildProxyInterface *> (iface)->get_child_by_name = child_by_name;
}

static void gst_rtc_peer_init (GstRtcPeer *self)
{
  self->impl = new PeerImpl (GST_ELEMENT (self));
}

static void gst_rtc_peer_class_init (GstRtcPeerClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->dispose = dispose;
  object->finalize = finalize;
  object->set_property = set_property;
  object->get_property = get_property;
  install_peer_properties (object);
  element->change_state = change_state;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  install_peer_signals (G_TYPE_FROM_CLASS (klass));
  add_template (element, "video_%u", GST_PAD_SINK, GST_PAD_REQUEST,
      InputPad::template_caps (MediaKind::video), peer_sink_pad_type ());
  add_template (element, "audio_%u", GST_PAD_SINK, GST_PAD_REQUEST,
      InputPad::template_caps (MediaKind::audio), GST_TYPE_GHOST_PAD);
  add_template (element, "sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
      reach::Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("application/x-rtp")),
      GST_TYPE_GHOST_PAD);
  const auto any = reach::Ref<GstCaps>::adopt (gst_caps_new_any ());
  add_template (element, "data_%u", GST_PAD_SINK, GST_PAD_REQUEST, any);
  add_template (element, "datagram", GST_PAD_SINK, GST_PAD_REQUEST, any);
  add_template (element, "data_src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, any);
  add_template (element, "datagram_src", GST_PAD_SRC, GST_PAD_SOMETIMES, any);
  add_template (element, "src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, any, peer_src_pad_type ());
  gst_type_mark_as_plugin_api (peer_sink_pad_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (peer_src_pad_type (), static_cast<GstPluginAPIFlags> (0));
  gst_element_class_set_static_metadata (element, "Peer connection", "Filter/Network/WebRTC",
      "Sends and receives media and data by WebRTC", "The gst-plugins-reach developers");
}
