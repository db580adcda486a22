// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes between messages and GStreamer's memory, by reference in both directions.
#pragma once
#include "common/proto/slice.h"
#include "common/ref.h"
#include <optional>

namespace reach::rtmp {
// A memory that refers to the bytes and cannot be written to. What is in front of them in `whole`,
// of which they are a part, stays within reach: see held_bytes ().
Ref<GstMemory> memory_of (const Slice &s, Bytes whole);
Ref<GstBuffer> buffer_of (const Slice &s, Bytes whole);
inline Ref<GstBuffer> buffer_of (const Slice &s)
{
  return buffer_of (s, s.bytes);
}

struct HeldBytes {
  Slice all;
  std::size_t at = 0; // where the memory's own bytes begin
};
// The bytes of a memory that nobody will change, and up to `before` bytes that are in front of
// them. Nothing for memory that can be written to, or whose owner waits for it: that has to be
// copied.
std::optional<HeldBytes> held_bytes (GstMemory *m, std::size_t before);
} // namespace reach::rtmp
