// SPDX-License-Identifier: LGPL-2.1-or-later
#include "access_unit.h"
#include "common/ref.h"
#include <array>

namespace reach::rtc {
namespace {
constexpr std::size_t head = 6;

GstPadProbeReturn drop_delimiter (GstPad *, GstPadProbeInfo *info, gpointer)
{
  GstBuffer *b = GST_PAD_PROBE_INFO_BUFFER (info);
  std::array<std::uint8_t, head + 1> start;
  const gsize n = gst_buffer_extract (b, 0, start.data (), start.size ());
  if (const std::size_t size = delimiter_size (Bytes (start).first (n)); size > 0) {
    b = gst_buffer_make_writable (b);
    gst_buffer_resize (b, static_cast<gssize> (size), -1);
    info->data = b;
  }
  return GST_PAD_PROBE_OK;
}
} // namespace

std::size_t delimiter_size (Bytes b)
{
  // A start code, or the length of what follows; then the type, and three bits that say nothing
  // here.
  const bool is = b.size () > head && b[0] == 0 && b[1] == 0 && b[2] == 0 &&
                  (b[3] == 1 || b[3] == 2) && (b[4] & 0x1f) == 9 && (b[5] & 0x1f) == 0x10;
  return is ? head : 0;
}

void drop_delimiters (GstElement *payloader)
{
  const auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (payloader, "sink"));
  gst_pad_add_probe (pad.get (), GST_PAD_PROBE_TYPE_BUFFER, drop_delimiter, nullptr, nullptr);
}
} // namespace reach::rtc
