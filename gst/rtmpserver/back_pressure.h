// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a publisher that is ahead of real time only as fast as its pads' streaming threads take
// what it sends. One that is not is never held back: what waits too long is dropped then.
//
// While it is held, nothing of its connection is read, but for a little after each slice of time,
// so that pings and calls get through and it does not seem idle. Loop thread.
#pragma once
#include "common/loop.h"
#include "proto/pace.h"
#include "trackpad.h"

namespace reach::rtmp {
class BackPressure {
public:
  static constexpr Duration longest_slice = seconds (3);

  // `hold` stops and resumes reading. `idle`: after which a silent connection is given up; zero:
  // never.
  BackPressure (Loop &loop, Duration idle, std::function<void (bool)> hold);
  ~BackPressure ();
  BackPressure (const BackPressure &) = delete;
  BackPressure &operator= (const BackPressure &) = delete;

  void note (nanoseconds media, TimePoint now) { pace_.note (media, now); }
  bool live_at (TimePoint now) { return pace_.live_at (now); }
  // Behind new media in these pads. `complete`: there are pads for all tracks.
  using Pads = std::vector<std::shared_ptr<TrackPad>>;
  void look (const Pads &pads, bool complete, TimePoint now);
  void release ();
  std::uint64_t times () const { return times_; } // it began to hold

private:
  struct Shared { // with pads that tell when they have drained
    BackPressure *self;
  };
  bool behind () const;
  void look_again ();
  void watch ();

  Loop &loop_;
  const Duration slice_;
  const std::function<void (bool)> hold_;
  const std::shared_ptr<Shared> shared_;
  Pace pace_;
  Timer timer_;
  Pads pads_; // while held
  bool complete_ = false, held_ = false;
  std::uint64_t times_ = 0;
};
} // namespace reach::rtmp
