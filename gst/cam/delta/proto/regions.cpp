// SPDX-License-Identifier: LGPL-2.1-or-later
#include "regions.h"
#include <algorithm>

namespace reach::delta {
namespace {
bool near (unsigned a, unsigned b, unsigned gap)
{
  return (a > b ? a - b : b - a) <= gap;
}
} // namespace

Regions::Regions (unsigned columns, unsigned rows, std::size_t max_rects)
    : columns_ (columns), rows_ (rows), max_rects_ (std::max<std::size_t> (max_rects, 1)),
      marks_ (std::size_t{columns} * rows)
{
  group_.reserve (marks_.size ());
  rects_.reserve (max_rects_);
}

std::span<const Rect> Regions::find (std::span<const std::uint16_t> counts, unsigned min_pixels)
{
  rects_.clear ();
  if (counts.empty ())
    return {};
  std::ranges::transform (
      counts, marks_.begin (), [] (std::uint16_t n) { return std::uint8_t{n > 0}; });
  if (min_pixels > 1)
    leave_out_small (counts, min_pixels);
  // Wider gaps are bridged until there are few enough; at last all is one rectangle.
  for (unsigned gap = 0; !cover (gap); gap = 2 * gap + 1)
    ;
  std::size_t blocks = 0;
  for (const Rect &r : rects_)
    blocks += r.blocks ();
  if (blocks > marks_.size ())
    rects_.assign (
        1, {0, 0, static_cast<std::uint16_t> (columns_), static_cast<std::uint16_t> (rows_)});
  return rects_;
}

void Regions::leave_out_small (std::span<const std::uint16_t> counts, unsigned min_pixels)
{
  for (std::size_t i = 0; i < marks_.size (); i++) {
    if (marks_[i] != 1)
      continue;
    if (gather (i, counts) < min_pixels)
      for (const std::uint32_t k : group_)
        marks_[k] = 0;
  }
}

// All marked blocks connected with `first` into group_; returns how many pixels changed in them.
std::size_t Regions::gather (std::size_t first, std::span<const std::uint16_t> counts)
{
  std::size_t pixels = 0;
  group_.assign (1, static_cast<std::uint32_t> (first));
  marks_[first] = 2;
  for (std::size_t at = 0; at < group_.size (); at++) {
    const unsigned x = group_[at] % columns_, y = group_[at] / columns_;
    pixels += counts[group_[at]];
    for (unsigned v = y ? y - 1 : 0; v <= std::min (y + 1, rows_ - 1); v++)
      for (unsigned u = x ? x - 1 : 0; u <= std::min (x + 1, columns_ - 1); u++) {
        const std::uint32_t k = v * columns_ + u;
        if (marks_[k] != 1)
          continue;
        marks_[k] = 2;
        group_.push_back (k);
      }
  }
  return pixels;
}

// Runs of marked blocks, line by line; false when there are too many rectangles.
bool Regions::cover (unsigned gap)
{
  rects_.clear ();
  for (unsigned y = 0; y < rows_; y++) {
    const std::uint8_t *line = marks_.data () + std::size_t{y} * columns_;
    for (unsigned x = 0; x < columns_;) {
      if (!line[x]) {
        x++;
        continue;
      }
      unsigned end = x + 1;
      for (unsigned k = end; k < columns_ && k <= end + gap; k++)
        if (line[k])
          end = k + 1;
      if (!put (x, y, end - x, gap))
        return false;
      x = end;
    }
  }
  return true;
}

// A run makes the rectangle above it longer when both ends fit, else a new one.
bool Regions::put (unsigned x, unsigned y, unsigned width, unsigned gap)
{
  const auto narrow = [] (unsigned v) { return static_cast<std::uint16_t> (v); };
  for (Rect &r : rects_) {
    if (unsigned{r.y} + r.height + gap < y || unsigned{r.y} + r.height > y)
      continue;
    const unsigned left = r.x, right = left + r.width;
    if (!near (left, x, gap) || !near (right, x + width, gap))
      continue;
    r.x = narrow (std::min (left, x));
    r.width = narrow (std::max (right, x + width) - r.x);
    r.height = narrow (y + 1 - r.y);
    return true;
  }
  if (rects_.size () == max_rects_)
    return false;
  rects_.push_back ({narrow (x), narrow (y), narrow (width), 1});
  return true;
}
} // namespace reach::delta
