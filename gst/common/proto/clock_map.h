// SPDX-License-Identifier: LGPL-2.1-or-later
// Sender running time → receiver running time, one map per sender run, shared by all its streams.
//
// A sample's local − remote is the clocks' offset plus what the network added, and that is never
// negative: so the smallest differences tell the offset. The smallest of each `window` is kept for
// some minutes; the line below them (lower convex hull) tells the drift between the two clocks, and
// the lowest of the last two minutes, corrected for drift, the offset. A minute of congestion moves
// neither.
//
// The applied offset is a function of the remote time, fixed one second ahead of the sender's
// present: the same remote time gives the same result whenever and on whichever connection it
// arrives, and larger ones give larger results.
#pragma once
#include "fifo.h"
#include "time.h"
#include <cstdint>

namespace reach {

class ClockMap {
public:
  struct Config {
    double max_slew_ppm = 500;
    Duration window = seconds (10);
  };
  ClockMap () : ClockMap (Config{}) {}
  explicit ClockMap (Config c) : config_ (c) {}

  // The sender's running time `remote_ns` was read just before this sample was sent; it came at
  // local running time `local_ns`.
  void sample (std::int64_t remote_ns, std::int64_t local_ns);
  // The sender's declared delay between running time and sending, ns. A change steps the map.
  void set_remote_latency (std::int64_t ns);
  // There was a sample.
  bool ready () const { return !points_.empty (); }
  // Receiver running time of a remote time stamp; `local_now_ns` moves the slew along.
  std::int64_t map (std::int64_t remote_ts, std::int64_t local_now_ns);
  void reset ();

  std::int64_t offset () const { return ready () ? points_.back ().offset : 0; }
  // How much faster the local clock runs.
  double drift_ppm () const { return drift_ * 1e6; }

private:
  struct Point {
    std::int64_t at; // local time of a sample, remote time of a point of the map
    std::int64_t offset;
  };
  std::int64_t estimate (std::int64_t local_ns) const;
  void keep_block ();
  void estimate_drift ();
  void advance (std::int64_t local_now_ns);
  std::int64_t offset_at (std::int64_t remote_ts) const;

  Config config_;
  Fifo<Point> blocks_; // the best sample of each window, the present one's last
  std::int64_t block_start_ = 0;
  double drift_ = 0;
  Fifo<Point> points_; // the applied offset, linear between points
  std::int64_t remote_latency_ = 0;
};
} // namespace reach
