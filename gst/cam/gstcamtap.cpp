// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstcamtap.h"
#include "common/barrier.h"
#include "receiver_impl.h"

GST_DEBUG_CATEGORY_EXTERN (cammediaserver_debug);
#define GST_CAT_DEFAULT cammediaserver_debug

G_DECLARE_FINAL_TYPE (GstCamTap, gst_cam_tap, GST, CAM_TAP, GstGhostPad)

struct _GstCamTap {
  GstGhostPad parent;
  reach::cam::Tap *tap;
};
G_DEFINE_FINAL_TYPE (GstCamTap, gst_cam_tap, GST_TYPE_GHOST_PAD)

GType gst_cam_tap_media_type_get_type (void);
GType gst_cam_tap_media_type_get_type (void)
{
  static const GEnumValue values[] = {
      {0, "Video", "video"}, {1, "Audio", "audio"}, {2, "Data", "data"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamTapMediaType", values);
  return type;
}

namespace reach::cam {
GType tap_type ()
{
  return gst_cam_tap_get_type ();
}

GType tap_media_type_type ()
{
  return gst_cam_tap_media_type_get_type ();
}

Tap &tap_of (gpointer pad)
{
  return *GST_CAM_TAP (pad)->tap;
}

namespace {
// Its streaming threads may be in downstream, which may take its time, or be what calls us.
void dispose_later (Ref<GstElement> receiver, Ref<GstPad> pad)
{
  struct Rest {
    Ref<GstPad> pad;
  };
  gst_element_call_async (
      receiver.get (),
      [] (GstElement *e, gpointer rest) {
        if (GstPad *p = static_cast<Rest *> (rest)->pad.get ())
          gst_pad_set_active (p, FALSE);
        gst_element_set_state (e, GST_STATE_NULL);
      },
      new Rest{std::move (pad)}, [] (gpointer rest) { delete static_cast<Rest *> (rest); });
}

// A tap that brings nothing: there is no stream yet, or none any more.
void end_silent (GstPad *pad)
{
  if (GstEvent *start = gst_pad_get_sticky_event (pad, GST_EVENT_STREAM_START, 0)) {
    gst_event_unref (start);
  } else {
    // No other stream of this pipeline is called so.
    const CharPtr id (gst_object_get_path_string (GST_OBJECT_CAST (pad)));
    gst_pad_push_event (pad, gst_event_new_stream_start (id.get ()));
  }
  gst_pad_push_event (pad, gst_event_new_eos ());
}

void on_pads (GstElement *receiver, GstPad *, gpointer pad)
{
  barrier (receiver, 0, [&] {
    tap_of (pad).retarget ();
    return 0;
  });
}
} // namespace

Ref<GstElement> Tap::make_receiver (const TapSettings &s) const
{
  if (s.guid.empty ())
    return {};
  auto e = Ref<GstElement>::adopt (
      static_cast<GstElement *> (gst_object_ref_sink (g_object_new (receiver_type (), nullptr))));
  auto &impl = receiver_impl (e.get ());
  impl.settings.update ([&] (ElementSettings &x) {
    x.net.mode = Mode::caller;
    x.net.media_types = type_bit (s.type);
    x.net.timeouts.fill (LinkCore::forever); // nothing of its connection can get lost
    x.identity.guid_to = s.guid;
  });
  impl.dial.update ([this] (Dial &d) { d = dial_; });
  // Pads come with their own events behind them: the target is there before the first buffer.
  for (const char *signal : {"pad-added", "pad-removed"})
    g_signal_connect_object (
        e.get (), signal, G_CALLBACK (on_pads), pad_, static_cast<GConnectFlags> (0));
  return e;
}

void Tap::open (GstBin *server, Dial dial)
{
  dial_ = std::move (dial);
  state_.update ([server] (State &s) { s.server = server; });
  reopen ();
}

// The one that was there before. Whoever gets it takes it out of the bin.
Ref<GstElement> Tap::replace (Ref<GstElement> by)
{
  return state_.update ([&] (State &s) { return s.server ? std::exchange (s.receiver, by) : by; });
}

void Tap::reopen ()
{
  while (true) {
    GstBin *server = state_.lock ()->server;
    if (!server)
      return;
    const TapSettings now = *settings.lock ();
    const Ref<GstElement> receiver = make_receiver (now);
    if (receiver)
      gst_bin_add (server, receiver.get ());
    if (const auto old = replace (receiver)) {
      gst_bin_remove (server, old.get ());
      dispose_later (old, {});
    }
    retarget ();
    if (receiver) {
      // Another thread may have replaced it, and then takes it to NULL.
      GST_STATE_LOCK (receiver.get ());
      if (GST_OBJECT_PARENT (receiver.get ()) == GST_OBJECT_CAST (server))
        gst_element_sync_state_with_parent (receiver.get ());
      GST_STATE_UNLOCK (receiver.get ());
    }
    const auto changed = settings.lock ();
    if (changed->guid == now.guid && changed->type == now.type)
      return;
  }
}

void Tap::close ()
{
  State last;
  state_.update ([&] (State &s) { std::swap (s, last); });
  retarget ();
  auto pad = Ref<GstPad>::share (GST_PAD (pad_));
  if (!last.receiver)
    return void (gst_pad_set_active (pad.get (), FALSE));
  if (GST_OBJECT_PARENT (last.receiver.get ()) == GST_OBJECT_CAST (last.server))
    gst_bin_remove (last.server, last.receiver.get ());
  dispose_later (last.receiver, std::move (pad));
}

// The newest pad of the index: an older one may be about to end.
void Tap::retarget ()
{
  struct Search {
    guint index;
    Ref<GstPad> found;
  };
  const std::lock_guard one_at_a_time (targets_); // and what is set later is looked at later
  Search search{settings.lock ()->index, {}};
  const Ref<GstElement> receiver = state_.lock ()->receiver;
  if (receiver)
    gst_element_foreach_src_pad (
        receiver.get (),
        [] (GstElement *, GstPad *p, gpointer data) -> gboolean {
          auto *s = static_cast<Search *> (data);
          guint index = 0;
          g_object_get (p, "index", &index, nullptr);
          if (index == s->index)
            s->found = Ref<GstPad>::share (p);
          return TRUE;
        },
        &search);
  gst_ghost_pad_set_target (pad_, search.found.get ());
}

// Behind what has come already.
void Tap::send_eos ()
{
  const Ref<GstElement> receiver = state_.lock ()->receiver;
  if (const auto target = Ref<GstPad>::adopt (gst_ghost_pad_get_target (pad_)); receiver && target)
    gst_element_send_event (receiver.get (), gst_event_new_eos ());
  else if (GstBin *server = state_.lock ()->server)
    // A sink may hold it back until the pipeline's state has changed, which our caller keeps.
    gst_element_call_async (
        GST_ELEMENT (server), [] (GstElement *, gpointer pad) { end_silent (GST_PAD (pad)); },
        gst_object_ref (pad_), gst_object_unref);
}
} // namespace reach::cam

using reach::cam::MediaType;
using reach::cam::tap_of;
using reach::cam::TapSettings;

enum { tap_prop_guid = 1, tap_prop_index, tap_prop_media_type };

static void gst_cam_tap_init (GstCamTap *self)
{
  self->tap = new reach::cam::Tap (GST_GHOST_PAD (self));
}

static void tap_finalize (GObject *o)
{
  delete GST_CAM_TAP (o)->tap;
  G_OBJECT_CLASS (gst_cam_tap_parent_class)->finalize (o);
}

static void tap_set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto &tap = tap_of (o);
  switch (id) {
  case tap_prop_guid: {
    const char *text = g_value_get_string (v);
    tap.settings.update ([text] (TapSettings &s) {
      s.guid = std::string (text ? text : "").substr (0, reach::cam::max_guid);
    });
    return tap.reopen ();
  }
  case tap_prop_index:
    tap.settings.update ([v] (TapSettings &s) { s.index = g_value_get_uint (v); });
    return tap.retarget ();
  case tap_prop_media_type:
    tap.settings.update (
        [v] (TapSettings &s) { s.type = static_cast<MediaType> (g_value_get_enum (v)); });
    return tap.reopen ();
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

static void tap_get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  const TapSettings s = *tap_of (o).settings.lock ();
  switch (id) {
  case tap_prop_guid:
    return g_value_set_string (v, s.guid.empty () ? nullptr : s.guid.c_str ());
  case tap_prop_index:
    return g_value_set_uint (v, s.index);
  case tap_prop_media_type:
    return g_value_set_enum (v, static_cast<gint> (s.type));
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

/**
 * GstCamTap:guid:
 *
 * Identity of the sender whose stream is wanted, to whomever it sends. It may come later. Another
 * one takes effect at once.
 */
/**
 * GstCamTap:index:
 *
 * The media channel: the number of the sender's pad (1 for its `video_1`).
 */
/**
 * GstCamTap:media-type:
 *
 * Which of the sender's streams with this index.
 */
static void gst_cam_tap_class_init (GstCamTapClass *klass)
{
  constexpr auto rw = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  auto *object = G_OBJECT_CLASS (klass);
  object->finalize = tap_finalize;
  object->set_property = tap_set_property;
  object->get_property = tap_get_property;
  g_object_class_install_property (object, tap_prop_guid,
      g_param_spec_string (
          "guid", "GUID", "Identity of the sender whose stream is wanted", nullptr, rw));
  g_object_class_install_property (object, tap_prop_index,
      g_param_spec_uint ("index", "Index", "The media channel: the number of the sender's pad", 0,
          G_MAXUINT16, 0, rw));
  g_object_class_install_property (object, tap_prop_media_type,
      g_param_spec_enum ("media-type", "Media type",
          "Which of the sender's streams with this index", reach::cam::tap_media_type_type (), 0,
          rw));
}
