// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a decoder can begin: the first packet of a key frame, told by its payload.
#pragma once
#include "common/proto/bytes.h"
#include "rtc/proto/media_types.h"

namespace reach::rtc {
class KeyStart {
public:
  KeyStart () = default;
  // Of sound, and of codecs that are not known here, every packet is one.
  explicit KeyStart (const Codec &codec);
  // Whether there are packets that are none.
  bool tells () const { return how_ != How::none; }
  bool operator() (Bytes rtp_packet) const;

private:
  enum class How : std::uint8_t { none, h264, vp8, vp9, av1 };
  How how_ = How::none;
};
} // namespace reach::rtc
