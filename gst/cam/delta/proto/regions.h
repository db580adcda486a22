// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocks with changed pixels → few rectangles that hold them all.
#pragma once
#include "layout.h"
#include <vector>

namespace reach::delta {
class Regions {
public:
  // At most `max_rects` rectangles, of a grid of `columns` × `rows` blocks.
  Regions (unsigned columns, unsigned rows, std::size_t max_rects);

  // `counts`: changed pixels of each block. Blocks that touch, corners too, belong together; what
  // has fewer than `min_pixels` altogether is left out. Together the rectangles are never larger
  // than the picture. Valid until the next call.
  std::span<const Rect> find (std::span<const std::uint16_t> counts, unsigned min_pixels);

private:
  void leave_out_small (std::span<const std::uint16_t> counts, unsigned min_pixels);
  std::size_t gather (std::size_t first, std::span<const std::uint16_t> counts);
  bool cover (unsigned gap);
  bool put (unsigned x, unsigned y, unsigned width, unsigned gap);

  const unsigned columns_, rows_;
  const std::size_t max_rects_;
  std::vector<std::uint8_t> marks_;  // 1: in a rectangle; 2: the same, looked at
  std::vector<std::uint32_t> group_; // blocks that touch
  std::vector<Rect> rects_;
};
} // namespace reach::delta
