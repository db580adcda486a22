// SPDX-License-Identifier: LGPL-2.1-or-later
// camreceiver's pads: a pad with guid, index and session-key, its streaming thread, queries and
// events, and how the element adds and removes them.
#include "common/barrier.h"
#include "receiver_impl.h"
#include <algorithm>
#include <gst/video/video-event.h>

GST_DEBUG_CATEGORY_EXTERN (camreceiver_debug);
#define GST_CAT_DEFAULT camreceiver_debug

G_DECLARE_FINAL_TYPE (GstCamReceiverPad, gst_cam_receiver_pad, GST, CAM_RECEIVER_PAD, GstPad)

using reach::cam::PadOutput;
using reach::cam::ReceiverImpl;

namespace {
struct PadState {
  std::shared_ptr<PadOutput> output;
  std::function<reach::Duration ()> latency;
};
} // namespace

struct _GstCamReceiverPad {
  GstPad parent;
  PadState *state;
};
G_DEFINE_FINAL_TYPE (GstCamReceiverPad, gst_cam_receiver_pad, GST_TYPE_PAD)

enum { pad_prop_guid = 1, pad_prop_index, pad_prop_session_key };

static void gst_cam_receiver_pad_init (GstCamReceiverPad *self)
{
  self->state = new PadState;
}

static void pad_finalize (GObject *o)
{
  delete GST_CAM_RECEIVER_PAD (o)->state;
  G_OBJECT_CLASS (gst_cam_receiver_pad_parent_class)->finalize (o);
}

static void pad_get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  const auto output = GST_CAM_RECEIVER_PAD (o)->state->output;
  switch (id) {
  case pad_prop_guid:
    g_value_set_string (v, output ? output->guid.c_str () : nullptr);
    break;
  case pad_prop_index:
    g_value_set_uint (v, output ? output->index : 0);
    break;
  case pad_prop_session_key:
    g_value_set_uint64 (v, output ? output->session_key () : 0);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

/**
 * GstCamReceiverPad:guid:
 *
 * Identity of the sender of this stream; empty for a sender with use-guid=false.
 */
/**
 * GstCamReceiverPad:index:
 *
 * The media channel: the number of the sender's pad (1 for its `video_1`). This pad's own number is
 * the receiver's.
 */
/**
 * GstCamReceiverPad:session-key:
 *
 * Key of the sender's session that brings this stream. Another one after the sender was restarted,
 * if it came back within resume-window.
 */
static void gst_cam_receiver_pad_class_init (GstCamReceiverPadClass *klass)
{
  constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  auto *object = G_OBJECT_CLASS (klass);
  object->finalize = pad_finalize;
  object->get_property = pad_get_property;
  g_object_class_install_property (object, pad_prop_guid,
      g_param_spec_string ("guid", "GUID", "Identity of the sender of this stream", nullptr, ro));
  g_object_class_install_property (object, pad_prop_index,
      g_param_spec_uint ("index", "Index", "The media channel: the number of the sender's pad", 0,
          G_MAXUINT16, 0, ro));
  g_object_class_install_property (object, pad_prop_session_key,
      g_param_spec_uint64 ("session-key", "Session key",
          "Key of the sender's session that brings this stream", 0, G_MAXUINT64, 0, ro));
}

static void pad_task (gpointer pad)
{
  const auto output = GST_CAM_RECEIVER_PAD (pad)->state->output;
  if (!output->step ())
    gst_pad_pause_task (GST_PAD (pad));
}

static gboolean pad_activate (GstPad *pad, GstObject *, GstPadMode mode, gboolean active)
{
  const auto output = GST_CAM_RECEIVER_PAD (pad)->state->output;
  if (mode != GST_PAD_MODE_PUSH || !output)
    return FALSE;
  output->set_flushing (!active);
  // The task starts when the pad has been added and linked: see ReceiverImpl::add_pad.
  return active || gst_pad_stop_task (pad);
}

static gboolean pad_query (GstPad *pad, GstObject *parent, GstQuery *q)
{
  if (GST_QUERY_TYPE (q) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, q);
  const auto latency = static_cast<GstClockTime> (
      reach::nanoseconds (GST_CAM_RECEIVER_PAD (pad)->state->latency ()).count ());
  gst_query_set_latency (q, TRUE, latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static gboolean pad_event (GstPad *pad, GstObject *parent, GstEvent *e)
{
  const auto *state = GST_CAM_RECEIVER_PAD (pad)->state;
  if (gst_video_event_is_force_key_unit (e)) {
    gst_event_unref (e);
    state->output->want_key ();
    return TRUE;
  }
  const bool ours = GST_EVENT_TYPE (e) == GST_EVENT_LATENCY ||
                    GST_EVENT_TYPE (e) == GST_EVENT_RECONFIGURE ||
                    GST_EVENT_TYPE (e) == GST_EVENT_QOS;
  if (!ours)
    return gst_pad_event_default (pad, parent, e);
  gst_event_unref (e);
  return TRUE;
}

namespace reach::cam {
GType receiver_pad_type ()
{
  return gst_cam_receiver_pad_get_type ();
}

void ReceiverImpl::add_pad (
    const std::shared_ptr<PadOutput> &output, const std::string &name, bool start)
{
  GstPadTemplate *t = gst_element_class_get_pad_template (
      GST_ELEMENT_GET_CLASS (element_), pad_name_formats[static_cast<std::size_t> (output->type)]);
  auto *pad = static_cast<GstPad *> (g_object_new (gst_cam_receiver_pad_get_type (), "name",
      name.c_str (), "direction", GST_PAD_SRC, "template", t, nullptr));
  auto *state = GST_CAM_RECEIVER_PAD (pad)->state;
  state->output = output;
  state->latency = [this] { return settings.lock ()->net.latency; };
  output->set_pad (pad);
  gst_pad_set_activatemode_function (pad, pad_activate);
  gst_pad_set_query_function (pad, pad_query);
  gst_pad_set_event_function (pad, pad_event);
  const bool playing = clock_.running ();
  output->set_playing (playing);
  gst_pad_set_active (pad, TRUE);
  output->preset_sticky (); // whoever links in pad-added sees the caps at once
  gst_element_add_pad (element_, pad);
  if (start)
    gst_pad_start_task (pad, pad_task, pad, nullptr);
}

// Nothing flows before every pad of the sender's list is there and linked: a muxer must not write
// its header when it has seen the first of two streams.
void ReceiverImpl::start_pads ()
{
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads)
    if (p->pad () && gst_pad_get_task_state (p->pad ()) == GST_TASK_STOPPED)
      gst_pad_start_task (p->pad (), pad_task, p->pad (), nullptr);
}

void ReceiverImpl::remove_pad (PadOutput *output)
{
  const auto held = find (output);
  if (!held)
    return;
  const auto t = held->totals ();
  pads_.update ([&] (Pads &p) {
    p.all.erase (std::remove (p.all.begin (), p.all.end (), held), p.all.end ());
  });
  gone_.update ([&] (PadTotals &g) {
    g.frames += t.frames;
    g.bytes += t.bytes;
    g.frames_lost += t.lost;
    g.frames_dropped += t.dropped;
  });
  GstPad *pad = held->pad ();
  if (!pad)
    return;
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element_, pad);
}

void ReceiverImpl::post_collection ()
{
  GstStreamCollection *c =
      gst_stream_collection_new (CharPtr (g_strdup_printf ("camreceiver-%u", group_id_)).get ());
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads)
    gst_stream_collection_add_stream (c, static_cast<GstStream *> (gst_object_ref (p->stream ())));
  for (const auto &p : pads)
    p->push_event (gst_event_new_stream_collection (c));
  gst_element_post_message (element_, gst_message_new_stream_collection (GST_OBJECT (element_), c));
  gst_object_unref (c);
}
} // namespace reach::cam
