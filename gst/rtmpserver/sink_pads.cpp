// SPDX-License-Identifier: LGPL-2.1-or-later
// The pads of rtmpserversink: what is put in front of them, and what passes while nobody watches.
#include "sink_impl.h"
#include <algorithm>
#include <cstdio>
#include <gst/pbutils/missing-plugins.h>

GST_DEBUG_CATEGORY_EXTERN (rtmpserversink_debug);
#define GST_CAT_DEFAULT rtmpserversink_debug

namespace reach::rtmp {
namespace {
constexpr unsigned max_index = 255; // tracks of Enhanced RTMP
constexpr GstClockTime throttle_for = GST_SECOND;

InputKind kind_of (const GstPadTemplate *t)
{
  const std::string_view name = GST_PAD_TEMPLATE_NAME_TEMPLATE (t);
  return name == "video_%u"   ? InputKind::video
         : name == "audio_%u" ? InputKind::audio
         : name == "data_%u"  ? InputKind::data
                              : InputKind::flv;
}

// Of the pad that is asked for; empty: there is none left, or it is there already.
std::string free_name (GstElement *e, const GstPadTemplate *t, const char *wanted, unsigned &index)
{
  const char *format = GST_PAD_TEMPLATE_NAME_TEMPLATE (t);
  const bool numbered = strchr (format, '%') != nullptr;
  const auto used = [&] (unsigned i) {
    const CharPtr n (g_strdup_printf (format, i));
    return static_cast<bool> (Ref<GstPad>::adopt (gst_element_get_static_pad (e, n.get ())));
  };
  if (!numbered || !wanted || std::sscanf (wanted, format, &index) != 1)
    for (index = 0; numbered && index <= max_index && used (index); index++)
      ;
  if (index > max_index || used (index))
    return {};
  return CharPtr (g_strdup_printf (format, index)).get ();
}
} // namespace

GstPad *SinkImpl::request_pad (GstPadTemplate *t, const char *wanted)
{
  unsigned index = 0;
  const std::string name = free_name (element_, t, wanted, index);
  if (name.empty ()) {
    GST_WARNING_OBJECT (
        element_, "pad %s exists already, or its number is above %u", wanted, max_index);
    return nullptr;
  }
  GstRtmpSinkStream *stream = make_sink_stream (kind_of (t), index, *this);
  gst_base_sink_set_sync (GST_BASE_SINK (stream), settings.lock ()->sync);
  gst_object_set_name (GST_OBJECT (stream), name.c_str ());
  gst_bin_add (GST_BIN (element_), GST_ELEMENT (stream));
  GST_OBJECT_FLAG_SET (element_, GST_ELEMENT_FLAG_SINK);
  GstPad *ghost = gst_ghost_pad_new_from_template (name.c_str (), GST_BASE_SINK_PAD (stream), t);
  inputs_.update ([&] (auto &all) {
    all.push_back ({ghost, Ref<GstRtmpSinkStream>::share (stream), {}});
  });
  constexpr auto types =
      static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                    GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  gst_pad_add_probe (ghost, types, probe, this, nullptr);
  gst_element_sync_state_with_parent (GST_ELEMENT (stream));
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (element_, ghost);
  return ghost;
}

void SinkImpl::release_pad (GstPad *pad)
{
  Input gone{};
  inputs_.update ([&] (auto &all) {
    const auto at = std::ranges::find_if (all, [&] (const Input &i) { return i.ghost == pad; });
    if (at == all.end ())
      return;
    gone = *at;
    all.erase (at);
  });
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element_, pad);
  if (!gone.stream)
    return;
  for (GstElement *e : {gone.front.get (), GST_ELEMENT (gone.stream.get ())})
    if (e) {
      gst_element_set_state (e, GST_STATE_NULL);
      gst_bin_remove (GST_BIN (element_), e);
    }
}

GstPadProbeReturn SinkImpl::probe (GstPad *pad, GstPadProbeInfo *info, gpointer impl)
{
  auto *self = static_cast<SinkImpl *> (impl);
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *e = gst_pad_probe_info_get_event (info);
    GstCaps *caps = nullptr;
    if (GST_EVENT_TYPE (e) == GST_EVENT_CAPS)
      gst_event_parse_caps (e, &caps);
    return !caps || self->caps_come (pad, caps) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
  }
  if (!self->is_idle ())
    return GST_PAD_PROBE_OK;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    self->throttle (pad, gst_pad_probe_info_get_buffer (info));
  return GST_PAD_PROBE_DROP;
}

// False: what is needed for these caps is not there, and that was said.
bool SinkImpl::caps_come (GstPad *ghost, GstCaps *caps)
{
  Ref<GstRtmpSinkStream> stream;
  bool has_front = false;
  inputs_.update ([&] (const auto &all) {
    for (const Input &i : all)
      if (i.ghost == ghost) {
        stream = i.stream;
        has_front = static_cast<bool> (i.front);
      }
  });
  if (!stream || has_front)
    return true; // it takes other caps of its kind too
  Front f = front_for (caps, stream_kind (stream.get ()), settings.lock ()->encoder);
  if (!f.failure.empty ()) {
    if (f.missing)
      gst_element_post_message (
          element_, gst_missing_encoder_message_new (element_, f.missing.get ()));
    GST_ELEMENT_ERROR (element_, CORE, MISSING_PLUGIN,
        ("This stream cannot be sent as it is: %s.", f.failure.c_str ()),
        ("%" GST_PTR_FORMAT, static_cast<void *> (caps)));
    return false;
  }
  if (!f.bin)
    return true;
  gst_bin_add (GST_BIN (element_), f.bin.get ());
  gst_ghost_pad_set_target (GST_GHOST_PAD (ghost), nullptr);
  const auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (f.bin.get (), "sink"));
  gst_element_link (f.bin.get (), GST_ELEMENT (stream.get ()));
  gst_element_sync_state_with_parent (f.bin.get ());
  gst_ghost_pad_set_target (GST_GHOST_PAD (ghost), sink.get ());
  inputs_.update ([&] (auto &all) {
    for (Input &i : all)
      if (i.ghost == ghost)
        i.front = f.bin;
  });
  return true;
}

bool SinkImpl::is_idle ()
{
  if (render_when_idle_)
    return false;
  const auto e = endpoint ();
  return e && e->broadcast ().players () == 0;
}

// Upstream need not make what would be dropped; a buffer a second tells that it is still there.
void SinkImpl::throttle (GstPad *ghost, GstBuffer *b)
{
  const GstEvent *sticky = gst_pad_get_sticky_event (ghost, GST_EVENT_SEGMENT, 0);
  if (!sticky)
    return;
  const auto segment = Ref<GstEvent>::adopt (const_cast<GstEvent *> (sticky));
  const GstSegment *s = nullptr;
  gst_event_parse_segment (segment.get (), &s);
  const GstClockTime t = gst_segment_to_running_time (s, s->format, GST_BUFFER_PTS (b));
  if (GST_CLOCK_TIME_IS_VALID (t))
    gst_pad_push_event (ghost, gst_event_new_qos (GST_QOS_TYPE_THROTTLE, 1.0,
                                   static_cast<GstClockTimeDiff> (throttle_for), t));
}
} // namespace reach::rtmp
