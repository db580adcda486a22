// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts in each block the pixels that differ enough between two pictures.
#pragma once
#include "layout.h"
#include <vector>

namespace reach::delta {
struct Thresholds {
  int common = 8;          // the mean difference of a pixel's channels must exceed it; negative:
  int r = 8, g = 8, b = 8; // any channel must exceed its own; alpha the largest of them
  bool operator== (const Thresholds &) const = default;
};

class Difference {
public:
  Difference (const Layout &layout, const Thresholds &t);
  // Changed pixels of each block, line by line of blocks. Valid until the next call; an empty span
  // when not a single byte differs.
  std::span<const std::uint16_t> count (const View &a, const View &b);

private:
  // One plane's line, looked at once for all lines of pixels that share it.
  struct Line {
    std::vector<std::uint8_t> ignore; // what each byte may differ without counting
    std::vector<std::uint8_t> excess;
    std::vector<std::uint16_t> sums; // of each group
    bool same = true;
  };
  void look (std::size_t plane, unsigned y, const View &a, const View &b);
  void add_up (unsigned y);

  Layout layout_;
  unsigned limit_;
  std::array<Line, max_planes> lines_;
  std::vector<std::uint16_t> pixels_; // sums of each pixel of a line
  std::vector<std::uint16_t> counts_;
};
} // namespace reach::delta
