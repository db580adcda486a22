// SPDX-License-Identifier: LGPL-2.1-or-later
// How the pixels of a raw picture lie in memory, and the grid of blocks that is laid over it. All
// formats have 8 bits per channel.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace reach::delta {
// Areas are counted in blocks of so many pixels each way; the last of a line may be cut off.
constexpr unsigned block_size = 16;
constexpr std::size_t max_planes = 3;

// In blocks. An area that reaches the last block ends with the picture.
struct Rect {
  std::uint16_t x = 0, y = 0, width = 0, height = 0;
  std::size_t blocks () const { return std::size_t{width} * height; }
  bool operator== (const Rect &) const = default;
};

// In pixels.
struct Area {
  unsigned x, y, width, height;
};

// A plane is lines of groups. A group holds the channels of 2^shift_x × 2^shift_y pixels, a letter
// for each byte: r, g, b, a (alpha), x (nothing). In YUV formats Y counts as g, U as b, V as r.
struct Plane {
  std::string_view channels;
  unsigned shift_x = 0, shift_y = 0;
};

struct Format {
  std::string_view name; // as GStreamer writes it in caps
  unsigned channels;     // that belong to a pixel
  std::array<Plane, max_planes> planes;
};

// Every format that is supported.
std::span<const Format> formats ();

template <typename Byte> struct BasicView {
  std::array<Byte *, max_planes> data{};
  std::array<std::size_t, max_planes> stride{};
  Byte *line (std::size_t plane, std::size_t y) const { return data[plane] + y * stride[plane]; }
};
using View = BasicView<const std::uint8_t>;
using MutableView = BasicView<std::uint8_t>;

inline View read_only (const MutableView &v)
{
  return {{v.data[0], v.data[1], v.data[2]}, v.stride};
}

class Layout {
public:
  static constexpr unsigned max_side = 16384;
  static constexpr std::size_t max_pixels = std::size_t{1} << 26;
  // Nothing for an unknown format or a size beyond the limits.
  static std::optional<Layout> make (std::string_view format, unsigned width, unsigned height);

  // The lines of one plane that belong to an area.
  struct Part {
    std::size_t offset; // of the first byte in its line
    std::size_t bytes;  // of each line
    unsigned first, lines;
  };
  Part part (std::size_t plane, const Rect &r) const;
  Area area (const Rect &r) const;
  std::size_t bytes (const Rect &r) const; // of all planes, without padding
  bool contains (const Rect &r) const;

  const Format &format () const { return *format_; }
  std::size_t planes () const { return planes_; }
  unsigned width () const { return width_; }
  unsigned height () const { return height_; }
  unsigned columns () const { return (width_ + block_size - 1) / block_size; }
  unsigned rows () const { return (height_ + block_size - 1) / block_size; }
  std::size_t blocks () const { return std::size_t{columns ()} * rows (); }
  Rect whole () const
  {
    return {0, 0, static_cast<std::uint16_t> (columns ()), static_cast<std::uint16_t> (rows ())};
  }
  // A picture of this layout without padding, in `data`, which has bytes (whole ()) bytes.
  MutableView packed (std::uint8_t *data) const;

private:
  Layout (const Format &format, unsigned width, unsigned height);
  const Format *format_;
  std::size_t planes_ = 0;
  unsigned width_, height_;
};
} // namespace reach::delta
