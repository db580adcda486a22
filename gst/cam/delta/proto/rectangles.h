// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes of a rectangle: its lines one after the other, plane by plane, without padding.
#pragma once
#include "layout.h"

namespace reach::delta {
// Each takes or fills layout.bytes (r) bytes, and the rectangle must be inside the layout.
void pack (const Layout &layout, const View &from, const Rect &r, std::uint8_t *to);
void unpack (const Layout &layout, const MutableView &to, const Rect &r, const std::uint8_t *from);
// The same with differences: what has to be added to each byte of `base`, modulo 256.
void pack_difference (
    const Layout &layout, const View &from, const View &base, const Rect &r, std::uint8_t *to);
void unpack_difference (
    const Layout &layout, const MutableView &to, const Rect &r, const std::uint8_t *from);

void copy (const Layout &layout, const View &from, const MutableView &to, const Rect &r);

// Marks the border of a rectangle, so that it shows on any picture; alpha stays as it is.
void outline (const Layout &layout, const MutableView &picture, const Rect &r);
} // namespace reach::delta
