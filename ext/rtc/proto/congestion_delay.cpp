// SPDX-License-Identifier: LGPL-2.1-or-later
#include "congestion_delay.h"
#include <algorithm>
#include <cmath>

namespace reach::rtc {
namespace {
constexpr Duration burst = milliseconds (5);
constexpr double gain = 4, smoothing = 0.9, over_time = 10;
constexpr double faster = 0.0087, slower = 0.039; // of the threshold, per ms

double ms (Duration d)
{
  return std::chrono::duration<double, std::milli> (d).count ();
}
} // namespace

void DelayDetector::reset ()
{
  const double threshold = threshold_;
  *this = {};
  threshold_ = threshold;
}

void DelayDetector::input (TimePoint sent, microseconds arrival)
{
  if (now_ && sent < now_->first)
    return;
  // What left together, and what a queue let go at once, are one group.
  const bool joins =
      now_ && (sent - now_->first <= burst || (arrival - now_->arrival <= burst &&
                                                  arrival - now_->arrival < sent - now_->last));
  if (joins) {
    now_->last = std::max (now_->last, sent);
    now_->arrival = std::max (now_->arrival, arrival);
    return;
  }
  if (before_ && now_)
    finish (*before_, *now_);
  before_ = now_;
  now_ = Group{sent, sent, arrival};
}

void DelayDetector::finish (const Group &a, const Group &b)
{
  const Duration sent = b.last - a.last;
  const Duration came = b.arrival - a.arrival;
  if (came < Duration{} || came > seconds (3) || sent > seconds (3)) {
    reset (); // another clock, or a pause
    return;
  }
  count_ = std::min (count_ + 1, 1000u);
  if (count_ == 1)
    start_ = b.arrival;
  sum_ += ms (came - sent);
  smoothed_ = smoothing * smoothed_ + (1 - smoothing) * sum_;
  points_[place_] = {ms (b.arrival - start_), smoothed_};
  place_ = (place_ + 1) % window;
  const double s = slope ().value_or (trend_ / (std::min (count_, 60u) * gain));
  detect (s * std::min (count_, 60u) * gain, ms (sent));
}

// Least squares; nothing before the window is full.
std::optional<double> DelayDetector::slope () const
{
  if (count_ < window)
    return {};
  double x = 0, y = 0;
  for (const Point &p : points_) {
    x += p.arrival / window;
    y += p.delay / window;
  }
  double above = 0, below = 0;
  for (const Point &p : points_) {
    above += (p.arrival - x) * (p.delay - y);
    below += (p.arrival - x) * (p.arrival - x);
  }
  if (below <= 0)
    return {};
  return above / below;
}

void DelayDetector::detect (double trend, double passed)
{
  before_trend_ = trend_;
  trend_ = count_ < 2 ? 0 : trend;
  if (trend_ > threshold_) {
    over_for_ += passed;
    over_count_++;
    if (over_for_ > over_time && over_count_ > 1 && trend_ >= before_trend_) {
      over_for_ = 0;
      over_count_ = 0;
      state_ = PathUse::over;
    }
  } else {
    over_for_ = 0;
    over_count_ = 0;
    state_ = trend_ < -threshold_ ? PathUse::under : PathUse::normal;
  }
  adapt (std::abs (trend_), passed);
}

// Slowly up while flows of others push, quickly back; a sudden large trend moves it not at all.
void DelayDetector::adapt (double size, double passed)
{
  if (size > threshold_ + 15)
    return;
  const double k = size < threshold_ ? slower : faster;
  threshold_ += k * (size - threshold_) * std::min (passed, 100.0);
  threshold_ = std::clamp (threshold_, 6.0, 600.0);
}
} // namespace reach::rtc
