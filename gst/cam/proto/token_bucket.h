// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "common/proto/time.h"
#include <algorithm>

namespace reach::cam {

// What may be done so many times a second, and more at once after a quiet time.
struct TokenBucket {
  double tokens = 0;
  TimePoint filled{};

  void fill (double per_second, double burst, TimePoint now)
  {
    if (now <= filled)
      return;
    const std::chrono::duration<double> passed = now - filled;
    tokens = std::min (burst, tokens + per_second * passed.count ());
    filled = now;
  }
};
} // namespace reach::cam
