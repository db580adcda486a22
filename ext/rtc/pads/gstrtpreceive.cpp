// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/barrier.h"
#include "receive_stream.h"
#include <gst/video/video-event.h>

G_DECLARE_FINAL_TYPE (GstRtcRtpReceive, gst_rtc_rtp_receive, GST, RTC_RTP_RECEIVE, GstElement)

using reach::barrier, reach::nanoseconds, reach::Ref, reach::rtc::ReceiveStream;

// The source, and its thread: the task of its pad.
struct _GstRtcRtpReceive {
  GstElement parent;
  GstPad *src;
  ReceiveStream *stream; // owned
};
G_DEFINE_FINAL_TYPE (GstRtcRtpReceive, gst_rtc_rtp_receive, GST_TYPE_ELEMENT)

namespace {
ReceiveStream &stream_of (gpointer source)
{
  return *GST_RTC_RTP_RECEIVE (source)->stream;
}

void task (gpointer source)
{
  if (!barrier (source, false, [source] { return stream_of (source).step (); }))
    gst_pad_pause_task (GST_RTC_RTP_RECEIVE (source)->src);
}

gboolean activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  ReceiveStream &stream = stream_of (parent);
  if (active) {
    stream.queue ().open ();
    return gst_pad_start_task (pad, task, parent, nullptr);
  }
  stream.queue ().close ();
  const gboolean good = gst_pad_stop_task (pad);
  stream.reset ();
  return good;
}

gboolean query (GstPad *pad, GstObject *parent, GstQuery *q)
{
  if (GST_QUERY_TYPE (q) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, q);
  const auto latency =
      static_cast<GstClockTime> (nanoseconds (stream_of (parent).queue ().latency ()).count ());
  gst_query_set_latency (q, TRUE, latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

gboolean pad_event (GstPad *pad, GstObject *parent, GstEvent *e)
{
  if (gst_video_event_is_force_key_unit (e)) {
    gst_event_unref (e);
    return barrier (parent, FALSE, [parent] () -> gboolean {
      stream_of (parent).want_keyframe ();
      return TRUE;
    });
  }
  switch (GST_EVENT_TYPE (e)) {
  case GST_EVENT_LATENCY:
  case GST_EVENT_RECONFIGURE:
  case GST_EVENT_QOS:
    gst_event_unref (e);
    return TRUE;
  default:
    return gst_pad_event_default (pad, parent, e);
  }
}

GstStateChangeReturn change_state (GstElement *e, GstStateChange change)
{
  if (change == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    stream_of (e).play (false);
  const auto r = GST_ELEMENT_CLASS (gst_rtc_rtp_receive_parent_class)->change_state (e, change);
  if (r == GST_STATE_CHANGE_FAILURE)
    return r;
  if (change == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    stream_of (e).play (true);
  // Live: nothing comes while it does not play.
  const bool paused =
      change == GST_STATE_CHANGE_READY_TO_PAUSED || change == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
  return paused ? GST_STATE_CHANGE_NO_PREROLL : r;
}

void finalize (GObject *o)
{
  delete GST_RTC_RTP_RECEIVE (o)->stream;
  G_OBJECT_CLASS (gst_rtc_rtp_receive_parent_class)->finalize (o);
}

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
} // namespace

static void gst_rtc_rtp_receive_init (GstRtcRtpReceive *self)
{
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_activatemode_function (self->src, activate);
  gst_pad_set_query_function (self->src, query);
  gst_pad_set_event_function (self->src, pad_event);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
}

static void gst_rtc_rtp_receive_class_init (GstRtcRtpReceiveClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  auto *element = GST_ELEMENT_CLASS (klass);
  element->change_state = change_state;
  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "RTP from a peer", "Source/Network/RTP",
      "One received track of a peer connection", "The gst-plugins-reach developers");
}

namespace reach::rtc {
GstElement *make_rtp_output (const ReceiveConfig &config)
{
  GstElement *bin = gst_bin_new (nullptr);
  auto *source =
      static_cast<GstRtcRtpReceive *> (g_object_new (gst_rtc_rtp_receive_get_type (), nullptr));
  GstElement *last = gst_element_factory_make ("identity", nullptr);
  g_object_set (last, "silent", TRUE, nullptr);
  gst_bin_add_many (GST_BIN (bin), GST_ELEMENT (source), last, nullptr);
  source->stream = new ReceiveStream (config, bin, GST_ELEMENT (source), source->src, last);
  const auto target = Ref<GstPad>::adopt (gst_element_get_static_pad (last, "src"));
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", target.get ()));
  return bin;
}
} // namespace reach::rtc
