// SPDX-License-Identifier: LGPL-2.1-or-later
#include "output_pad.h"

namespace reach::rtc {
namespace {
// So long EOS, and what is in front of it, may take to go through.
constexpr Duration last_words = milliseconds (200);
// So long a thread that is on its way downstream may take to come back by itself.
constexpr Duration patience = milliseconds (100);
} // namespace

OutputPad::OutputPad (GstBin *bin, Owner &owner, std::string name, GstPadTemplate *templ,
    MediaKind kind, bool depayload, std::string stream_id, const Prepare &prepare,
    Ref<GstTagList> tags)
    : bin_ (bin), owner_ (owner)
{
  GstElement *elements = make_rtp_output (
      {&queue_, this, kind, depayload, std::move (stream_id), std::move (tags), &delay_});
  elements_ = Ref<GstElement>::adopt (GST_ELEMENT (gst_object_ref_sink (elements)));
  const auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (elements, "src"));
  gst_bin_add (bin, elements);
  pad_ = Ref<GstPad>::adopt (GST_PAD (
      gst_object_ref_sink (gst_ghost_pad_new_from_template (name.c_str (), src.get (), templ))));
  gst_pad_set_activatemode_function_full (pad_.get (), activate, this, nullptr);
  if (prepare)
    prepare (pad_.get ());
  gst_pad_set_active (pad_.get (), TRUE);
  gst_element_add_pad (GST_ELEMENT (bin), pad_.get ());
  // Who is told of the pad has linked it by now.
  gst_element_sync_state_with_parent (elements);
}

OutputPad::~OutputPad ()
{
  queue_.end ();
  queue_.wait_idle (last_words, true);
  gst_pad_set_active (pad_.get (), FALSE);
  gst_element_set_locked_state (elements_.get (), TRUE);
  gst_element_set_state (elements_.get (), GST_STATE_NULL);
  gst_element_remove_pad (GST_ELEMENT (bin_), pad_.get ());
  gst_bin_remove (bin_, elements_.get ());
  gst_pad_set_activatemode_function (pad_.get (), gst_ghost_pad_activate_mode_default);
}

gboolean OutputPad::activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  if (active)
    return gst_ghost_pad_activate_mode_default (pad, parent, mode, active);
  return static_cast<OutputPad *> (pad->activatemodedata)->deactivate (parent, mode);
}

// A bin deactivates its src pads first of all, and waits for the thread in them. That may be stuck
// where this bin has no say, behind a full queue say: a flush brings it back.
gboolean OutputPad::deactivate (GstObject *parent, GstPadMode mode)
{
  queue_.close ();
  Ref<GstPad> stuck;
  if (!queue_.wait_idle (patience, false))
    stuck = Ref<GstPad>::adopt (gst_pad_get_peer (pad_.get ()));
  if (stuck)
    gst_pad_send_event (stuck.get (), gst_event_new_flush_start ());
  const gboolean good = gst_ghost_pad_activate_mode_default (pad_.get (), parent, mode, FALSE);
  if (stuck)
    gst_pad_send_event (stuck.get (), gst_event_new_flush_stop (FALSE));
  return good;
}

void OutputPad::set_codec (const Codec &codec)
{
  queue_.set_codec (codec);
}

void OutputPad::push (std::span<Packet> packets)
{
  queue_.push (packets);
}

void OutputPad::set_latency (Duration latency)
{
  queue_.set_latency (latency);
}

void OutputPad::set_delay (Duration delay)
{
  delay_ = nanoseconds (delay).count ();
}

void OutputPad::end ()
{
  queue_.end ();
}

OutputPad::Counts OutputPad::counts ()
{
  return queue_.counts ();
}
} // namespace reach::rtc
