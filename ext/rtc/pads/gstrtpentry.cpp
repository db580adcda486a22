// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes everything on. Behind it elements come and go between two buffers, in the streaming
// thread, so that nothing has to be blocked for it.
#include "common/barrier.h"
#include "gstrtpsend.h"

G_DECLARE_FINAL_TYPE (GstRtcRtpEntry, gst_rtc_rtp_entry, GST, RTC_RTP_ENTRY, GstElement)

struct _GstRtcRtpEntry {
  GstElement parent;
  GstPad *src;
  std::shared_ptr<reach::rtc::InputChain> *chain;
};
G_DEFINE_FINAL_TYPE (GstRtcRtpEntry, gst_rtc_rtp_entry, GST_TYPE_ELEMENT)

using reach::barrier, reach::Ref;

namespace {
reach::rtc::InputChain &chain_of (GstObject *entry)
{
  return **GST_RTC_RTP_ENTRY (entry)->chain;
}

GstFlowReturn pad_chain (GstPad *, GstObject *parent, GstBuffer *b)
{
  const bool good = barrier (parent, false, [&] {
    chain_of (parent).before_data ();
    return true;
  });
  if (good)
    return gst_pad_push (GST_RTC_RTP_ENTRY (parent)->src, b);
  gst_buffer_unref (b);
  return GST_FLOW_ERROR;
}

GstFlowReturn pad_chain_list (GstPad *, GstObject *parent, GstBufferList *list)
{
  const bool good = barrier (parent, false, [&] {
    chain_of (parent).before_data ();
    return true;
  });
  if (good)
    return gst_pad_push_list (GST_RTC_RTP_ENTRY (parent)->src, list);
  gst_buffer_list_unref (list);
  return GST_FLOW_ERROR;
}

gboolean pad_event (GstPad *pad, GstObject *parent, GstEvent *e)
{
  if (GST_EVENT_TYPE (e) == GST_EVENT_CAPS) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps (e, &caps);
    if (!barrier (parent, false, [&] { return chain_of (parent).on_input_caps (caps); })) {
      gst_event_unref (e);
      return FALSE;
    }
    return gst_pad_push_event (GST_RTC_RTP_ENTRY (parent)->src, e);
  }
  return gst_pad_event_default (pad, parent, e);
}

// Caps may become any that the chain can be changed for, not only what stands behind it now.
gboolean pad_query (GstPad *pad, GstObject *parent, GstQuery *q)
{
  if (GST_QUERY_TYPE (q) == GST_QUERY_CAPS) {
    GstCaps *filter = nullptr;
    gst_query_parse_caps (q, &filter);
    auto caps = chain_of (parent).accepted_caps ();
    if (filter)
      caps = Ref<GstCaps>::adopt (
          gst_caps_intersect_full (filter, caps.get (), GST_CAPS_INTERSECT_FIRST));
    gst_query_set_caps_result (q, caps.get ());
    return TRUE;
  }
  if (GST_QUERY_TYPE (q) == GST_QUERY_ACCEPT_CAPS) {
    GstCaps *caps = nullptr;
    gst_query_parse_accept_caps (q, &caps);
    gst_query_set_accept_caps_result (
        q, gst_caps_can_intersect (caps, chain_of (parent).accepted_caps ().get ()));
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, q);
}

void finalize (GObject *o)
{
  delete GST_RTC_RTP_ENTRY (o)->chain;
  G_OBJECT_CLASS (gst_rtc_rtp_entry_parent_class)->finalize (o);
}

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
} // namespace

static void gst_rtc_rtp_entry_init (GstRtcRtpEntry *self)
{
  self->chain = nullptr;
  GstPad *sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (sink, pad_chain);
  gst_pad_set_chain_list_function (sink, pad_chain_list);
  gst_pad_set_event_function (sink, pad_event);
  gst_pad_set_query_function (sink, pad_query);
  gst_element_add_pad (GST_ELEMENT (self), sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}

static void gst_rtc_rtp_entry_class_init (GstRtcRtpEntryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  auto *element = GST_ELEMENT_CLASS (klass);
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "RTP input", "Generic",
      "Where media enter a peer connection", "The gst-plugins-reach developers");
}

namespace reach::rtc {
GstElement *make_rtp_entry (std::shared_ptr<InputChain> chain)
{
  auto *e = static_cast<GstRtcRtpEntry *> (g_object_new (gst_rtc_rtp_entry_get_type (), nullptr));
  e->chain = new std::shared_ptr<InputChain> (std::move (chain));
  return GST_ELEMENT (e);
}
} // namespace reach::rtc
