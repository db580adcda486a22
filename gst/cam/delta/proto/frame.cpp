// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frame.h"

namespace reach::delta {
void write_header (const FrameHeader &h, std::span<const Rect> rects, std::uint8_t *to)
{
  to[0] = frame_version;
  to[1] = static_cast<std::uint8_t> (h.kind);
  to[2] = static_cast<std::uint8_t> (h.coding);
  to[3] = 0;
  store_be (to + 4, h.sequence);
  store_be (to + 8, static_cast<std::uint16_t> (rects.size ()));
  store_be (to + 10, std::uint16_t{0});
  to += FrameHeader::fixed;
  for (const Rect &r : rects) {
    store_be (to, r.x);
    store_be (to + 2, r.y);
    store_be (to + 4, r.width);
    store_be (to + 6, r.height);
    to += FrameHeader::each_rect;
  }
}

Rect Frame::rect (std::size_t i) const
{
  const std::uint8_t *at = rects_.data () + i * FrameHeader::each_rect;
  const auto u16 = [at] (std::size_t k) { return load_be<std::uint16_t> (at + k); };
  return {u16 (0), u16 (2), u16 (4), u16 (6)};
}

std::optional<Frame> Frame::parse (Bytes in, const Layout &layout)
{
  ByteReader r (in);
  Frame f;
  const std::uint8_t version = r.u8 (), kind = r.u8 (), coding = r.u8 ();
  r.u8 ();
  f.header.sequence = r.u32 ();
  const std::size_t count = r.u16 ();
  r.u16 ();
  f.rects_ = r.take (count * FrameHeader::each_rect);
  f.payload = r.take (r.left ());
  if (r.failed () || version != frame_version || kind < 1 || kind > 3 || coding > 1)
    return {};
  f.header.kind = static_cast<Kind> (kind);
  f.header.coding = static_cast<Coding> (coding);
  std::size_t blocks = 0;
  for (std::size_t i = 0; i < f.rects (); i++) {
    const Rect rect = f.rect (i);
    blocks += rect.blocks ();
    if (!layout.contains (rect) || blocks > layout.blocks ())
      return {};
    f.unpacked += layout.bytes (rect);
  }
  if (f.header.kind == Kind::full && (f.rects () != 1 || f.rect (0) != layout.whole ()))
    return {};
  if (f.header.coding == Coding::raw && f.payload.size () != f.unpacked)
    return {};
  return f;
}
} // namespace reach::delta
