// SPDX-License-Identifier: LGPL-2.1-or-later
#include "h264_feed.h"
#include "pace.h"
#include <algorithm>
#include <cstdio>
#include <gst/base/gstpushsrc.h>
#include <vector>

namespace reach::bench {
namespace {
constexpr unsigned fps = 30;
// Much moves in it, so that the rate is what the encoder is told. One thread, that is one slice for
// each picture, or the stream would be another on each machine.
constexpr const char *encoding =
    "videotestsrc num-buffers=60 pattern=zone-plate kx2=20 ky2=20 kt=2 ! "
    "video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=2000 key-int-max=60 ! "
    "video/x-h264,profile=constrained-baseline,stream-format=byte-stream,alignment=au ! "
    "fakesink name=out signal-handoffs=true sync=false";

// One for the process; never freed.
struct Recording {
  GstCaps *caps = nullptr;
  std::vector<GstBuffer *> frames; // the first is a key frame
};

Recording &recording ()
{
  static Recording r;
  return r;
}

void frame_cb (GstElement *, GstBuffer *buffer, GstPad *pad, gpointer)
{
  Recording &r = recording ();
  if (!r.caps)
    r.caps = gst_pad_get_current_caps (pad);
  r.frames.push_back (gst_buffer_ref (buffer));
}

bool record ()
{
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch (encoding, &error);
  if (error) {
    std::fprintf (stderr, "%s\n", error->message);
    g_error_free (error);
    return false;
  }
  GstElement *out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_signal_connect (out, "handoff", G_CALLBACK (frame_cb), nullptr);
  gst_object_unref (out);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *end = gst_bus_timed_pop_filtered (
      bus, 60 * GST_SECOND, static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool good = end && GST_MESSAGE_TYPE (end) == GST_MESSAGE_EOS;
  if (end)
    gst_message_unref (end);
  gst_object_unref (bus);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return good && recording ().caps && !recording ().frames.empty ();
}

class H264Feed {
public:
  void flush (bool on) { pace_.flush (on); }
  // Whoever is new gets a picture soon.
  void begin_again () { again_ = true; }
  // Null: flushed.
  GstBuffer *next (GstElement *element)
  {
    if (!pace_.wait ())
      return nullptr;
    const auto &frames = recording ().frames;
    if (again_.exchange (false))
      at_ = 0;
    GstBuffer *b = gst_buffer_copy (frames[at_]); // its memory is shared
    at_ = (at_ + 1) % frames.size ();
    GST_BUFFER_PTS (b) = GST_BUFFER_DTS (b) = gst_element_get_current_running_time (element);
    GST_BUFFER_DURATION (b) = static_cast<GstClockTime> (pace_.frame_ns ());
    return b;
  }

private:
  Pace pace_{fps};
  std::atomic<bool> again_{false};
  std::size_t at_ = 0;
};
} // namespace
} // namespace reach::bench

struct RtcH264Feed {
  GstPushSrc parent;
  reach::bench::H264Feed *feed;
};
struct RtcH264FeedClass {
  GstPushSrcClass parent;
};
G_DEFINE_TYPE (RtcH264Feed, rtc_h264_feed, GST_TYPE_PUSH_SRC)

static reach::bench::H264Feed &h264_feed (gpointer object)
{
  return *static_cast<RtcH264Feed *> (object)->feed;
}

static void rtc_h264_feed_init (RtcH264Feed *self)
{
  self->feed = new reach::bench::H264Feed;
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

static void rtc_h264_feed_finalize (GObject *object)
{
  delete &h264_feed (object);
  G_OBJECT_CLASS (rtc_h264_feed_parent_class)->finalize (object);
}

static GstFlowReturn rtc_h264_feed_create (GstPushSrc *base, GstBuffer **out)
{
  *out = h264_feed (base).next (GST_ELEMENT (base));
  return *out ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

static gboolean rtc_h264_feed_event (GstBaseSrc *base, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure (event);
  if (s && gst_structure_has_name (s, "GstForceKeyUnit"))
    h264_feed (base).begin_again ();
  return GST_BASE_SRC_CLASS (rtc_h264_feed_parent_class)->event (base, event);
}

static void rtc_h264_feed_class_init (RtcH264FeedClass *klass)
{
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE (
      "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-h264"));
  G_OBJECT_CLASS (klass)->finalize = rtc_h264_feed_finalize;
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &src);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Benchmark H.264", "Source",
      "Pushes H.264 that was encoded once", "gst-plugins-reach");
  auto *base = GST_BASE_SRC_CLASS (klass);
  base->get_caps = [] (GstBaseSrc *, GstCaps *) {
    return gst_caps_ref (reach::bench::recording ().caps);
  };
  base->event = rtc_h264_feed_event;
  base->unlock = [] (GstBaseSrc *b) -> gboolean { return h264_feed (b).flush (true), TRUE; };
  base->unlock_stop = [] (GstBaseSrc *b) -> gboolean { return h264_feed (b).flush (false), TRUE; };
  GST_PUSH_SRC_CLASS (klass)->create = rtc_h264_feed_create;
}

namespace reach::bench {
bool register_h264_feed ()
{
  return record () &&
         gst_element_register (nullptr, "h264feed", GST_RANK_NONE, rtc_h264_feed_get_type ());
}
} // namespace reach::bench
