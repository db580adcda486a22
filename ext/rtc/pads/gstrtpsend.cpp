// SPDX-License-Identifier: LGPL-2.1-or-later
// The sink behind a payloader. What is live goes on at once; what is not, a file say, at the pace
// of the clock. RTP goes to the peers; anything else is media whose codec is not agreed upon yet,
// and is dropped here, at its time.
#include "gstrtpsend.h"
#include "common/barrier.h"
#include "common/running_clock.h"

G_DECLARE_FINAL_TYPE (GstRtcRtpSend, gst_rtc_rtp_send, GST, RTC_RTP_SEND, GstBaseSink)

namespace reach::rtc {
namespace {
class SendImpl {
public:
  SendImpl (GstBaseSink *base, std::shared_ptr<InputChain> chain)
      : base_ (base), chain_ (std::move (chain))
  {
  }

  void start_clock () { clock_.start (GST_ELEMENT (base_)); }
  void stop_clock () { clock_.stop (); }

  bool set_caps (GstCaps *caps)
  {
    is_rtp_ = gst_structure_has_name (gst_caps_get_structure (caps, 0), "application/x-rtp");
    if (is_rtp_)
      chain_->on_rtp_caps (caps);
    return true;
  }
  // Upstream's way of producing may have changed with a new segment.
  void look_for_live ()
  {
    const auto q = Ref<GstQuery>::adopt (gst_query_new_latency ());
    gboolean live = FALSE;
    if (gst_pad_peer_query (GST_BASE_SINK_PAD (base_), q.get ()))
      gst_query_parse_latency (q.get (), &live, nullptr, nullptr);
    gst_base_sink_set_sync (base_, !live);
  }
  void ended () { chain_->on_ended (); }

  GstFlowReturn render (GstBuffer *b)
  {
    if (MediaSource *source = is_rtp_ ? chain_->source_of (b) : nullptr)
      source->push (b, captured (b));
    return GST_FLOW_OK;
  }
  GstFlowReturn render (GstBufferList *list)
  {
    if (!is_rtp_ || gst_buffer_list_length (list) == 0)
      return GST_FLOW_OK;
    GstBuffer *first = gst_buffer_list_get (list, 0); // a payloader's, of one stream
    if (MediaSource *source = chain_->source_of (first))
      source->push (list, captured (first));
    return GST_FLOW_OK;
  }

private:
  TimePoint captured (GstBuffer *b)
  {
    const TimePoint now = Clock::now ();
    const GstClockTime t = GST_BUFFER_PTS_IS_VALID (b) ? GST_BUFFER_PTS (b) : GST_BUFFER_DTS (b);
    guint64 running = 0;
    if (!GST_CLOCK_TIME_IS_VALID (t) || base_->segment.format != GST_FORMAT_TIME)
      return now;
    const int sign =
        gst_segment_to_running_time_full (&base_->segment, GST_FORMAT_TIME, t, &running);
    const std::int64_t at = clock_.running_time_of (nanoseconds (now.time_since_epoch ()).count ());
    if (sign == 0 || at == RunningClock::none)
      return now;
    return now + nanoseconds (sign * static_cast<std::int64_t> (running) - at);
  }

  GstBaseSink *base_;
  const std::shared_ptr<InputChain> chain_;
  RunningClock clock_;
  bool is_rtp_ = false; // streaming thread
};
} // namespace
} // namespace reach::rtc

struct _GstRtcRtpSend {
  GstBaseSink parent;
  reach::rtc::SendImpl *impl;
};
G_DEFINE_FINAL_TYPE (GstRtcRtpSend, gst_rtc_rtp_send, GST_TYPE_BASE_SINK)

using reach::barrier;

static reach::rtc::SendImpl &impl_of (gpointer sink)
{
  return *GST_RTC_RTP_SEND (sink)->impl;
}

static void gst_rtc_rtp_send_init (GstRtcRtpSend *self)
{
  // A peer connection without media, or without a peer, must not hold its pipeline in preroll.
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_qos_enabled (GST_BASE_SINK (self), FALSE);
}

static void finalize (GObject *o)
{
  delete GST_RTC_RTP_SEND (o)->impl;
  G_OBJECT_CLASS (gst_rtc_rtp_send_parent_class)->finalize (o);
}

static gboolean event (GstBaseSink *base, GstEvent *e)
{
  return barrier (base, FALSE, [&] {
    const GstEventType type = GST_EVENT_TYPE (e);
    if (type == GST_EVENT_SEGMENT)
      impl_of (base).look_for_live ();
    const gboolean good = GST_BASE_SINK_CLASS (gst_rtc_rtp_send_parent_class)->event (base, e);
    if (good && type == GST_EVENT_EOS)
      impl_of (base).ended ();
    return good;
  });
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange change)
{
  // Before the preroll is over and data come.
  if (change == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    impl_of (e).start_clock ();
  const auto r = GST_ELEMENT_CLASS (gst_rtc_rtp_send_parent_class)->change_state (e, change);
  if (change == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    impl_of (e).stop_clock ();
  return r;
}

static void gst_rtc_rtp_send_class_init (GstRtcRtpSendClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  auto *element = GST_ELEMENT_CLASS (klass);
  element->change_state = change_state;
  static GstStaticPadTemplate sink =
      GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template (element, &sink);
  gst_element_class_set_static_metadata (element, "RTP to peers", "Sink/Network/RTP",
      "Where RTP leaves the pipeline for peer connections", "The gst-plugins-reach developers");
  auto *base = GST_BASE_SINK_CLASS (klass);
  base->event = event;
  base->set_caps = [] (GstBaseSink *b, GstCaps *caps) -> gboolean {
    return barrier (b, FALSE, [&] () -> gboolean { return impl_of (b).set_caps (caps); });
  };
  base->render = [] (GstBaseSink *b, GstBuffer *buffer) {
    return barrier (b, GST_FLOW_ERROR, [&] { return impl_of (b).render (buffer); });
  };
  base->render_list = [] (GstBaseSink *b, GstBufferList *list) {
    return barrier (b, GST_FLOW_ERROR, [&] { return impl_of (b).render (list); });
  };
}

namespace reach::rtc {
GstElement *make_rtp_send (std::shared_ptr<InputChain> chain)
{
  auto *e = static_cast<GstRtcRtpSend *> (g_object_new (gst_rtc_rtp_send_get_type (), nullptr));
  e->impl = new SendImpl (GST_BASE_SINK (e), std::move (chain));
  return GST_ELEMENT (e);
}
} // namespace reach::rtc
