// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures for tests of changed-area coding.
#pragma once
#include "../check.h"
#include "cam/delta/proto/decoder.h"
#include "cam/delta/proto/encoder.h"
#include "cam/delta/proto/rectangles.h"
#include <random>
#include <string>

namespace reach::delta::test {
// A picture whose lines are longer than they need to be.
class Picture {
public:
  explicit Picture (const Layout &l, std::uint8_t value = 0) : layout (l)
  {
    for (std::size_t i = 0; i < l.planes (); i++) {
      const auto p = l.part (i, l.whole ());
      view_.stride[i] = p.bytes + 5;
      lines_[i].assign (view_.stride[i] * p.lines, value);
    }
  }
  MutableView view ()
  {
    for (std::size_t i = 0; i < layout.planes (); i++)
      view_.data[i] = lines_[i].data ();
    return view_;
  }
  View look () { return read_only (view ()); }
  std::uint8_t &at (std::size_t plane, std::size_t y, std::size_t x)
  {
    return view ().line (plane, y)[x];
  }
  // Random bytes in a part of the picture, the padding included.
  void scribble (std::mt19937 &random, const Rect &r)
  {
    for (std::size_t i = 0; i < layout.planes (); i++) {
      const auto p = layout.part (i, r);
      for (unsigned y = 0; y < p.lines; y++)
        for (std::size_t x = 0; x < p.bytes; x++)
          at (i, p.first + y, p.offset + x) = static_cast<std::uint8_t> (random ());
    }
  }

  const Layout layout;

private:
  std::array<std::vector<std::uint8_t>, max_planes> lines_;
  MutableView view_;
};

// The largest difference of any byte that means something.
inline int farthest (const Layout &l, const View &a, const View &b)
{
  int most = 0;
  for (std::size_t i = 0; i < l.planes (); i++) {
    const auto p = l.part (i, l.whole ());
    const std::string_view channels = l.format ().planes[i].channels;
    for (unsigned y = 0; y < p.lines; y++)
      for (std::size_t x = 0; x < p.bytes; x++)
        if (channels[x % channels.size ()] != 'x')
          most = std::max (most, std::abs (a.line (i, y)[x] - b.line (i, y)[x]));
  }
  return most;
}

// Frames here are not compressed.
class NoInflater final : public Inflater {
public:
  bool inflate (Bytes, std::span<std::uint8_t>) override { return false; }
};

// One picture as a frame, also when nothing has changed.
inline std::vector<std::uint8_t> encode (Encoder &encoder, const View &now, bool full = false)
{
  const auto plan = encoder.look (now, full);
  std::vector<std::uint8_t> bytes (FrameHeader::size (plan.rects.size ()) + plan.bytes);
  encoder.write (plan, now, bytes.data () + FrameHeader::size (plan.rects.size ()));
  write_header ({plan.kind, Coding::raw, encoder.sequence ()}, plan.rects, bytes.data ());
  return bytes;
}

inline Rect rect (unsigned x, unsigned y, unsigned width, unsigned height)
{
  const auto u = [] (unsigned v) { return static_cast<std::uint16_t> (v); };
  return {u (x), u (y), u (width), u (height)};
}
} // namespace reach::delta::test
