// SPDX-License-Identifier: LGPL-2.1-or-later
// camdeltaenc and camdeltadec in harnesses, and the pictures that go through them.
#pragma once
#include "../plugin.h"
#include <functional>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <memory>
#include <random>
#include <string>

namespace reach::test {
struct BufferUnref {
  void operator() (GstBuffer *b) const noexcept { gst_buffer_unref (b); }
};
using BufferPtr = std::unique_ptr<GstBuffer, BufferUnref>;

inline std::string raw_caps (const char *format, int width, int height)
{
  return std::string ("video/x-raw,format=") + format + ",width=" + std::to_string (width) +
         ",height=" + std::to_string (height) + ",framerate=30/1";
}

// Pictures of one kind: making, changing, comparing them.
class Pictures {
public:
  explicit Pictures (const std::string &text) : caps (text)
  {
    GstCaps *c = gst_caps_from_string (text.c_str ());
    fail_unless (gst_video_info_from_caps (&info, c));
    gst_caps_unref (c);
  }
  // Each call is 1/30 s further.
  BufferPtr make (const std::function<void (GstVideoFrame &)> &draw)
  {
    BufferPtr b (gst_buffer_new_allocate (nullptr, info.size, nullptr));
    gst_buffer_memset (b.get (), 0, 0x55, info.size);
    GST_BUFFER_PTS (b.get ()) = time;
    GST_BUFFER_DURATION (b.get ()) = GST_SECOND / 30;
    time += GST_SECOND / 30;
    GstVideoFrame f;
    fail_unless (gst_video_frame_map (&f, &info, b.get (), GST_MAP_READWRITE));
    draw (f);
    gst_video_frame_unmap (&f);
    return b;
  }
  // A square of `value` in the first component.
  BufferPtr square (int x, int y, int side, guint8 value)
  {
    return make ([&] (GstVideoFrame &f) {
      for (int v = y; v < y + side; v++)
        for (int u = x; u < x + side; u++)
          *component (f, 0, u, v) = value;
    });
  }
  BufferPtr plain () { return square (0, 0, 0, 0); }

  static guint8 *component (GstVideoFrame &f, guint c, int x, int y)
  {
    return GST_VIDEO_FRAME_COMP_DATA (&f, c) + y * GST_VIDEO_FRAME_COMP_STRIDE (&f, c) +
           x * GST_VIDEO_FRAME_COMP_PSTRIDE (&f, c);
  }
  // The largest difference of two pictures in any component.
  int farthest (GstBuffer *a, GstBuffer *b)
  {
    GstVideoFrame fa, fb;
    fail_unless (gst_video_frame_map (&fa, &info, a, GST_MAP_READ));
    fail_unless (gst_video_frame_map (&fb, &info, b, GST_MAP_READ));
    int most = 0;
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&fa); c++)
      for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&fa, c); y++)
        for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH (&fa, c); x++)
          most = std::max (most, std::abs (*component (fa, c, x, y) - *component (fb, c, x, y)));
    gst_video_frame_unmap (&fa);
    gst_video_frame_unmap (&fb);
    return most;
  }

  std::string caps;
  GstVideoInfo info;
  GstClockTime time = 0;
};

// An element between two pads of the test.
class Harness {
public:
  explicit Harness (const char *line) : h (gst_harness_new_parse (line))
  {
    fail_unless (h != nullptr, "%s", line);
  }
  ~Harness () { gst_harness_teardown (h); }
  Harness (const Harness &) = delete;
  Harness &operator= (const Harness &) = delete;

  void start (const std::string &caps) { gst_harness_set_src_caps_str (h, caps.c_str ()); }
  GstFlowReturn push (BufferPtr b) { return gst_harness_push (h, b.release ()); }
  // Null when nothing is there: everything here happens in the pushing thread.
  BufferPtr pull () { return BufferPtr (gst_harness_try_pull (h)); }
  BufferPtr through (BufferPtr b)
  {
    fail_unless_equals_int (push (std::move (b)), GST_FLOW_OK);
    return pull ();
  }
  std::string caps_out ()
  {
    GstCaps *c = gst_pad_get_current_caps (h->sinkpad);
    fail_unless (c != nullptr);
    gchar *text = gst_caps_to_string (c);
    const std::string s = text;
    g_free (text);
    gst_caps_unref (c);
    return s;
  }
  // How many events of a type came out upstream or downstream since the last call.
  unsigned downstream (GstEventType type)
  {
    unsigned n = 0;
    while (GstEvent *e = gst_harness_try_pull_event (h)) {
      n += GST_EVENT_TYPE (e) == type;
      gst_event_unref (e);
    }
    return n;
  }
  unsigned key_requests ()
  {
    unsigned n = 0;
    while (GstEvent *e = gst_harness_try_pull_upstream_event (h)) {
      n += gst_video_event_is_force_key_unit (e);
      gst_event_unref (e);
    }
    return n;
  }
  guint64 count (const char *field)
  {
    GstElement *e = gst_bin_get_by_name (GST_BIN (h->element), "x");
    GstStructure *s = nullptr;
    g_object_get (e ? e : h->element, "stats", &s, nullptr);
    guint64 n = 0;
    fail_unless (gst_structure_get_uint64 (s, field, &n));
    gst_structure_free (s);
    if (e)
      gst_object_unref (e);
    return n;
  }

  GstHarness *h;
};

inline bool is_key (const BufferPtr &b)
{
  return !GST_BUFFER_FLAG_IS_SET (b.get (), GST_BUFFER_FLAG_DELTA_UNIT);
}

// x, y, width, height of each region-of-interest meta.
inline std::string regions_of (const BufferPtr &b)
{
  std::string s;
  gpointer state = nullptr;
  while (
      auto *m = reinterpret_cast<GstVideoRegionOfInterestMeta *> (gst_buffer_iterate_meta_filtered (
          b.get (), &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    s += std::to_string (m->x) + "," + std::to_string (m->y) + "+" + std::to_string (m->w) + "x" +
         std::to_string (m->h) + " ";
  return s;
}

// fail_unless_equals_string () looks at its arguments after temporary ones are gone.
inline void fail_unless_str (const std::string &got, const char *expected)
{
  fail_unless_equals_string (got.c_str (), expected);
}
} // namespace reach::test
