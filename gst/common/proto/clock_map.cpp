// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_map.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace reach {
namespace {
constexpr std::size_t max_blocks = 64;      // what tells the drift
constexpr std::size_t level_blocks = 12;    // what tells the offset
constexpr std::size_t min_drift_blocks = 4; // fewer tell more about jitter than about drift
constexpr std::size_t max_points = 64;
constexpr std::int64_t segment = 1'000'000'000;
// Running times beyond 36 years are nonsense; within, sums of a few cannot overflow.
constexpr std::int64_t max_time = std::int64_t{1} << 60;

std::int64_t bounded (std::int64_t t)
{
  return std::clamp (t, -max_time, max_time);
}
double diff (std::int64_t a, std::int64_t b)
{
  return static_cast<double> (a - b);
}
} // namespace

void ClockMap::sample (std::int64_t remote_ns, std::int64_t local_ns)
{
  const std::int64_t local = bounded (local_ns), remote = bounded (remote_ns);
  const Point p{local, local - remote};
  const auto window = std::chrono::duration_cast<nanoseconds> (config_.window).count ();
  if (blocks_.empty () || local - block_start_ >= window) {
    keep_block ();
    block_start_ = local;
    blocks_.push_back (p);
  } else {
    Point &best = blocks_.back ();
    if (diff (p.offset, best.offset) < drift_ * diff (p.at, best.at))
      best = p;
  }
  // Nobody has seen a result yet: no need to slew.
  if (points_.size () > 1)
    return;
  points_.clear ();
  points_.push_back ({remote, estimate (local)});
}

void ClockMap::set_remote_latency (std::int64_t ns)
{
  remote_latency_ = bounded (ns);
}

// The present block is complete.
void ClockMap::keep_block ()
{
  if (blocks_.size () >= min_drift_blocks)
    estimate_drift ();
  if (blocks_.size () == max_blocks)
    blocks_.pop_front ();
}

// The edge of the lower convex hull across the mean time: of all lines below the samples the one
// nearest to them.
void ClockMap::estimate_drift ()
{
  const auto turns_left = [] (const Point &a, const Point &b, const Point &c) {
    return diff (b.at, a.at) * diff (c.offset, a.offset) >
           diff (c.at, a.at) * diff (b.offset, a.offset);
  };
  std::vector<Point> hull;
  double mean = 0;
  for (const Point &p : blocks_) {
    mean += diff (p.at, blocks_.front ().at) / static_cast<double> (blocks_.size ());
    while (hull.size () >= 2 && !turns_left (hull[hull.size () - 2], hull.back (), p))
      hull.pop_back ();
    hull.push_back (p);
  }
  for (std::size_t i = 1; i < hull.size (); i++) {
    const Point &a = hull[i - 1], &b = hull[i];
    if (diff (b.at, blocks_.front ().at) < mean && i + 1 < hull.size ())
      continue;
    const double limit = config_.max_slew_ppm * 1e-6;
    if (b.at > a.at)
      drift_ = std::clamp (diff (b.offset, a.offset) / diff (b.at, a.at), -limit, limit);
    return;
  }
}

// The offset at a local time: the lowest recent sample, moved there along the drift.
std::int64_t ClockMap::estimate (std::int64_t local_ns) const
{
  // While the drift is not known well, an old sample carried far would be wrong by more than
  // jitter.
  const std::size_t n =
      std::min (blocks_.size (), std::clamp (blocks_.size () / 2, std::size_t{2}, level_blocks));
  const std::int64_t base = blocks_.back ().offset;
  double best = INFINITY;
  for (auto p = blocks_.end () - static_cast<std::ptrdiff_t> (n); p != blocks_.end (); ++p)
    best = std::min (best, diff (p->offset, base) + drift_ * diff (local_ns, p->at));
  return base + std::llround (best);
}

// Fixes the map up to one second after the sender's present.
void ClockMap::advance (std::int64_t local_now_ns)
{
  const Point last = points_.back ();
  const std::int64_t present = local_now_ns - last.offset;
  if (points_.size () > 1 && present < last.at)
    return;
  const std::int64_t end = std::max (present, last.at) + segment;
  const double limit = config_.max_slew_ppm * 1e-6 * diff (end, last.at);
  const double error = diff (estimate (local_now_ns + segment), last.offset);
  points_.push_back ({end, last.offset + std::llround (std::clamp (error, -limit, limit))});
  if (points_.size () > max_points)
    points_.pop_front ();
}

std::int64_t ClockMap::offset_at (std::int64_t remote_ts) const
{
  if (remote_ts >= points_.back ().at)
    return points_.back ().offset;
  if (remote_ts <= points_.front ().at)
    return points_.front ().offset;
  auto b = points_.end () - 1;
  while ((b - 1)->at > remote_ts)
    --b;
  const auto a = b - 1;
  const double part = diff (remote_ts, a->at) / diff (b->at, a->at);
  return a->offset + std::llround (part * diff (b->offset, a->offset));
}

std::int64_t ClockMap::map (std::int64_t remote_ts, std::int64_t local_now_ns)
{
  const std::int64_t r = bounded (remote_ts);
  if (!ready ())
    return r;
  advance (bounded (local_now_ns));
  return r + remote_latency_ + offset_at (r);
}

void ClockMap::reset ()
{
  blocks_.clear ();
  points_.clear ();
  drift_ = 0;
  remote_latency_ = 0;
}
} // namespace reach
