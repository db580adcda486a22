// SPDX-License-Identifier: LGPL-2.1-or-later
#include "output_pad.h"

namespace reach::rtc {
namespace {
// So long EOS, and what is in front of it, may take to go through.
constexpr Duration last_words = milliseconds (200);
} // namespace

OutputPad::OutputPad (GstBin *bin, Owner &owner, std::string name, GstPadTemplate *templ,
    MediaKind kind, bool depayload, std::string stream_id)
    : bin_ (bin), owner_ (owner)
{
  GstElement *elements =
      make_rtp_output ({&queue_, this, kind, depayload, std::move (stream_id), &delay_});
  elements_ = Ref<GstElement>::adopt (GST_ELEMENT (gst_object_ref_sink (elements)));
  const auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (elements, "src"));
  gst_bin_add (bin, elements);
  pad_ = Ref<GstPad>::adopt (GST_PAD (gst_object_ref_sink (
      gst_ghost_pad_new_from_template (name.c_str (), src.get (), templ))));
  rtp_output_set_pad (elements, pad_.get ());
  gst_pad_set_active (pad_.get (), TRUE);
  gst_element_add_pad (GST_ELEMENT (bin), pad_.get ());
  // Who is told of the pad has linked it by now.
  gst_element_sync_state_with_parent (elements);
}

OutputPad::~OutputPad ()
{
  queue_.end ();
  queue_.wait_idle (last_words, true);
  gst_element_set_locked_state (elements_.get (), TRUE);
  gst_element_set_state (elements_.get (), GST_STATE_NULL);
  gst_pad_set_active (pad_.get (), FALSE);
  gst_element_remove_pad (GST_ELEMENT (bin_), pad_.get ());
  gst_bin_remove (bin_, elements_.get ());
  rtp_output_set_pad (elements_.get (), nullptr);
}

void OutputPad::set_codec (const Codec &codec)
{
  queue_.set_codec (codec);
}

void OutputPad::push (GstBuffer *rtp, TimePoint time, bool discont)
{
  queue_.push (Ref<GstBuffer>::adopt (rtp), time, discont);
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
