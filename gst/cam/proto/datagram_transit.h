// SPDX-License-Identifier: LGPL-2.1-or-later
// The peer's clock seen from here: its timestamps of 32 bits, and the smallest difference between
// the arrival of a packet and its timestamp (clock offset plus the shortest transit), over 10 to 20
// s.
#pragma once
#include "datagram_types.h"

namespace reach::cam {

class Transit {
public:
  // Every packet. Arrival as µs of the local clock.
  void arrived (std::uint32_t timestamp, std::int64_t now_us)
  {
    newest_ = any_ ? unwrap32 (newest_, timestamp) : (std::uint64_t{1} << 32) + timestamp;
    if (!any_ || now_us - window_start_ > 10'000'000) {
      minimum_[1] = any_ ? minimum_[0] : INT64_MAX;
      minimum_[0] = INT64_MAX;
      window_start_ = now_us;
      any_ = true;
    }
    minimum_[0] = std::min (minimum_[0], now_us - static_cast<std::int64_t> (newest_));
  }
  // When a thing of the peer's time `timestamp` would arrive at best, µs of the local clock.
  std::int64_t local (std::uint32_t timestamp) const
  {
    return static_cast<std::int64_t> (unwrap32 (newest_, timestamp)) +
           std::min (minimum_[0], minimum_[1]);
  }

private:
  bool any_ = false;
  std::uint64_t newest_ = 0;
  std::array<std::int64_t, 2> minimum_{INT64_MAX, INT64_MAX};
  std::int64_t window_start_ = 0;
};
} // namespace reach::cam
