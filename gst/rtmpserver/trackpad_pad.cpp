// SPDX-License-Identifier: LGPL-2.1-or-later
// The GstPad of a TrackPad: activation, queries and events.
#include "common/barrier.h"
#include "pad_thread.h"
#include "trackpad.h"

namespace reach::rtmp {

TrackPad &TrackPad::of (GstPad *pad)
{
  return *static_cast<TrackPad *> (gst_pad_get_element_private (pad));
}

GstPad *TrackPad::make (GstElement *element)
{
  GstPadTemplate *t =
      gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (element), pad_name_format (kind));
  const CharPtr name (g_strdup_printf (pad_name_format (kind), number));
  pad_ = Ref<GstPad>::adopt (
      GST_PAD (gst_object_ref_sink (gst_pad_new_from_template (t, name.get ()))));
  GstPad *pad = pad_.get ();
  gst_pad_set_element_private (pad, this);
  g_object_set_data_full (G_OBJECT (pad), "rtmp-track",
      new std::shared_ptr<TrackPad> (shared_from_this ()),
      [] (gpointer p) { delete static_cast<std::shared_ptr<TrackPad> *> (p); });
  gst_pad_set_activatemode_function (pad, activate);
  gst_pad_set_query_function (pad, query);
  gst_pad_set_event_function (pad, handle);
  return pad;
}

void TrackPad::start ()
{
  const bool again = state_.update ([this] (State &s) {
    s.pad = pad_;
    return std::exchange (s.started, true);
  });
  if (again)
    return;
  if (shared_)
    shared_->add (shared_from_this ());
  else
    gst_pad_start_task (pad_.get (), run, pad_.get (), nullptr);
}

namespace {
// What a task does around its function: deactivating a pad waits for the lock.
template <typename F> void streaming (GstPad *pad, F &&f)
{
  GST_PAD_STREAM_LOCK (pad);
  GstElement *e = gst_pad_get_parent_element (pad);
  if (e)
    barrier (e, false, [&] {
      f ();
      return true;
    });
  GST_PAD_STREAM_UNLOCK (pad);
  if (e)
    gst_object_unref (e);
}
} // namespace

bool TrackPad::push_waiting ()
{
  constexpr unsigned most = 100;
  ready_ = false;
  const Ref<GstPad> pad = state_.lock ()->pad;
  if (!pad)
    return false;
  unsigned n = 0;
  streaming (pad.get (), [&] {
    for (Item item; n < most && take_waiting (item); n++) {
      push_sticky ();
      if (!apply (item))
        state_.update ([] (State &s) { s.failed = true; });
    }
    if (n > 0)
      pushed_ = Clock::now ();
  });
  return n == most;
}

void TrackPad::look_for_silence ()
{
  const Ref<GstPad> pad = state_.lock ()->pad;
  if (!pad)
    return;
  streaming (pad.get (), [&] {
    const bool may =
        state_.update ([] (const State &s) { return s.playing && !s.flushing && !s.failed; });
    if (may && Clock::now () - pushed_ >= silence)
      fill_silence ();
  });
}

void TrackPad::run (gpointer pad)
{
  GstElement *e = gst_pad_get_parent_element (GST_PAD (pad));
  if (!e || !barrier (e, false, [&] { return of (GST_PAD (pad)).step (); }))
    gst_pad_pause_task (GST_PAD (pad));
  if (e)
    gst_object_unref (e);
}

gboolean TrackPad::activate (GstPad *pad, GstObject *, GstPadMode mode, gboolean active)
{
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  of (pad).set_flushing (!active);
  return active || gst_pad_stop_task (pad); // start () starts it
}

gboolean TrackPad::query (GstPad *pad, GstObject *parent, GstQuery *q)
{
  if (GST_QUERY_TYPE (q) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, q);
  const auto latency = static_cast<GstClockTime> (nanoseconds (of (pad).host_.latency ()).count ());
  gst_query_set_latency (q, TRUE, latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

// RTMP has no way to ask a publisher for a key frame.
gboolean TrackPad::handle (GstPad *pad, GstObject *parent, GstEvent *e)
{
  const bool ours = GST_EVENT_TYPE (e) == GST_EVENT_LATENCY ||
                    GST_EVENT_TYPE (e) == GST_EVENT_RECONFIGURE ||
                    GST_EVENT_TYPE (e) == GST_EVENT_QOS;
  if (!ours)
    return gst_pad_event_default (pad, parent, e);
  if (GST_EVENT_TYPE (e) == GST_EVENT_RECONFIGURE) // which comes when the pad is linked
    of (pad).unlinked_ = false;
  gst_event_unref (e);
  return TRUE;
}
} // namespace reach::rtmp
