// SPDX-License-Identifier: LGPL-2.1-or-later
#include "picture.h"

namespace reach::delta {
Ref<GstCaps> renamed (const GstCaps *caps, const char *name)
{
  GstStructure *s = gst_structure_copy (gst_caps_get_structure (caps, 0));
  gst_structure_set_name (s, name);
  return Ref<GstCaps>::adopt (gst_caps_new_full (s, nullptr));
}

std::optional<Layout> layout_of (const GstVideoInfo &info)
{
  if (GST_VIDEO_INFO_INTERLACE_MODE (&info) == GST_VIDEO_INTERLACE_MODE_ALTERNATE ||
      GST_VIDEO_INFO_WIDTH (&info) <= 0 || GST_VIDEO_INFO_HEIGHT (&info) <= 0)
    return {};
  return Layout::make (GST_VIDEO_INFO_NAME (&info), static_cast<unsigned> (info.width),
      static_cast<unsigned> (info.height));
}

MappedPicture::MappedPicture (const GstVideoInfo &info, GstBuffer *buffer, GstMapFlags flags)
    : ok_ (gst_video_frame_map (&frame_, &info, buffer, flags))
{
}

MappedPicture::~MappedPicture ()
{
  if (ok_)
    gst_video_frame_unmap (&frame_);
}

MutableView MappedPicture::view ()
{
  MutableView v;
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES (&frame_); i++) {
    v.data[i] = static_cast<std::uint8_t *> (GST_VIDEO_FRAME_PLANE_DATA (&frame_, i));
    v.stride[i] = static_cast<std::size_t> (GST_VIDEO_FRAME_PLANE_STRIDE (&frame_, i));
  }
  return v;
}

void add_regions (GstBuffer *to, const Layout &layout, std::span<const Rect> rects)
{
  for (const Rect &r : rects) {
    const Area a = layout.area (r);
    gst_buffer_add_video_region_of_interest_meta (to, "changed-area", a.x, a.y, a.width, a.height);
  }
}
} // namespace reach::delta
