// SPDX-License-Identifier: LGPL-2.1-or-later
// The video frames that an RTMP server sends, of H.264.
#pragma once
#include "frame_times.h"
#include "rtmp_messages.h"

namespace reach::bench {

struct RtmpFrame {
  bool key = false;
  FrameMark mark;
  static std::optional<RtmpFrame> parse (const RtmpMessages::Message &m);
};

class RtmpTimes final : public FrameTimes {
public:
  explicit RtmpTimes (RtmpMessages messages) : messages_ (std::move (messages)) {}
  void input (std::span<const char> in, std::int64_t now) override;

private:
  RtmpMessages messages_;
};
} // namespace reach::bench
