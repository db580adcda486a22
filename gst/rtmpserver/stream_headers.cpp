// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_headers.h"

namespace reach::rtmp {
namespace {
constexpr std::string_view vendor = "reach";

void put_le32 (ByteWriter &w, std::uint32_t v)
{
  for (unsigned i = 0; i < 4; i++)
    w.u8 (static_cast<std::uint8_t> (v >> (8 * i)));
}

// A Vorbis comment without comments.
std::vector<std::uint8_t> comments (std::string_view magic)
{
  ByteWriter w;
  w.bytes (as_bytes (magic));
  put_le32 (w, static_cast<std::uint32_t> (vendor.size ()));
  w.bytes (as_bytes (vendor));
  put_le32 (w, 0);
  return w.take ();
}
} // namespace

StreamHeaders opus_headers (const OpusHead &head)
{
  return {build_opus_head (head), comments ("OpusTags")};
}

// As in Ogg: the first header names the mapping's version (1.0) and how many others follow.
StreamHeaders flac_headers (Bytes stream_info)
{
  ByteWriter first;
  first.u8 (0x7f);
  first.bytes (as_bytes ("FLAC"));
  first.u16 (0x0100);
  first.u16 (1);
  first.bytes (as_bytes ("fLaC"));
  first.u32 (static_cast<std::uint32_t> (stream_info.size ())); // block 0, not the last
  first.bytes (stream_info);
  const auto text = comments ({});
  ByteWriter second;
  second.u32 (0x84000000u | static_cast<std::uint32_t> (text.size ())); // block 4, the last
  second.bytes (text);
  return {first.take (), second.take ()};
}

// FLV has none: it is wide band, a frame of 20 ms per packet.
StreamHeaders speex_headers (const Sound &sound)
{
  ByteWriter w;
  w.bytes (as_bytes ("Speex   "));
  std::string version = "1.1.12";
  version.resize (20);
  w.bytes (as_bytes (version));
  constexpr std::uint32_t header_size = 80, wide_band = 1, bitstream = 4, frame_samples = 320;
  for (const std::uint32_t v : {1u, header_size, sound.rate, wide_band, bitstream,
           std::uint32_t{sound.channels}, 0xffffffffu, frame_samples, 0u, 1u, 0u, 0u, 0u})
    put_le32 (w, v);
  return {w.take (), comments ({})};
}

Ref<GstBuffer> buffer_of (Bytes bytes)
{
  GstBuffer *b = gst_buffer_new_allocate (nullptr, bytes.size (), nullptr);
  gst_buffer_fill (b, 0, bytes.data (), bytes.size ());
  return Ref<GstBuffer>::adopt (b);
}

void set_stream_headers (GstCaps *caps, const StreamHeaders &headers)
{
  GValue list = G_VALUE_INIT, value = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_ARRAY);
  g_value_init (&value, GST_TYPE_BUFFER);
  for (const auto &header : headers) {
    const auto buffer = buffer_of (header);
    GST_BUFFER_FLAG_SET (buffer.get (), GST_BUFFER_FLAG_HEADER);
    gst_value_set_buffer (&value, buffer.get ());
    gst_value_array_append_value (&list, &value);
  }
  gst_caps_set_value (caps, "streamheader", &list);
  g_value_unset (&value);
  g_value_unset (&list);
}

std::vector<std::uint8_t> first_stream_header (const GstCaps *caps)
{
  const GValue *list = gst_structure_get_value (gst_caps_get_structure (caps, 0), "streamheader");
  if (!list || !GST_VALUE_HOLDS_ARRAY (list) || gst_value_array_get_size (list) == 0)
    return {};
  const GValue *value = gst_value_array_get_value (list, 0);
  GstBuffer *buffer = GST_VALUE_HOLDS_BUFFER (value) ? gst_value_get_buffer (value) : nullptr;
  if (!buffer)
    return {};
  const Mapped map (buffer);
  const auto bytes = map.ok () ? map.bytes () : Bytes{};
  return {bytes.begin (), bytes.end ()};
}
} // namespace reach::rtmp
