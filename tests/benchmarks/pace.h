// SPDX-License-Identifier: LGPL-2.1-or-later
// What a live source of benchmarks waits by: frame after frame, also when one was late.
#pragma once
#include "process.h"
#include <atomic>
#include <glib.h>

namespace reach::bench {
class Pace {
public:
  explicit Pace (unsigned fps) : frame_ns_ (1'000'000'000 / fps) {}
  std::int64_t frame_ns () const { return frame_ns_; }
  void flush (bool on) { flushing_ = on; } // any thread
  // Until the next frame is due. False: flushed.
  bool wait ()
  {
    const std::int64_t now = monotonic_ns ();
    due_ = due_ == 0 ? now : due_ + frame_ns_;
    for (std::int64_t left = due_ - now; left > 0 && !flushing_; left = due_ - monotonic_ns ())
      g_usleep (static_cast<gulong> (left / 1000 + 1));
    return !flushing_;
  }

private:
  const std::int64_t frame_ns_;
  std::atomic<bool> flushing_{false};
  std::int64_t due_ = 0;
};
} // namespace reach::bench
