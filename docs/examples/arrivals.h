// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts what a receiver gets from its streaming threads: frames, how old they are, which never
// came.
#pragma once
#include <algorithm>
#include <cstdio>
#include <gst/gst.h>
#include <mutex>
#include <vector>

class Arrivals {
public:
  // A frame with its timestamp, both in running time.
  void video (GstClockTime pts, GstClockTime now)
  {
    if (!GST_CLOCK_TIME_IS_VALID (pts) || !GST_CLOCK_TIME_IS_VALID (now))
      return;
    const std::lock_guard lock (mutex_);
    latency_ms_.push_back (static_cast<double> (GST_CLOCK_DIFF (pts, now)) / GST_MSECOND);
    if (GST_CLOCK_TIME_IS_VALID (last_pts_) && pts > last_pts_ + frame)
      missing_ += (pts - last_pts_ + frame / 2) / frame - 1;
    last_pts_ = pts;
  }
  void audio () { add (audio_); }
  void decoded () { add (decoded_); }

  void print ()
  {
    const std::lock_guard lock (mutex_);
    std::printf ("frames: %zu received, %zu decoded, %zu missing\n", latency_ms_.size (), decoded_,
        static_cast<std::size_t> (missing_));
    std::printf ("audio buffers: %zu received\n", audio_);
    std::sort (latency_ms_.begin (), latency_ms_.end ());
    if (const std::size_t n = latency_ms_.size (); n > 0)
      std::printf ("latency from taking a picture to receiving it: p50 %.1f ms, p99 %.1f ms\n",
          latency_ms_[n / 2], latency_ms_[n * 99 / 100]);
  }

private:
  static constexpr GstClockTime frame = GST_SECOND / 30;

  void add (std::size_t &counter)
  {
    const std::lock_guard lock (mutex_);
    counter++;
  }

  std::mutex mutex_;
  std::vector<double> latency_ms_;
  std::size_t decoded_ = 0, audio_ = 0;
  GstClockTime missing_ = 0, last_pts_ = GST_CLOCK_TIME_NONE;
};
