// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides what of each picture is sent, and keeps the picture that the decoder has. Differences are
// always taken against that one, so errors below the thresholds do not add up.
#pragma once
#include "difference.h"
#include "frame.h"
#include "regions.h"

namespace reach::delta {
struct EncoderSettings {
  Thresholds thresholds;
  unsigned min_change_area = 10;    // changed pixels
  unsigned full_interval = 300;     // pictures; 0 = only when asked for
  unsigned difference_interval = 0; // of so many frames the first is plain, 0 = all are
  bool operator== (const EncoderSettings &) const = default;
};

class Encoder {
public:
  static constexpr std::size_t max_rects = 128;
  Encoder (const Layout &layout, const EncoderSettings &settings);
  void set (const EncoderSettings &settings);

  struct Plan {
    Kind kind = Kind::full;
    std::span<const Rect> rects; // valid until the next look ()
    std::size_t bytes = 0;       // of the payload, not compressed
    bool identical () const { return kind != Kind::full && rects.empty (); }
  };
  // One picture further. The plan must be written; only one that is identical may be left out.
  Plan look (const View &now, bool full_wanted);
  // `payload` has plan.bytes bytes.
  void write (const Plan &plan, const View &now, std::uint8_t *payload);
  // As write (), for one who sends the picture in another way.
  void follow (const Plan &plan, const View &now);

  std::uint32_t sequence () const { return sequence_; } // of the frame written last
  const Layout &layout () const { return layout_; }

private:
  bool full_is_due (bool wanted) const;

  Layout layout_;
  EncoderSettings settings_;
  Difference difference_;
  Regions regions_;
  std::vector<std::uint8_t> storage_;
  MutableView reference_;
  Rect whole_;
  bool has_reference_ = false;
  unsigned since_full_ = 0;  // pictures
  unsigned since_plain_ = 0; // frames
  std::uint32_t sequence_ = 0;
};
} // namespace reach::delta
