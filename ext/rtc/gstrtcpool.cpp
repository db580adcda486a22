// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtcpool
 * @title: rtcpool
 *
 * A member of a pool: what goes into its sink pads is encoded and payloaded once and sent to every
 * other member, present and future; what those send comes out of src pads, which say whose it is.
 * The pool is one of rtcpoolserver or of RTCPool's back-end, and its members may be browsers with
 * the rtcpool package, or this element. Without pads and channels it only tells who is there.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 rtcpoolserver port=7001
 * ]| is a server.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! rtcpool signalling-uri=ws://127.0.0.1:7001 pool=garden
 * ]| shows itself to everybody in "garden".
 * |[
 * gst-launch-1.0 -m rtcpool signalling-uri=ws://127.0.0.1:7001 pool=garden ! decodebin ! \
 *   autovideosink
 * ]| looks at the first one there is.
 *
 * ## Threads
 * As rtcpeer: a few loop threads and one for signals and pads, which all elements of the process
 * share; each src pad has a streaming thread, a member has none.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "live_bin.h"
#include "pool_impl.h"
#include "pool_pad.h"
#include "rtcelements.h"

GST_DEBUG_CATEGORY_STATIC (rtcpool_debug);
#define GST_CAT_DEFAULT rtcpool_debug

G_DECLARE_FINAL_TYPE (GstRtcPool, gst_rtc_pool, GST, RTC_POOL, GstBin)

struct _GstRtcPool {
  GstBin parent;
  reach::rtc::PoolImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtcPool, gst_rtc_pool, GST_TYPE_BIN,
    GST_DEBUG_CATEGORY_INIT (rtcpool_debug, "rtcpool", 0, "member of a pool"))
GST_ELEMENT_REGISTER_DEFINE (rtcpool, "rtcpool", GST_RANK_NONE, gst_rtc_pool_get_type ())

using reach::barrier, reach::Ref;
using namespace reach::rtc;

PoolImpl &reach::rtc::pool_impl (GstElement *e)
{
  return *GST_RTC_POOL (e)->impl;
}

namespace {
PoolImpl &impl_of (gpointer e)
{
  return *GST_RTC_POOL (e)->impl;
}

GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE,
      [&] { return change_live_state (e, gst_rtc_pool_parent_class, impl_of (e), t); });
}

GstPad *request_new_pad (GstElement *e, GstPadTemplate *templ, const char *name, const GstCaps *)
{
  return barrier (
      e, static_cast<GstPad *> (nullptr), [&] { return impl_of (e).request_pad (templ, name); });
}

void release_pad (GstElement *e, GstPad *pad)
{
  barrier (e, false, [&] { return impl_of (e).release_pad (pad); });
}

void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  if (!set_pool_property (impl_of (o), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  if (!get_pool_property (impl_of (o), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

// Pads go before the bin's elements do.
void dispose (GObject *o)
{
  impl_of (o).dispose ();
  G_OBJECT_CLASS (gst_rtc_pool_parent_class)->dispose (o);
}

void finalize (GObject *o)
{
  delete GST_RTC_POOL (o)->impl;
  G_OBJECT_CLASS (gst_rtc_pool_parent_class)->finalize (o);
}

void add_templates (GstElementClass *k)
{
  const auto add = [k] (const char *name, GstPadDirection d, GstPadPresence p,
                       const Ref<GstCaps> &caps, GType type) {
    gst_element_class_add_pad_template (
        k, gst_pad_template_new_with_gtype (name, d, p, caps.get (), type));
  };
  const auto any = Ref<GstCaps>::adopt (gst_caps_new_any ());
  add ("video_%u", GST_PAD_SINK, GST_PAD_REQUEST, InputPad::template_caps (MediaKind::video),
      GST_TYPE_GHOST_PAD);
  add ("audio_%u", GST_PAD_SINK, GST_PAD_REQUEST, InputPad::template_caps (MediaKind::audio),
      GST_TYPE_GHOST_PAD);
  // Behind those of media, which come first where a launch line names no pad.
  add ("data_%u", GST_PAD_SINK, GST_PAD_REQUEST, any, GST_TYPE_PAD);
  add ("data_src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, any, GST_TYPE_PAD);
  add ("src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, any, pool_pad_type ());
}
} // namespace

static void gst_rtc_pool_init (GstRtcPool *self)
{
  self->impl = new PoolImpl (GST_ELEMENT (self));
}

static void gst_rtc_pool_class_init (GstRtcPoolClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->dispose = dispose;
  object->finalize = finalize;
  object->set_property = set_property;
  object->get_property = get_property;
  install_pool_properties (object);
  element->change_state = change_state;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  install_pool_signals (G_TYPE_FROM_CLASS (klass));
  add_templates (element);
  gst_element_class_set_static_metadata (element, "Pool of peers", "Filter/Network/WebRTC",
      "Exchanges media and data with all members of a pool", "The gst-plugins-reach developers");
}
