// SPDX-License-Identifier: LGPL-2.1-or-later
// Monotonic time to an element's running time, while it plays. Any thread.
#pragma once
#include "common/proto/clock_map.h"
#include "guarded.h"
#include "ref.h"

namespace reach {
class RunningClock {
public:
  static constexpr std::int64_t none = INT64_MIN;

  void start (GstElement *element); // with its clock and base time
  void stop ();
  bool running ();
  // none unless the element plays. Before the base time it is negative.
  std::int64_t running_time_of (std::int64_t monotonic_ns);

private:
  struct Base {
    bool playing = false, monotonic = true;
    std::int64_t base = 0;
    ClockMap map; // for a pipeline clock that is not CLOCK_MONOTONIC
    Ref<GstClock> clock;
    std::int64_t sampled = 0;
  };
  Guarded<Base> base_;
};
} // namespace reach
