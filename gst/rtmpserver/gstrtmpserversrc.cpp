// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtmpserversrc
 * @title: rtmpserversrc
 * @see_also: rtmpserversink, rtmp2src
 *
 * An RTMP server that publishers such as OBS and FFmpeg send to. A live source: each track of the
 * publisher gets a pad with parsed caps, `video_%u`, `audio_%u` and `data_%u`, in the running time
 * of the pipeline; the request pad `flv` gives all of it as one FLV stream. Codecs of RTMP and of
 * Enhanced RTMP (HEVC, AV1, VP8, VP9, Opus, FLAC, AC-3, multitrack) are taken, plain and with TLS.
 *
 * Elements with the same `bind-address` and `port` share one listener: each takes the publisher
 * whose application and name it has. An empty `stream-key` takes the next one that no other element
 * takes. When its publisher leaves, its streams end, or, with `keep-listening`, go on with GAP
 * events until another one comes.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 rtmpserversrc port=1935 application=live stream-key=cam name=s \
 *   s.video_0 ! queue ! h264parse ! avdec_h264 ! videoconvert ! autovideosink \
 *   s.audio_0 ! queue ! aacparse ! avdec_aac ! audioconvert ! autoaudiosink
 * ]| shows what is published with
 * `ffmpeg -re -i x.mp4 -c copy -f flv rtmp://127.0.0.1/live/cam`.
 * |[
 * gst-launch-1.0 -e rtmpserversrc port=1935 name=s s.flv ! queue ! filesink location=session.flv
 * ]| writes what the first publisher sends, as it is.
 *
 * ## Threads
 * The server's loop thread owns sockets and timers and puts buffers into each pad's mailbox; each
 * pad has a streaming thread. Pads are added from one further thread. Signals come from threads of
 * their own, those of one connection in order, with no lock held: a handler may take its time.
 *
 * Since: 0.1
 */
#include "common/barrier.h"
#include "rtmpelements.h"
#include "src_impl.h"

GST_DEBUG_CATEGORY (rtmpserversrc_debug);
#define GST_CAT_DEFAULT rtmpserversrc_debug

G_DECLARE_FINAL_TYPE (GstRtmpServerSrc, gst_rtmp_server_src, GST, RTMP_SERVER_SRC, GstElement)

using reach::barrier;
using namespace reach::rtmp;

namespace {
enum Prop : guint {
  prop_stream_key = first_own_property,
  prop_latency,
  prop_keep_listening,
  prop_on_duplicate,
  prop_context,
  prop_context_wait,
  prop_deferred_requests,
  prop_stats,
};

GType on_duplicate_type ()
{
  static const GType type = [] {
    static const GEnumValue values[] = {{0, "The second one is refused", "reject"},
        {1, "The second one takes over", "replace"}, {0, nullptr, nullptr}};
    return g_enum_register_static ("GstRtmpServerOnDuplicate", values);
  }();
  return type;
}
} // namespace

struct _GstRtmpServerSrc {
  GstElement parent;
  SrcImpl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtmpServerSrc, gst_rtmp_server_src, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (rtmpserversrc_debug, "rtmpserversrc", 0, "RTMP server source"))
GST_ELEMENT_REGISTER_DEFINE (
    rtmpserversrc, "rtmpserversrc", GST_RANK_NONE, gst_rtmp_server_src_get_type ())

static SrcImpl &impl_of (gpointer e)
{
  return *GST_RTMP_SERVER_SRC (e)->impl;
}

static void gst_rtmp_server_src_init (GstRtmpServerSrc *self)
{
  self->impl = new SrcImpl (GST_ELEMENT (self));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_REQUIRE_CLOCK);
}

static void finalize (GObject *o)
{
  delete GST_RTMP_SERVER_SRC (o)->impl;
  G_OBJECT_CLASS (gst_rtmp_server_src_parent_class)->finalize (o);
}

static bool set_own (SrcSettings &s, guint id, const GValue *v)
{
  switch (id) {
  case prop_stream_key:
    s.stream_key = g_value_get_string (v) ? g_value_get_string (v) : "";
    return true;
  case prop_latency:
    s.latency = reach::milliseconds (g_value_get_uint (v));
    return true;
  case prop_keep_listening:
    s.keep_listening = g_value_get_boolean (v);
    return true;
  case prop_on_duplicate:
    s.replace = g_value_get_enum (v) != 0;
    return true;
  case prop_context:
    s.context = g_value_get_string (v) ? g_value_get_string (v) : "";
    return true;
  case prop_context_wait:
    s.context_wait = reach::milliseconds (g_value_get_uint (v));
    return true;
  default:
    return false;
  }
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_deferred_requests)
    impl.desk.deferred = g_value_get_flags (v);
  else if (!impl.settings.update ([&] (SrcSettings &s) {
             return set_own (s, id, v) || set_listen_property (s.listen, id, v);
           }))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  const auto server = impl.server ();
  const SrcSettings s = *impl.settings.lock ();
  switch (id) {
  case prop_stream_key:
    return g_value_set_string (v, s.stream_key.empty () ? nullptr : s.stream_key.c_str ());
  case prop_latency:
    return g_value_set_uint (v,
        static_cast<guint> (std::chrono::duration_cast<reach::milliseconds> (s.latency).count ()));
  case prop_keep_listening:
    return g_value_set_boolean (v, s.keep_listening);
  case prop_on_duplicate:
    return g_value_set_enum (v, s.replace ? 1 : 0);
  case prop_context:
    return g_value_set_string (v, s.context.empty () ? nullptr : s.context.c_str ());
  case prop_context_wait:
    return g_value_set_uint (
        v, static_cast<guint> (
               std::chrono::duration_cast<reach::milliseconds> (s.context_wait).count ()));
  case prop_deferred_requests:
    return g_value_set_flags (v, impl.desk.deferred);
  case prop_stats:
    return g_value_take_boxed (v, impl.stats ());
  default:
    if (!get_listen_property (s.listen, server.get (), id, v))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto &impl = impl_of (e);
    if (t == GST_STATE_CHANGE_NULL_TO_READY && !impl.ready ())
      return GST_STATE_CHANGE_FAILURE;
    if (t == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
      impl.set_playing (false);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY)
      impl.end_streams ();
    const auto ret = GST_ELEMENT_CLASS (gst_rtmp_server_src_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_READY_TO_PAUSED && ret != GST_STATE_CHANGE_FAILURE)
      impl.start ();
    if (t == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
      impl.set_playing (true);
    if (t == GST_STATE_CHANGE_PAUSED_TO_READY)
      impl.stop ();
    if (t == GST_STATE_CHANGE_READY_TO_NULL)
      impl.close ();
    const bool live =
        t == GST_STATE_CHANGE_READY_TO_PAUSED || t == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
    return live && ret == GST_STATE_CHANGE_SUCCESS ? GST_STATE_CHANGE_NO_PREROLL : ret;
  });
}

static gboolean send_event (GstElement *e, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_rtmp_server_src_parent_class)->send_event (e, event);
  gst_event_unref (event);
  return barrier (e, FALSE, [&] () -> gboolean { return impl_of (e).send_eos (); });
}

static GstPad *request_new_pad (GstElement *e, GstPadTemplate *, const gchar *, const GstCaps *)
{
  return barrier<GstPad *> (e, nullptr, [&] { return impl_of (e).pads.request_flv (); });
}

static void release_pad (GstElement *e, GstPad *pad)
{
  barrier (e, 0, [&] {
    impl_of (e).pads.release_flv (pad);
    return 0;
  });
}

static void install_own_properties (GObjectClass *k)
{
  constexpr auto rw = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property (k, prop_stream_key,
      g_param_spec_string ("stream-key", "Stream key",
          "Name of the stream that is taken (NULL = of the next publisher that no other element "
          "takes)",
          nullptr, rw));
  g_object_class_install_property (k, prop_latency,
      g_param_spec_uint ("latency", "Latency",
          "Milliseconds of jitter and of interleaving that the publisher is allowed", 0, 60000, 200,
          rw));
  g_object_class_install_property (k, prop_keep_listening,
      g_param_spec_boolean ("keep-listening", "Keep listening",
          "Do not end when the publisher ends: wait in the same pads for one to come", FALSE, rw));
  g_object_class_install_property (k, prop_on_duplicate,
      g_param_spec_enum ("on-duplicate", "On duplicate",
          "What happens when a second publisher comes with the name of the present one",
          on_duplicate_type (), 0, rw));
  g_object_class_install_property (k, prop_context,
      g_param_spec_string ("context", "Context",
          "Name of a thread that pushes for all pads of all elements with this name, which costs "
          "less when there are many; nothing downstream may block it (NULL = a thread for each "
          "pad)",
          nullptr, rw));
  g_object_class_install_property (k, prop_context_wait,
      g_param_spec_uint ("context-wait", "Context wait",
          "Milliseconds that pass at least between two rounds of the thread of context", 0, 100, 0,
          rw));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters, and what is known of each connection (docs/stats.md)", GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

static void add_pad_templates (GstElementClass *element)
{
  using reach::Ref;
  const auto any = Ref<GstCaps>::adopt (gst_caps_new_any ());
  for (const auto kind : {TrackPad::Kind::video, TrackPad::Kind::audio})
    gst_element_class_add_pad_template (element,
        gst_pad_template_new (pad_name_format (kind), GST_PAD_SRC, GST_PAD_SOMETIMES, any.get ()));
  gst_element_class_add_pad_template (element,
      gst_pad_template_new (pad_name_format (TrackPad::Kind::data), GST_PAD_SRC, GST_PAD_SOMETIMES,
          Ref<GstCaps>::adopt (gst_caps_from_string ("application/x-rtmp-data, format=amf0"))
              .get ()));
  gst_element_class_add_pad_template (element,
      gst_pad_template_new (pad_name_format (TrackPad::Kind::flv), GST_PAD_SRC, GST_PAD_REQUEST,
          Ref<GstCaps>::adopt (gst_caps_from_string ("video/x-flv")).get ()));
}

static void gst_rtmp_server_src_class_init (GstRtmpServerSrcClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  element->change_state = change_state;
  element->send_event = send_event;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  install_listen_properties (object);
  install_own_properties (object);
  static const DeskClass desk{[] (gpointer e) -> Desk & { return impl_of (e).desk; }, true, false};
  install_desk (object, desk, prop_deferred_requests);
  gst_type_mark_as_plugin_api (on_duplicate_type (), static_cast<GstPluginAPIFlags> (0));
  add_pad_templates (element);
  gst_element_class_set_static_metadata (element, "RTMP server source", "Source/Network",
      "Takes what RTMP publishers such as OBS and FFmpeg send", "The gst-plugins-reach developers");
}
