// SPDX-License-Identifier: LGPL-2.1-or-later
// The frames of a cam link (docs/protocol-cam.md, "Frame").
#pragma once
#include "frame_times.h"
#include <array>

namespace reach::bench {

class CamTimes final : public FrameTimes {
public:
  void input (std::span<const char> in, std::int64_t now) override;

private:
  static constexpr std::size_t header = 8, frame_header = 40,
                               looked_at = header + frame_header + 24;
  void message_done (std::int64_t now);

  std::array<std::uint8_t, looked_at> head_{};
  std::size_t got_ = 0; // of the message under way
};
} // namespace reach::bench
