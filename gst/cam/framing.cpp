// SPDX-License-Identifier: LGPL-2.1-or-later
#include "framing.h"
#include "names.h"
#include <algorithm>

namespace reach::cam {
namespace {
struct FlagPair {
  guint gst;
  std::uint32_t wire;
};
constexpr FlagPair flag_pairs[] = {
    {GST_BUFFER_FLAG_DELTA_UNIT, frame_delta_unit},
    {GST_BUFFER_FLAG_DISCONT, frame_discont},
    {GST_BUFFER_FLAG_HEADER, frame_header},
    {GST_BUFFER_FLAG_MARKER, frame_marker},
    {GST_BUFFER_FLAG_DROPPABLE, frame_droppable},
    {GST_BUFFER_FLAG_GAP, frame_gap},
    {GST_BUFFER_FLAG_CORRUPTED, frame_corrupted},
    {GST_BUFFER_FLAG_LIVE, frame_live},
    {GST_BUFFER_FLAG_RESYNC, frame_resync},
};

// A message that keeps the buffer whose bytes it sends. One piece of system memory needs no lasting
// mapping: it stays where it is and nobody may write to it while we hold the buffer. That matters,
// because a memory counts its mappings in eight bits, and a source may send the same memory over
// and over.
class BufferMessage final : public Message {
public:
  explicit BufferMessage (GstBuffer *b) : buffer_ (Ref<GstBuffer>::share (b)) {}
  ~BufferMessage () override
  {
    if (map_)
      gst_buffer_unmap (buffer_.get (), map_.get ());
  }
  // False: the buffer cannot be read.
  bool hold ()
  {
    GstBuffer *b = buffer_.get ();
    GstMemory *m = gst_buffer_n_memory (b) == 1 ? gst_buffer_peek_memory (b, 0) : nullptr;
    if (m && gst_memory_is_type (m, GST_ALLOCATOR_SYSMEM)) {
      GstMapInfo map;
      if (!gst_memory_map (m, &map, GST_MAP_READ))
        return false;
      bytes_ = {map.data, map.size};
      gst_memory_unmap (m, &map);
      return true;
    }
    auto map = std::make_unique<GstMapInfo> ();
    if (!gst_buffer_map (b, map.get (), GST_MAP_READ))
      return false;
    map_ = std::move (map);
    bytes_ = {map_->data, map_->size};
    return true;
  }
  void frame (
      MediaType media, std::uint16_t stream, const FrameHeader &h, Bytes extension, TimePoint now)
  {
    set_frame (media, stream, h, extension, bytes_, now);
  }

private:
  Ref<GstBuffer> buffer_;
  std::unique_ptr<GstMapInfo> map_;
  Bytes bytes_;
};

// Extensions (docs/protocol-cam.md, "Frame extensions"): type, length, value; zeroes fill up to 16
// bytes.
constexpr std::uint16_t extension_reference_time = 1;
constexpr std::size_t max_extension = Message::max_head - MessageHeader::size - FrameHeader::size;

std::vector<std::uint8_t> extension_of (GstBuffer *b)
{
  const GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (b, nullptr);
  if (!meta)
    return {};
  const CharPtr caps (gst_caps_to_string (meta->reference));
  const std::string_view text = caps.get ();
  if (4 + 16 + text.size () > max_extension)
    return {}; // a reference nobody has named so far; the frame itself matters more
  ByteWriter w;
  w.u16 (extension_reference_time);
  w.u16 (static_cast<std::uint16_t> (16 + text.size ()));
  w.u64 (meta->timestamp);
  w.u64 (meta->duration);
  w.bytes (as_bytes (text));
  while (w.size () % 16 != 0)
    w.u8 (0);
  return w.take ();
}

void apply_extensions (GstBuffer *b, Bytes in)
{
  ByteReader r (in);
  while (r.left () >= 4) {
    const std::uint16_t type = r.u16 ();
    const Bytes value = r.take (r.u16 ());
    if (type != extension_reference_time || value.size () < 16)
      continue;
    ByteReader v (value);
    const std::uint64_t timestamp = v.u64 (), duration = v.u64 ();
    const Bytes text = v.take (v.left ());
    if (const auto caps =
            caps_from_peer ({reinterpret_cast<const char *> (text.data ()), text.size ()}))
      gst_buffer_add_reference_timestamp_meta (b, caps.get (), timestamp, duration);
  }
}
} // namespace

std::int64_t signed_running_time (const GstSegment &segment, GstClockTime t)
{
  if (!GST_CLOCK_TIME_IS_VALID (t) || segment.format != GST_FORMAT_TIME)
    return no_time;
  guint64 rt = 0;
  const int sign = gst_segment_to_running_time_full (&segment, GST_FORMAT_TIME, t, &rt);
  return sign == 0 ? no_time : sign * static_cast<std::int64_t> (rt);
}

MessageRef message_of (GstBuffer *buffer, const GstSegment &segment, MediaType type,
    std::uint16_t stream, std::uint32_t seq, TimePoint now)
{
  auto m = Counted<BufferMessage>::make (buffer);
  if (!m->hold ())
    return {};
  FrameHeader h;
  h.pts = signed_running_time (segment, GST_BUFFER_PTS (buffer));
  h.dts = signed_running_time (segment, GST_BUFFER_DTS (buffer));
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    h.duration = static_cast<std::int64_t> (GST_BUFFER_DURATION (buffer));
  for (const FlagPair &f : flag_pairs)
    if (GST_BUFFER_FLAG_IS_SET (buffer, f.gst))
      h.flags |= f.wire;
  h.seq = seq;
  m->frame (type, stream, h, extension_of (buffer), now);
  return m;
}

std::unique_ptr<Storage> MemoryStorage::allocate (std::size_t size)
{
  GstAllocationParams params{};
  params.align = 15;
  GstMemory *m = gst_allocator_alloc (nullptr, size, &params);
  return m ? std::unique_ptr<Storage> (new MemoryStorage (m)) : nullptr;
}

MemoryStorage::~MemoryStorage ()
{
  if (!memory_)
    return;
  gst_memory_unmap (memory_, &map_);
  gst_memory_unref (memory_);
}

// Its offset is a multiple of 16.
GstMemory *MemoryStorage::take (std::size_t offset, bool)
{
  gst_memory_unmap (memory_, &map_);
  gst_memory_resize (memory_, static_cast<gssize> (offset), map_.size - offset);
  return std::exchange (memory_, nullptr);
}

std::unique_ptr<Storage> SlabStorage::of (Slabs::Piece piece)
{
  if (piece.bytes.empty ())
    return nullptr;
  return std::unique_ptr<Storage> (new SlabStorage (std::move (piece)));
}

GstMemory *SlabStorage::take (std::size_t offset, bool aligned)
{
  const auto bytes = piece_.bytes.subspan (offset);
  if (aligned && reinterpret_cast<std::uintptr_t> (bytes.data ()) % 16 != 0) {
    const auto copy = MemoryStorage::allocate (bytes.size ());
    std::ranges::copy (bytes, copy->bytes ().begin ());
    return static_cast<MemoryStorage &> (*copy).take (0, true);
  }
  const Shared *owner = piece_.owner.release ();
  return gst_memory_new_wrapped (static_cast<GstMemoryFlags> (0), bytes.data (), bytes.size (), 0,
      bytes.size (), const_cast<Shared *> (owner),
      [] (gpointer p) { static_cast<const Shared *> (p)->unref (); });
}

GstBuffer *buffer_of (const FrameHeader &h, Incoming m, bool aligned)
{
  GstBuffer *b = gst_buffer_new ();
  const Bytes extension = m.body ().subspan (FrameHeader::size, h.extension);
  if (!extension.empty ())
    apply_extensions (b, extension);
  const std::size_t offset = MessageHeader::size + FrameHeader::size + h.extension;
  if (m.bytes ().size () > offset)
    gst_buffer_append_memory (b, static_cast<FrameStorage &> (*m.storage).take (offset, aligned));
  if (h.duration >= 0)
    GST_BUFFER_DURATION (b) = static_cast<GstClockTime> (h.duration);
  for (const FlagPair &f : flag_pairs)
    if (h.flags & f.wire)
      GST_BUFFER_FLAG_SET (b, f.gst);
  if (h.flags & frame_past)
    GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DECODE_ONLY);
  return b;
}
} // namespace reach::cam
