// SPDX-License-Identifier: LGPL-2.1-or-later
// What camdeltaenc does with one picture. Streaming thread.
#pragma once
#include "compression.h"
#include "picture.h"
#include "proto/encoder.h"
#include <memory>

namespace reach::delta {
struct Settings {
  EncoderSettings coding;
  int compression_level = 1; // of zlib
  bool compress = true;
  bool skip_identical = true;
  bool pass_through = false;
  bool test_mode = false;
  bool region_metas = false;
  GstClockTime keepalive = 250 * GST_MSECOND;
};

struct EncoderTotals {
  std::uint64_t pictures = 0, full = 0, identical = 0, rectangles = 0, bytes = 0, raw_bytes = 0;
};

class PictureEncoder {
public:
  PictureEncoder (const GstVideoInfo &info, const Layout &layout);

  struct Result {
    Ref<GstBuffer> buffer; // null: identical, not sent
    bool key = false;
    bool ok = true; // false: the picture could not be mapped
  };
  Result encode (GstBuffer *picture, const Settings &s, bool full_wanted);
  // The next frame is a complete one.
  void restart () { full_needed_ = true; }

  EncoderTotals totals;

private:
  Ref<GstBuffer> code (const Encoder::Plan &plan, const View &now, const Settings &s);
  Ref<GstBuffer> test_picture (const Encoder::Plan &plan, const View &now, const Settings &s);
  Ref<GstBuffer> passed (const Encoder::Plan &plan, GstBuffer *picture, bool outlined);
  Ref<GstBuffer> frame_of (
      FrameHeader header, std::span<const Rect> rects, Bytes payload, const Settings &s);
  std::span<std::uint8_t> room (std::size_t bytes);

  const GstVideoInfo info_;
  const Layout layout_;
  const Rect whole_;
  Encoder core_;
  std::vector<std::uint8_t> payload_, compressed_; // as large as they ever had to be
  std::unique_ptr<ZlibDeflater> deflater_;
  int level_ = 0;
  std::uint32_t sequence_ = 0;
  bool full_needed_ = true;
};
} // namespace reach::delta
