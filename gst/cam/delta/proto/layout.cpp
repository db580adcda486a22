// SPDX-License-Identifier: LGPL-2.1-or-later
#include "layout.h"
#include <algorithm>

namespace reach::delta {
namespace {
constexpr Format table[] = {
    {"I420", 3, {{{"g"}, {"b", 1, 1}, {"r", 1, 1}}}},
    {"YV12", 3, {{{"g"}, {"r", 1, 1}, {"b", 1, 1}}}},
    {"NV12", 3, {{{"g"}, {"br", 1, 1}}}},
    {"NV21", 3, {{{"g"}, {"rb", 1, 1}}}},
    {"Y42B", 3, {{{"g"}, {"b", 1, 0}, {"r", 1, 0}}}},
    {"Y444", 3, {{{"g"}, {"b"}, {"r"}}}},
    {"YUY2", 4, {{{"gbgr", 1, 0}}}},
    {"UYVY", 4, {{{"bggr", 1, 0}}}},
    {"GRAY8", 1, {{{"g"}}}},
    {"RGB", 3, {{{"rgb"}}}},
    {"BGR", 3, {{{"bgr"}}}},
    {"RGBx", 3, {{{"rgbx"}}}},
    {"BGRx", 3, {{{"bgrx"}}}},
    {"xRGB", 3, {{{"xrgb"}}}},
    {"xBGR", 3, {{{"xbgr"}}}},
    {"RGBA", 4, {{{"rgba"}}}},
    {"BGRA", 4, {{{"bgra"}}}},
    {"ARGB", 4, {{{"argb"}}}},
    {"ABGR", 4, {{{"abgr"}}}},
};

constexpr unsigned shifted (unsigned pixels, unsigned shift)
{
  return (pixels + (1u << shift) - 1) >> shift;
}
} // namespace

std::span<const Format> formats ()
{
  return table;
}

std::optional<Layout> Layout::make (std::string_view format, unsigned width, unsigned height)
{
  const auto *f = std::ranges::find (table, format, &Format::name);
  if (f == std::end (table) || width == 0 || height == 0 || width > max_side || height > max_side ||
      std::size_t{width} * height > max_pixels)
    return {};
  return Layout (*f, width, height);
}

Layout::Layout (const Format &format, unsigned width, unsigned height)
    : format_ (&format), width_ (width), height_ (height)
{
  while (planes_ < max_planes && !format.planes[planes_].channels.empty ())
    planes_++;
}

Area Layout::area (const Rect &r) const
{
  const unsigned x = r.x * block_size, y = r.y * block_size;
  return {x, y, std::min (r.width * block_size, width_ - x),
      std::min (r.height * block_size, height_ - y)};
}

Layout::Part Layout::part (std::size_t plane, const Rect &r) const
{
  const Plane &p = format_->planes[plane];
  const Area a = area (r);
  const std::size_t step = p.channels.size ();
  return {(a.x >> p.shift_x) * step, shifted (a.width, p.shift_x) * step, a.y >> p.shift_y,
      shifted (a.height, p.shift_y)};
}

std::size_t Layout::bytes (const Rect &r) const
{
  std::size_t n = 0;
  for (std::size_t i = 0; i < planes_; i++) {
    const Part p = part (i, r);
    n += p.bytes * p.lines;
  }
  return n;
}

bool Layout::contains (const Rect &r) const
{
  return r.width > 0 && r.height > 0 && unsigned{r.x} + r.width <= columns () &&
         unsigned{r.y} + r.height <= rows ();
}

MutableView Layout::packed (std::uint8_t *data) const
{
  MutableView v;
  for (std::size_t i = 0; i < planes_; i++) {
    const Part p = part (i, whole ());
    v.data[i] = data;
    v.stride[i] = p.bytes;
    data += p.bytes * p.lines;
  }
  return v;
}
} // namespace reach::delta
