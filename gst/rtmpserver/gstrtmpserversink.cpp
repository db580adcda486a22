// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtmpserversink
 * @title: rtmpserversink
 * @see_also: rtmpserversrc, rtmp2src
 *
 * An RTMP server that players such as ffplay, VLC and #rtmp2src watch. Each request pad is a track:
 * `video_%u` and `audio_%u` take coded streams as they are and raw ones through an encoder,
 * `data_%u` AMF0 messages, `flv` what #flvmux makes. Players begin with the newest key frame, out
 * of a cache; one that is too slow loses whole groups of pictures and never slows others.
 *
 * The tracks with number 0 are for every player, further ones for those that know Enhanced RTMP's
 * multitrack.
 *
 * Elements with the same `bind-address` and `port` share one listener: each plays what is asked for
 * by its application and name. An empty `stream-key` plays to whatever name is asked for.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency key-int-max=60 ! \
 *   rtmpserversink port=1935 application=live
 * ]| is watched with `ffplay rtmp://127.0.0.1/live/test`.
 * |[
 * gst-launch-1.0 rtmpserversink name=s port=1935 application=live \
 *   videotestsrc is-live=true ! s.video_0  audiotestsrc is-live=true ! s.audio_0
 * ]| encodes what it gets with `video-codec` and `audio-codec`.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! x264enc tune=zerolatency ! h264parse ! \
 *   flvmux streamable=true ! s.flv rtmpserversink name=s port=1935
 * ]| plays an FLV stream.
 *
 * ## Threads
 * A streaming thread hands a message to the server's loop thread and goes on: it never waits for
 * players, but at EOS up to `drain-timeout`. The loop thread owns sockets, queues and timers.
 * Signals come from threads of their own, those of one connection in order, with no lock held;
 * upstream events from a further one.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "rtmpelements.h"
#include "sink_impl.h"
#include "sink_properties.h"

GST_DEBUG_CATEGORY (rtmpserversink_debug);
#define GST_CAT_DEFAULT rtmpserversink_debug

G_DECLARE_FINAL_TYPE (GstRtmpServerSink, gst_rtmp_server_sink, GST, RTMP_SERVER_SINK, GstBin)

using reach::barrier;
using namespace reach::rtmp;

struct _GstRtmpServerSink {
  GstBin parent;
  SinkImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtmpServerSink, gst_rtmp_server_sink, GST_TYPE_BIN,
    GST_DEBUG_CATEGORY_INIT (rtmpserversink_debug, "rtmpserversink", 0, "RTMP server sink"))
GST_ELEMENT_REGISTER_DEFINE (
    rtmpserversink, "rtmpserversink", GST_RANK_NONE, gst_rtmp_server_sink_get_type ())

static SinkImpl &impl_of (gpointer e)
{
  return *GST_RTMP_SERVER_SINK (e)->impl;
}

static void gst_rtmp_server_sink_init (GstRtmpServerSink *self)
{
  self->impl = new SinkImpl (GST_ELEMENT (self));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static void dispose (GObject *o)
{
  // The pads' streams know it until they are gone.
  G_OBJECT_CLASS (gst_rtmp_server_sink_parent_class)->dispose (o);
  delete std::exchange (GST_RTMP_SERVER_SINK (o)->impl, nullptr);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == sink_deferred_requests)
    impl.desk.deferred = g_value_get_flags (v);
  else if (!impl.settings.update ([&] (SinkSettings &s) {
             return set_sink_property (s, id, v) || set_listen_property (s.listen, id, v);
           }))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  const auto server = impl.server ();
  const SinkSettings s = *impl.settings.lock ();
  if (id == sink_deferred_requests)
    g_value_set_flags (v, impl.desk.deferred);
  else if (id == sink_stats)
    g_value_take_boxed (v, impl.stats ());
  else if (!get_sink_property (s, id, v) && !get_listen_property (s.listen, server.get (), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = impl_of (e);
    if (t == GST_STATE_CHANGE_NULL_TO_READY && !impl.ready ())
      return GST_STATE_CHANGE_FAILURE;
    if (t == GST_STATE_CHANGE_READY_TO_PAUSED)
      impl.start ();
    const auto ret = GST_ELEMENT_CLASS (gst_rtmp_server_sink_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY)
      impl.stop ();
    if (t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.close ();
    return ret;
  });
}

static GstPad *request_new_pad (
    GstElement *e, GstPadTemplate *t, const gchar *name, const GstCaps *)
{
  return barrier<GstPad *> (e, nullptr, [&] { return impl_of (e).request_pad (t, name); });
}

static void release_pad (GstElement *e, GstPad *pad)
{
  barrier (e, 0, [&] {
    impl_of (e).release_pad (pad);
    return 0;
  });
}

static void add_pad_templates (GstElementClass *element)
{
  constexpr std::pair<const char *, InputKind> pads[] = {{"video_%u", InputKind::video},
      {"audio_%u", InputKind::audio}, {"data_%u", InputKind::data}, {"flv", InputKind::flv}};
  for (const auto &[name, kind] : pads)
    gst_element_class_add_pad_template (element,
        gst_pad_template_new (name, GST_PAD_SINK, GST_PAD_REQUEST, accepted_caps (kind).get ()));
}

static void gst_rtmp_server_sink_class_init (GstRtmpServerSinkClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->dispose = dispose;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  element->change_state = change_state;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  install_listen_properties (object);
  install_sink_properties (object);
  static const DeskClass desk{[] (gpointer e) -> Desk & { return impl_of (e).desk; }, false, true};
  install_desk (object, desk, sink_deferred_requests);
  install_sink_signals (G_TYPE_FROM_CLASS (klass));
  add_pad_templates (element);
  gst_element_class_set_static_metadata (element, "RTMP server sink", "Sink/Network",
      "Plays to RTMP players such as ffplay and VLC", "The gst-plugins-reach developers");
}
