// SPDX-License-Identifier: LGPL-2.1-or-later
// GstBuffer ↔ frame message. The only place that knows both.
#pragma once
#include "cam/proto/incoming.h"
#include "common/ref.h"
#include "common/slabs.h"

namespace reach::cam {

// A frame message that references the buffer's memory. Times become running times of `segment`.
// Empty when the buffer cannot be read.
MessageRef message_of (GstBuffer *buffer, const GstSegment &segment, MediaType type,
    std::uint16_t stream, std::uint32_t seq, TimePoint now);

// Signed running time of a time stamp; no_time for none, or outside a TIME segment.
std::int64_t signed_running_time (const GstSegment &segment, GstClockTime t);

// What a frame is received into: becomes a GstMemory.
class FrameStorage : public Storage {
public:
  // Transfer full; without the first `offset` bytes. Aligned: to 16 bytes, else perhaps to none.
  virtual GstMemory *take (std::size_t offset, bool aligned) = 0;
};

// A GstMemory of its own.
class MemoryStorage final : public FrameStorage {
public:
  static std::unique_ptr<Storage> allocate (std::size_t size);
  ~MemoryStorage () override;
  std::span<std::uint8_t> bytes () override { return {map_.data, map_.size}; }
  GstMemory *take (std::size_t offset, bool aligned) override;

private:
  explicit MemoryStorage (GstMemory *m) : memory_ (m)
  {
    gst_memory_map (m, &map_, GST_MAP_READWRITE);
  }
  GstMemory *memory_;
  GstMapInfo map_{};
};

// A part of a slab.
class SlabStorage final : public FrameStorage {
public:
  static std::unique_ptr<Storage> of (Slabs::Piece piece); // nullptr when that is empty
  std::span<std::uint8_t> bytes () override { return piece_.bytes; }
  GstMemory *take (std::size_t offset, bool aligned) override;

private:
  explicit SlabStorage (Slabs::Piece piece) : piece_ (std::move (piece)) {}
  Slabs::Piece piece_;
};

// The buffer of a received frame with its flags, duration and metas; the times are the caller's.
// Aligned: for raw samples, which are read as numbers.
GstBuffer *buffer_of (const FrameHeader &h, Incoming m, bool aligned);
} // namespace reach::cam
