// SPDX-License-Identifier: LGPL-2.1-or-later
// What is counted of a NetStream that publishes or plays.
#pragma once
#include "common/proto/time.h"
#include <cstdint>

namespace reach::rtmp {
struct Flow {
  double fps = 0;                                    // video frames a second, over the last one
  std::uint64_t dropped = 0;                         // frames
  std::size_t queued_bytes = 0, queued_messages = 0; // that wait for the connection
  Duration queued_time{};                            // so long
};
} // namespace reach::rtmp
