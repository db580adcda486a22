// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc_feed.h"
#include "common/proto/bytes.h"
#include "pace.h"
#include <algorithm>
#include <array>
#include <gst/base/gstpushsrc.h>
#include <vector>

namespace reach::bench {
namespace {
constexpr gsize header = 12;
constexpr unsigned fps = 25;

// The parts of an IDR picture (RFC 6184, 5.8): any of them is one that a decoder may begin with.
enum Part : std::size_t { first, middle, last, parts };

GstMemory *payload_of (Part part, gsize size)
{
  std::vector<std::uint8_t> bytes (size, 0x5a);
  bytes[0] = 0x7c; // FU-A
  bytes[1] = static_cast<std::uint8_t> (5 | (part == first ? 0x80 : part == last ? 0x40 : 0));
  GstMemory *m = gst_allocator_alloc (nullptr, size, nullptr);
  GstMapInfo map;
  gst_memory_map (m, &map, GST_MAP_WRITE);
  std::copy (bytes.begin (), bytes.end (), map.data);
  gst_memory_unmap (m, &map);
  GST_MINI_OBJECT_FLAG_SET (m, GST_MEMORY_FLAG_READONLY);
  return m;
}

class RtpFeed {
public:
  explicit RtpFeed (RtpLoad load) : load_ (load)
  {
    for (std::size_t i = 0; i < parts; i++)
      payloads_[i] = payload_of (static_cast<Part> (i), load.size - header);
  }
  ~RtpFeed ()
  {
    for (GstMemory *m : payloads_)
      gst_memory_unref (m);
  }
  RtpFeed (const RtpFeed &) = delete;
  RtpFeed &operator= (const RtpFeed &) = delete;

  void flush (bool on) { pace_.flush (on); }
  // Null: flushed.
  GstBufferList *next (GstElement *element)
  {
    if (!pace_.wait ())
      return nullptr;
    const GstClockTime now = gst_element_get_current_running_time (element);
    GstBufferList *list = gst_buffer_list_new_sized (load_.packets);
    for (unsigned i = 0; i < load_.packets; i++) {
      GstBuffer *b = packet (i == 0 ? first : i + 1 == load_.packets ? last : middle);
      GST_BUFFER_PTS (b) = GST_BUFFER_DTS (b) = now;
      gst_buffer_list_add (list, b);
    }
    timestamp_ += 90000 / fps;
    return list;
  }

private:
  GstBuffer *packet (Part part)
  {
    GstBuffer *b = gst_buffer_new_allocate (nullptr, header, nullptr);
    GstMapInfo map;
    gst_buffer_map (b, &map, GST_MAP_WRITE);
    map.data[0] = 0x80;
    map.data[1] = static_cast<std::uint8_t> (102 | (part == last ? 0x80 : 0));
    store_be<std::uint16_t> (map.data + 2, sequence_++);
    store_be<std::uint32_t> (map.data + 4, timestamp_);
    store_be<std::uint32_t> (map.data + 8, 3735928559u);
    gst_buffer_unmap (b, &map);
    gst_buffer_append_memory (b, gst_memory_ref (payloads_[part]));
    if (part == last)
      GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_MARKER);
    return b;
  }

  const RtpLoad load_;
  std::array<GstMemory *, parts> payloads_{};
  Pace pace_{fps};
  std::uint32_t timestamp_ = 0;
  std::uint16_t sequence_ = 0;
};
} // namespace
} // namespace reach::bench

struct RtcRtpFeed {
  GstPushSrc parent;
  reach::bench::RtpFeed *feed;
};
struct RtcRtpFeedClass {
  GstPushSrcClass parent;
};
G_DEFINE_TYPE (RtcRtpFeed, rtc_rtp_feed, GST_TYPE_PUSH_SRC)

static RtcRtpFeed *rtp_feed (gpointer object)
{
  return static_cast<RtcRtpFeed *> (object);
}

static void rtc_rtp_feed_init (RtcRtpFeed *self)
{
  self->feed = new reach::bench::RtpFeed ({});
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

static void rtc_rtp_feed_finalize (GObject *object)
{
  delete rtp_feed (object)->feed;
  G_OBJECT_CLASS (rtc_rtp_feed_parent_class)->finalize (object);
}

static GstFlowReturn rtc_rtp_feed_create (GstPushSrc *base, GstBuffer **out)
{
  GstBufferList *list = rtp_feed (base)->feed->next (GST_ELEMENT (base));
  if (!list)
    return GST_FLOW_FLUSHING;
  *out = nullptr;
  gst_base_src_submit_buffer_list (GST_BASE_SRC (base), list);
  return GST_FLOW_OK;
}

static void rtc_rtp_feed_class_init (RtcRtpFeedClass *klass)
{
  static GstStaticPadTemplate src =
      GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  G_OBJECT_CLASS (klass)->finalize = rtc_rtp_feed_finalize;
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &src);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Benchmark RTP", "Source",
      "Pushes RTP that was made once", "gst-plugins-reach");
  auto *base = GST_BASE_SRC_CLASS (klass);
  base->get_caps = [] (GstBaseSrc *, GstCaps *) {
    return gst_caps_from_string (reach::bench::rtp_caps);
  };
  base->unlock = [] (GstBaseSrc *b) -> gboolean { return rtp_feed (b)->feed->flush (true), TRUE; };
  base->unlock_stop = [] (GstBaseSrc *b) -> gboolean {
    return rtp_feed (b)->feed->flush (false), TRUE;
  };
  GST_PUSH_SRC_CLASS (klass)->create = rtc_rtp_feed_create;
}

namespace reach::bench {
bool register_rtp_feed ()
{
  return gst_element_register (nullptr, "rtpfeed", GST_RANK_NONE, rtc_rtp_feed_get_type ());
}

void configure_rtp_feed (GstElement *feed, RtpLoad load)
{
  delete rtp_feed (feed)->feed;
  rtp_feed (feed)->feed = new RtpFeed (load);
}
} // namespace reach::bench
