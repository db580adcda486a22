// SPDX-License-Identifier: LGPL-2.1-or-later
// Bounded reading of bit fields, as codecs' headers have them. As ByteReader: a short read latches
// failed () and yields zeroes.
#pragma once
#include "common/proto/bytes.h"

namespace reach::rtmp {
class BitReader {
public:
  explicit BitReader (Bytes in) : in_ (in) {}

  // n ≤ 32.
  std::uint32_t bits (unsigned n)
  {
    std::uint32_t v = 0;
    for (unsigned i = 0; i < n; i++)
      v = v << 1 | (bit () ? 1u : 0u);
    return v;
  }
  bool bit ()
  {
    if (at_ >= in_.size () * 8) {
      failed_ = true;
      return false;
    }
    const bool b = (in_[at_ / 8] >> (7 - at_ % 8) & 1) != 0;
    at_++;
    return b;
  }
  void skip (std::size_t n)
  {
    if (n > left ())
      failed_ = true;
    at_ += failed_ ? 0 : n;
  }
  // Exp-Golomb codes of ITU-T H.264, 9.1. More than 31 leading zeroes fail.
  std::uint32_t ue ()
  {
    unsigned zeroes = 0;
    while (!bit ())
      if (failed_ || ++zeroes > 31) {
        failed_ = true;
        return 0;
      }
    return (1u << zeroes) - 1 + bits (zeroes);
  }
  std::int32_t se ()
  {
    const std::uint32_t k = ue ();
    const auto half = static_cast<std::int32_t> ((k >> 1) + (k & 1));
    return (k & 1) != 0 ? half : -half;
  }

  std::size_t left () const { return in_.size () * 8 - at_; }
  bool failed () const { return failed_; }

private:
  Bytes in_;
  std::size_t at_ = 0;
  bool failed_ = false;
};
} // namespace reach::rtmp
