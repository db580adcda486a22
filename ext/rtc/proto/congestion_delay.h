// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether queues on the way grow, from how the gaps between groups of packets change
// (draft-ietf-rmcat-gcc-02, with a trend line in the Kalman filter's place).
#pragma once
#include "common/proto/time.h"
#include <array>
#include <cstdint>
#include <optional>

namespace reach::rtc {
enum class PathUse : std::uint8_t { normal, over, under };

class DelayDetector {
public:
  // Packets that were received, in the order of their numbers; arrival on the receiver's clock.
  void input (TimePoint sent, microseconds arrival);
  PathUse state () const { return state_; }
  double trend () const { return trend_; } // times its gain, ms
  double threshold () const { return threshold_; }
  void reset ();

private:
  struct Group {
    TimePoint first{}, last{};
    microseconds arrival{};
  };
  void finish (const Group &a, const Group &b);
  std::optional<double> slope () const;
  void detect (double trend, double passed);
  void adapt (double size, double passed);

  static constexpr std::size_t window = 20;
  std::optional<Group> before_, now_;
  struct Point {
    double arrival, delay; // ms
  };
  std::array<Point, window> points_{};
  std::size_t place_ = 0;
  unsigned count_ = 0; // of differences
  microseconds start_{};
  double sum_ = 0, smoothed_ = 0;
  double trend_ = 0, before_trend_ = 0, threshold_ = 12.5;
  double over_for_ = 0; // ms
  unsigned over_count_ = 0;
  PathUse state_ = PathUse::normal;
};
} // namespace reach::rtc
