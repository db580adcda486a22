// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_pads.h"
#include "common/barrier.h"
#include <atomic>

namespace reach::rtc {
namespace {
struct SinkPad {
  std::shared_ptr<DataSink> sink;
  std::atomic<bool> text{false};
};
struct SrcPad {
  std::shared_ptr<DataSource> source;
};

// The pad owns `state`.
template <typename T> void own (GstPad *pad, T *state)
{
  gst_pad_set_element_private (pad, state);
  g_object_set_data_full (
      G_OBJECT (pad), "reach-data-pad", state, [] (gpointer p) { delete static_cast<T *> (p); });
}
template <typename T> T &state_of (GstPad *pad)
{
  return *static_cast<T *> (gst_pad_get_element_private (pad));
}

GstFlowReturn chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  const auto held = Ref<GstBuffer>::adopt (buffer);
  return barrier (parent, GST_FLOW_ERROR, [&] {
    auto &s = state_of<SinkPad> (pad);
    return s.sink->push (held.get (), s.text);
  });
}

gboolean sink_event (GstPad *pad, GstObject *, GstEvent *event)
{
  auto &s = state_of<SinkPad> (pad);
  GstCaps *caps = nullptr;
  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_CAPS:
    gst_event_parse_caps (event, &caps);
    s.text = is_text (caps);
    break;
  case GST_EVENT_EOS:
    s.sink->end ();
    break;
  case GST_EVENT_FLUSH_START:
    s.sink->set_flushing (true);
    break;
  case GST_EVENT_FLUSH_STOP:
    s.sink->set_flushing (false);
    break;
  default:
    break;
  }
  gst_event_unref (event);
  return TRUE;
}

gboolean sink_activate (GstPad *pad, GstObject *, GstPadMode mode, gboolean active)
{
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  state_of<SinkPad> (pad).sink->set_flushing (!active);
  return TRUE;
}

// Neither has other pads behind it.
GstIterator *no_links (GstPad *, GstObject *)
{
  return nullptr;
}

void task (gpointer pad)
{
  const auto source = state_of<SrcPad> (GST_PAD (pad)).source;
  if (!source->step (GST_PAD (pad)))
    gst_pad_pause_task (GST_PAD (pad));
}

gboolean src_activate (GstPad *pad, GstObject *, GstPadMode mode, gboolean active)
{
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  const auto source = state_of<SrcPad> (pad).source;
  source->set_flushing (!active);
  if (active)
    return TRUE;
  const gboolean stopped = gst_pad_stop_task (pad);
  source->reset ();
  return stopped;
}

gboolean src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
  return TRUE;
}

gboolean src_event (GstPad *, GstObject *, GstEvent *event)
{
  const auto type = GST_EVENT_TYPE (event);
  gst_event_unref (event);
  return type == GST_EVENT_LATENCY || type == GST_EVENT_RECONFIGURE || type == GST_EVENT_QOS;
}
} // namespace

bool is_text (const GstCaps *caps)
{
  if (!caps || gst_caps_get_size (caps) == 0)
    return false;
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  return gst_structure_has_name (s, "text/x-raw") ||
         gst_structure_has_name (s, "application/x-text");
}

GstPad *data_sink_pad_new (GstPadTemplate *t, const char *name, std::shared_ptr<DataSink> sink)
{
  GstPad *pad = gst_pad_new_from_template (t, name);
  own (pad, new SinkPad{std::move (sink)});
  gst_pad_set_chain_function (pad, chain);
  gst_pad_set_event_function (pad, sink_event);
  gst_pad_set_activatemode_function (pad, sink_activate);
  gst_pad_set_iterate_internal_links_function (pad, no_links);
  return pad;
}

GstPad *data_src_pad_new (GstPadTemplate *t, const char *name, std::shared_ptr<DataSource> source)
{
  GstPad *pad = gst_pad_new_from_template (t, name);
  own (pad, new SrcPad{std::move (source)});
  gst_pad_use_fixed_caps (pad);
  gst_pad_set_activatemode_function (pad, src_activate);
  gst_pad_set_query_function (pad, src_query);
  gst_pad_set_event_function (pad, src_event);
  gst_pad_set_iterate_internal_links_function (pad, no_links);
  return pad;
}

void data_src_pad_start (GstPad *pad)
{
  gst_pad_start_task (pad, task, pad, nullptr);
}
} // namespace reach::rtc
