// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turn_pusher.h"
#include <cstdio>
#include <cstdlib>

namespace reach::bench {
Pusher::Pusher (GstElement *sink)
    : sink_ (sink), src_ (gst_pad_new ("src", GST_PAD_SRC)), bus_ (gst_bus_new ())
{
  gst_object_ref_sink (sink_);
  g_object_set (sink_, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, nullptr);
  gst_element_set_bus (sink_, bus_);
  GstPad *to = gst_element_get_static_pad (sink_, "sink");
  gst_pad_set_active (src_, TRUE);
  gst_pad_link (src_, to);
  gst_object_unref (to);
  gst_element_set_state (sink_, GST_STATE_PLAYING);
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (src_, gst_event_new_stream_start ("bench"));
  gst_pad_push_event (src_, gst_event_new_segment (&segment));
}

Pusher::~Pusher ()
{
  gst_element_set_state (sink_, GST_STATE_NULL);
  gst_object_unref (sink_);
  gst_object_unref (src_);
  gst_object_unref (bus_);
}

void Pusher::push ()
{
  check (gst_pad_push (src_, gst_buffer_new_allocate (nullptr, payload, nullptr)));
}

void Pusher::push_list (guint n)
{
  GstBufferList *l = gst_buffer_list_new_sized (n);
  for (guint i = 0; i < n; i++)
    gst_buffer_list_add (l, gst_buffer_new_allocate (nullptr, payload, nullptr));
  check (gst_pad_push_list (src_, l));
}

void Pusher::check (GstFlowReturn r)
{
  if (r == GST_FLOW_OK)
    return;
  GstMessage *m = gst_bus_pop_filtered (bus_, GST_MESSAGE_ERROR);
  GError *e = nullptr;
  if (m)
    gst_message_parse_error (m, &e, nullptr);
  std::fprintf (stderr, "%s: %s\n", GST_OBJECT_NAME (sink_), e ? e->message : "refuses");
  std::exit (1);
}
} // namespace reach::bench
