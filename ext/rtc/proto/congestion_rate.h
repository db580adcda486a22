// SPDX-License-Identifier: LGPL-2.1-or-later
// How fast packets came through lately, by the receiver's clock.
#pragma once
#include "common/proto/fifo.h"
#include "common/proto/time.h"
#include <optional>

namespace reach::rtc {
class AckedRate {
public:
  void input (std::size_t bytes, microseconds arrival)
  {
    if (!samples_.empty () && (arrival < newest_ - seconds (2) || arrival > newest_ + seconds (2)))
      reset ();
    newest_ = samples_.empty () ? arrival : std::max (newest_, arrival);
    samples_.push_back (
        {static_cast<std::uint32_t> (arrival.count ()), static_cast<std::uint32_t> (bytes)});
    sum_ += bytes;
    while (samples_.size () > 1 && age (samples_.front ()) > window) {
      sum_ -= samples_.front ().bytes;
      samples_.pop_front ();
    }
  }
  // bit/s; nothing while there is too little to say.
  std::optional<double> rate () const
  {
    if (samples_.size () < 8)
      return {};
    const microseconds length = std::max<microseconds> (age (samples_.front ()), window / 2);
    return static_cast<double> (sum_ - samples_.front ().bytes) * 8e6 /
           static_cast<double> (length.count ());
  }
  void reset ()
  {
    samples_.clear ();
    sum_ = 0;
  }

private:
  static constexpr microseconds window{500000};
  struct Sample {
    std::uint32_t arrival = 0; // microseconds, that wrap
    std::uint32_t bytes = 0;
  };
  microseconds age (const Sample &s) const
  {
    return microseconds (static_cast<std::uint32_t> (newest_.count ()) - s.arrival);
  }
  Fifo<Sample, 4096> samples_;
  std::size_t sum_ = 0;
  microseconds newest_{};
};
} // namespace reach::rtc
