// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames → pictures. Any bytes may come in.
#pragma once
#include "frame.h"
#include <vector>

namespace reach::delta {
// Fills `out` completely, or returns false. Must not write more.
class Inflater {
public:
  virtual ~Inflater () = default;
  virtual bool inflate (Bytes in, std::span<std::uint8_t> out) = 0;
};

class Decoder {
public:
  enum class OnCorruption { drop_until_key, pass };
  enum class Outcome {
    shown,   // picture () is what was sent
    damaged, // picture () has holes (pass)
    waiting, // nothing to show before a full frame
    corrupt  // the bytes are not a frame of this picture; nothing to show before a full frame
  };
  explicit Decoder (const Layout &layout) : layout_ (layout) {}

  // `lost`: frames may be missing before this one. Outcomes other than shown want a full frame.
  Outcome input (Bytes in, bool lost, OnCorruption policy, Inflater &inflater);

  // After shown and damaged: the picture, and what the last frame changed in it.
  View picture () const { return read_only (picture_); }
  std::span<const Rect> changed () const { return changed_; }
  // After a break: waits for a full frame.
  void reset ();
  const Layout &layout () const { return layout_; }

private:
  enum class State { empty, whole, damaged };
  bool apply (const Frame &f, Inflater &inflater);
  void make_room (std::size_t unpacked);

  Layout layout_;
  State state_ = State::empty;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> storage_, scratch_; // made with the first full frame
  MutableView picture_;
  std::vector<Rect> changed_;
};
} // namespace reach::delta
