// SPDX-License-Identifier: LGPL-2.1-or-later
// zlib, as GIO has it. What it needs is allocated once. One thread.
#pragma once
#include "common/ref.h"
#include "proto/decoder.h"
#include <gio/gio.h>

namespace reach::delta {
class ZlibDeflater {
public:
  explicit ZlibDeflater (int level);
  // Bytes of the result in `out`, or nothing when it does not fit there.
  std::optional<std::size_t> deflate (Bytes in, std::span<std::uint8_t> out);

private:
  Ref<GConverter> converter_;
};

class ZlibInflater final : public Inflater {
public:
  ZlibInflater ();
  bool inflate (Bytes in, std::span<std::uint8_t> out) override;

private:
  Ref<GConverter> converter_;
};
} // namespace reach::delta
