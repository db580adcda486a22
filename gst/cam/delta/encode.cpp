// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encode.h"
#include "proto/rectangles.h"

namespace reach::delta {
namespace {
// A new buffer of two parts: what `fill` writes behind the header.
template <typename F>
Ref<GstBuffer> make_buffer (
    const FrameHeader &header, std::span<const Rect> rects, std::size_t payload, F &&fill)
{
  const std::size_t head = FrameHeader::size (rects.size ());
  auto b = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, head + payload, nullptr));
  GstMapInfo map;
  if (!b || !gst_buffer_map (b.get (), &map, GST_MAP_WRITE))
    return {};
  write_header (header, rects, map.data);
  fill (map.data + head);
  gst_buffer_unmap (b.get (), &map);
  return b;
}
} // namespace

PictureEncoder::PictureEncoder (const GstVideoInfo &info, const Layout &layout)
    : info_ (info), layout_ (layout), whole_ (layout.whole ()), core_ (layout, {})
{
}

PictureEncoder::Result PictureEncoder::encode (
    GstBuffer *picture, const Settings &s, bool full_wanted)
{
  EncoderSettings coding = s.coding;
  if (s.pass_through) // pictures are complete anyway
    coding.full_interval = 0;
  core_.set (coding);
  MappedPicture mapped (info_, picture, GST_MAP_READ);
  if (!mapped.ok ())
    return {{}, false, false};
  const View now = read_only (mapped.view ());
  const bool coded = !s.pass_through && !s.test_mode;
  const bool full = coded && (full_needed_ || full_wanted);
  const Encoder::Plan plan = core_.look (now, full);
  totals.pictures++;
  if (plan.identical () && s.skip_identical) {
    totals.identical++;
    return {};
  }
  Result r;
  r.key = plan.kind == Kind::full || s.pass_through || s.test_mode;
  r.buffer = s.pass_through ? passed (plan, picture, s.test_mode)
             : s.test_mode  ? test_picture (plan, now, s)
                            : code (plan, now, s);
  if (!r.buffer)
    return {{}, false, false};
  if (!coded)
    core_.follow (plan, now);
  full_needed_ = !coded; // a decoder may have marks in its picture
  if (s.region_metas && !s.pass_through)
    add_regions (r.buffer.get (), layout_, plan.rects);
  totals.full += r.key;
  totals.rectangles += plan.rects.size ();
  totals.bytes += gst_buffer_get_size (r.buffer.get ());
  totals.raw_bytes += layout_.bytes (whole_);
  return r;
}

std::span<std::uint8_t> PictureEncoder::room (std::size_t bytes)
{
  if (payload_.size () < bytes)
    payload_.resize (bytes);
  return std::span (payload_).first (bytes);
}

Ref<GstBuffer> PictureEncoder::code (const Encoder::Plan &plan, const View &now, const Settings &s)
{
  const FrameHeader header{plan.kind, Coding::raw, ++sequence_};
  if (!s.compress)
    return make_buffer (
        header, plan.rects, plan.bytes, [&] (std::uint8_t *to) { core_.write (plan, now, to); });
  const auto payload = room (plan.bytes);
  core_.write (plan, now, payload.data ());
  return frame_of (header, plan.rects, payload, s);
}

Ref<GstBuffer> PictureEncoder::test_picture (
    const Encoder::Plan &plan, const View &now, const Settings &s)
{
  const auto payload = room (layout_.bytes (whole_));
  pack (layout_, now, whole_, payload.data ());
  for (const Rect &r : plan.rects)
    outline (layout_, layout_.packed (payload.data ()), r);
  return frame_of ({Kind::full, Coding::raw, ++sequence_}, {&whole_, 1}, payload, s);
}

Ref<GstBuffer> PictureEncoder::passed (const Encoder::Plan &plan, GstBuffer *picture, bool outlined)
{
  auto b =
      Ref<GstBuffer>::adopt (outlined ? gst_buffer_copy_deep (picture) : gst_buffer_copy (picture));
  add_regions (b.get (), layout_, plan.rects);
  if (!outlined)
    return b;
  MappedPicture mapped (info_, b.get (), GST_MAP_READWRITE);
  if (!mapped.ok ())
    return {};
  for (const Rect &r : plan.rects)
    outline (layout_, mapped.view (), r);
  return b;
}

// Compressed where that makes it smaller.
Ref<GstBuffer> PictureEncoder::frame_of (
    FrameHeader header, std::span<const Rect> rects, Bytes payload, const Settings &s)
{
  std::optional<std::size_t> n;
  if (s.compress && !payload.empty ()) {
    if (!deflater_ || level_ != s.compression_level) {
      level_ = s.compression_level;
      deflater_ = std::make_unique<ZlibDeflater> (level_);
    }
    if (compressed_.size () < payload.size ())
      compressed_.resize (payload.size ());
    n = deflater_->deflate (payload, std::span (compressed_).first (payload.size ()));
  }
  if (n) {
    header.coding = Coding::zlib;
    payload = Bytes (compressed_).first (*n);
  }
  return make_buffer (header, rects, payload.size (),
      [&] (std::uint8_t *to) { std::copy (payload.begin (), payload.end (), to); });
}
} // namespace reach::delta
