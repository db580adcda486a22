// SPDX-License-Identifier: LGPL-2.1-or-later
// Which packets are missing, and when to ask for them.
#pragma once
#include "common/proto/fifo.h"
#include "common/proto/time.h"
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace reach::rtc {
class NackGenerator {
public:
  struct Config {
    std::size_t max_missing = 1000; // more at once: all are given up
    // Packets may overtake others: the first request waits for so many later ones, or so long.
    unsigned reorder_packets = 2;
    Duration reorder_time = milliseconds (20);
    unsigned max_tries = 10;
    Duration max_age = seconds (1);
    Duration min_spacing = milliseconds (20); // between two requests; else the RTT
  };
  struct Stats {
    std::uint64_t missing = 0;   // numbers that were noticed
    std::uint64_t reordered = 0; // of these came before they were asked for
    std::uint64_t recovered = 0; // came after that
    std::uint64_t requests = 0;  // numbers in requests
    std::uint64_t given_up = 0;
  };

  explicit NackGenerator (const Config &config) : config_ (config) {}

  // Each packet, once, whichever way it came. What lies between it and the highest is missing.
  // answer: it came by RTX, so that it tells of the RTT; others may just have been overtaken.
  void received (std::int64_t number, TimePoint now, bool answer = false);
  // Nobody waits for those before it any more.
  void forget_before (std::int64_t number);
  // Numbers to ask for now, in their order; they then count as asked. Up to to.size ().
  std::size_t poll (TimePoint now, std::span<std::uint16_t> to);
  std::optional<TimePoint> poll_timeout () const;
  // Something was given up since the last call: only a key frame helps.
  bool take_failure () { return std::exchange (failed_, false); }
  void reset ();

  // Smoothed from the time between a first request and its answer; or from outside.
  Duration rtt () const { return rtt_; }
  void set_rtt (Duration rtt) { rtt_ = rtt; }
  std::size_t missing () const { return missing_.size (); }
  const Stats &stats () const { return stats_; }

private:
  struct Missing {
    std::int64_t number = 0;
    TimePoint noticed{}, asked{};
    unsigned tries = 0;
  };
  TimePoint due (const Missing &m) const;
  void found (std::int64_t number, TimePoint now, bool answer);
  void give_up_all ();

  Config config_;
  Fifo<Missing, 1024> missing_; // in the order of numbers
  std::int64_t highest_ = -1;
  std::optional<std::int64_t> oldest_untried_; // or one that came meanwhile
  std::optional<TimePoint> next_;
  Duration rtt_ = milliseconds (100);
  bool failed_ = false, measured_ = false;
  Stats stats_;
};
} // namespace reach::rtc
