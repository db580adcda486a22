// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rectangles.h"
#include <algorithm>
#include <cstring>

namespace reach::delta {
namespace {
// f (plane, line, offset in it, bytes) for each line of each plane.
template <typename F> void each_line (const Layout &layout, const Rect &r, F &&f)
{
  for (std::size_t i = 0; i < layout.planes (); i++) {
    const Layout::Part p = layout.part (i, r);
    for (unsigned y = 0; y < p.lines; y++)
      f (i, p.first + y, p.offset, p.bytes);
  }
}

void subtract (const std::uint8_t *__restrict a, const std::uint8_t *__restrict b,
    std::uint8_t *__restrict out, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++)
    out[i] = static_cast<std::uint8_t> (a[i] - b[i]);
}

void add (std::uint8_t *__restrict to, const std::uint8_t *__restrict d, std::size_t n)
{
  for (std::size_t i = 0; i < n; i++)
    to[i] = static_cast<std::uint8_t> (to[i] + d[i]);
}
} // namespace

void pack (const Layout &layout, const View &from, const Rect &r, std::uint8_t *to)
{
  each_line (layout, r, [&] (std::size_t i, unsigned y, std::size_t at, std::size_t n) {
    std::memcpy (to, from.line (i, y) + at, n);
    to += n;
  });
}

void unpack (const Layout &layout, const MutableView &to, const Rect &r, const std::uint8_t *from)
{
  each_line (layout, r, [&] (std::size_t i, unsigned y, std::size_t at, std::size_t n) {
    std::memcpy (to.line (i, y) + at, from, n);
    from += n;
  });
}

void pack_difference (
    const Layout &layout, const View &from, const View &base, const Rect &r, std::uint8_t *to)
{
  each_line (layout, r, [&] (std::size_t i, unsigned y, std::size_t at, std::size_t n) {
    subtract (from.line (i, y) + at, base.line (i, y) + at, to, n);
    to += n;
  });
}

void unpack_difference (
    const Layout &layout, const MutableView &to, const Rect &r, const std::uint8_t *from)
{
  each_line (layout, r, [&] (std::size_t i, unsigned y, std::size_t at, std::size_t n) {
    add (to.line (i, y) + at, from, n);
    from += n;
  });
}

void copy (const Layout &layout, const View &from, const MutableView &to, const Rect &r)
{
  each_line (layout, r, [&] (std::size_t i, unsigned y, std::size_t at, std::size_t n) {
    std::memcpy (to.line (i, y) + at, from.line (i, y) + at, n);
  });
}

void outline (const Layout &layout, const MutableView &picture, const Rect &r)
{
  constexpr std::size_t thick = 2; // pixels
  for (std::size_t i = 0; i < layout.planes (); i++) {
    const Plane &plane = layout.format ().planes[i];
    const Layout::Part p = layout.part (i, r);
    const std::size_t step = plane.channels.size ();
    const std::size_t groups = p.bytes / step;
    const std::size_t side = std::max<std::size_t> (thick >> plane.shift_x, 1);
    const std::size_t flat = std::max<std::size_t> (thick >> plane.shift_y, 1);
    for (std::size_t y = 0; y < p.lines; y++)
      for (std::size_t x = 0; x < groups; x++) {
        if (y >= flat && y + flat < p.lines && x >= side && x + side < groups)
          continue;
        std::uint8_t *group = picture.line (i, p.first + y) + p.offset + x * step;
        for (std::size_t k = 0; k < step; k++)
          if (plane.channels[k] != 'a')
            group[k] ^= 0x80;
      }
  }
}
} // namespace reach::delta
