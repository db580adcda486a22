// SPDX-License-Identifier: LGPL-2.1-or-later
// One frame as it travels: header, rectangles, payload. Big-endian.
#pragma once
#include "common/proto/bytes.h"
#include "layout.h"

namespace reach::delta {
constexpr std::uint8_t frame_version = 1;

enum class Kind : std::uint8_t {
  full = 1,      // one rectangle, the whole picture
  plain = 2,     // changed rectangles as they are
  difference = 3 // changed rectangles as what must be added to each byte
};
enum class Coding : std::uint8_t { raw = 0, zlib = 1 };

struct FrameHeader {
  static constexpr std::size_t fixed = 12, each_rect = 8;
  static constexpr std::size_t size (std::size_t rects) { return fixed + rects * each_rect; }
  Kind kind = Kind::full;
  Coding coding = Coding::raw;
  std::uint32_t sequence = 0; // of frames sent; one is added for each
};

// `to` has FrameHeader::size (rects.size ()) bytes; at most 65,535 rectangles.
void write_header (const FrameHeader &h, std::span<const Rect> rects, std::uint8_t *to);

// A frame that was received, checked against the picture it is for. It refers to the bytes it was
// read from.
class Frame {
public:
  // Nothing unless all rectangles are inside the picture, together not larger than it, and a raw
  // payload has exactly the bytes that they need.
  static std::optional<Frame> parse (Bytes in, const Layout &layout);

  FrameHeader header;
  Bytes payload;
  std::size_t unpacked = 0; // bytes of the payload when it is not compressed
  std::size_t rects () const { return rects_.size () / FrameHeader::each_rect; }
  Rect rect (std::size_t i) const;

private:
  Bytes rects_;
};
} // namespace reach::delta
