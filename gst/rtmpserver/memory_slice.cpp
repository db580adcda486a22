// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_slice.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
class HeldMemory final : public Shared {
public:
  explicit HeldMemory (Ref<GstMemory> m)
      : memory_ (std::move (m)), ok_ (gst_memory_map (memory_.get (), &info_, GST_MAP_READ))
  {
  }
  ~HeldMemory () override
  {
    if (ok_)
      gst_memory_unmap (memory_.get (), &info_);
  }
  bool ok () const { return ok_; }
  Bytes bytes () const { return {info_.data, info_.size}; }

private:
  Ref<GstMemory> memory_;
  GstMapInfo info_{};
  bool ok_;
};
} // namespace

Ref<GstMemory> memory_of (const Slice &s, Bytes whole)
{
  auto *held = new Slice (s);
  return Ref<GstMemory>::adopt (
      gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, const_cast<std::uint8_t *> (whole.data ()),
          whole.size (), static_cast<gsize> (s.bytes.data () - whole.data ()), s.size (), held,
          [] (gpointer p) { delete static_cast<Slice *> (p); }));
}

Ref<GstBuffer> buffer_of (const Slice &s, Bytes whole)
{
  auto b = Ref<GstBuffer>::adopt (gst_buffer_new ());
  if (s.size () > 0)
    gst_buffer_append_memory (b.get (), memory_of (s, whole).release ());
  return b;
}

std::optional<HeldBytes> held_bytes (GstMemory *m, std::size_t before)
{
  if (!GST_MEMORY_IS_READONLY (m) || GST_MEMORY_IS_NO_SHARE (m) ||
      !gst_memory_is_type (m, GST_ALLOCATOR_SYSMEM))
    return std::nullopt;
  gsize offset = 0;
  const gsize size = gst_memory_get_sizes (m, &offset, nullptr);
  const auto front = static_cast<gssize> (std::min (offset, before));
  GstMemory *shared = gst_memory_share (m, -front, front + static_cast<gssize> (size));
  if (!shared)
    return std::nullopt;
  const auto held = Counted<const HeldMemory>::make (Ref<GstMemory>::adopt (shared));
  if (!held->ok ())
    return std::nullopt;
  return HeldBytes{{held->bytes (), held}, static_cast<std::size_t> (front)};
}
} // namespace reach::rtmp
