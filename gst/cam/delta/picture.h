// SPDX-License-Identifier: LGPL-2.1-or-later
// GstBuffers and caps as the delta core sees them.
#pragma once
#include "common/ref.h"
#include "proto/layout.h"
#include <gst/video/video.h>

namespace reach::delta {
#define CAM_DELTA_FORMATS                                                                          \
  "{ I420, YV12, NV12, NV21, Y42B, Y444, YUY2, UYVY, GRAY8, RGB, BGR, RGBx, BGRx, xRGB, xBGR, "    \
  "RGBA, BGRA, ARGB, ABGR }"
#define CAM_DELTA_CAPS(name)                                                                       \
  name ", format = " CAM_DELTA_FORMATS ", width = [ 1, 16384 ], height = [ 1, 16384 ], "           \
       "framerate = (fraction) [ 0, max ]"
constexpr const char *media_type = "video/x-cam-delta";

// The same fields under another name; the coded stream says all that the raw one said.
Ref<GstCaps> renamed (const GstCaps *caps, const char *name);

// Nothing when the core cannot take such pictures.
std::optional<Layout> layout_of (const GstVideoInfo &info);

// A video buffer, mapped while this lives.
class MappedPicture {
public:
  MappedPicture (const GstVideoInfo &info, GstBuffer *buffer, GstMapFlags flags);
  ~MappedPicture ();
  MappedPicture (const MappedPicture &) = delete;
  MappedPicture &operator= (const MappedPicture &) = delete;
  bool ok () const { return ok_; }
  MutableView view (); // read only unless mapped for writing

private:
  GstVideoFrame frame_{};
  bool ok_;
};

// One region-of-interest meta of the type "changed-area" for each rectangle.
void add_regions (GstBuffer *to, const Layout &layout, std::span<const Rect> rects);
} // namespace reach::delta
