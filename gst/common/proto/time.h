// SPDX-License-Identifier: LGPL-2.1-or-later
// The one clock type of every protocol core. Cores never read it: callers pass `now`.
#pragma once
#include <chrono>

namespace reach {
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
} // namespace reach
