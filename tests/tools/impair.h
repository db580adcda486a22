// SPDX-License-Identifier: LGPL-2.1-or-later
// One direction of a bad network link, sans-IO: what happens to each packet, and when it arrives.
//
// The fate of packet n depends on the seed and on n only, never on time: the same seed loses the
// same packets in every run.
#pragma once
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include <optional>

namespace reach::impair {

struct Profile {
  double loss = 0; // percent
  double duplicate = 0;
  double reorder = 0; // percent of packets held back by `hold`, so that others overtake
  nanoseconds delay{};
  nanoseconds jitter{}; // 0 to this much more; keeps the order
  nanoseconds hold{milliseconds (5)};
  std::uint64_t rate = 0;        // bits per second, 0 = no limit
  std::size_t queue = 64 * 1024; // bytes waiting for the rate limit; what comes on top is dropped
  std::size_t max_held = 16u << 20; // bytes on the way at all
};

struct Counters {
  std::uint64_t packets_in = 0, bytes_in = 0;
  std::uint64_t packets_out = 0, bytes_out = 0;
  std::uint64_t lost = 0, queue_dropped = 0, duplicated = 0, reordered = 0;

  void add (const Counters &c);
};

class Link {
public:
  Link (const Profile &profile, std::uint64_t seed);

  void input (Bytes packet, TimePoint now);
  void set_profile (const Profile &profile) { profile_ = profile; } // for what follows
  // What has arrived at the far end by `now`, in order of arrival.
  std::optional<std::vector<std::uint8_t>> poll_transmit (TimePoint now);
  std::optional<TimePoint> poll_timeout () const;
  const Counters &counters () const { return counters_; }

private:
  struct Held {
    TimePoint due;
    std::uint64_t order;
    std::vector<std::uint8_t> bytes;
  };
  static bool later (const Held &a, const Held &b);
  double chance (); // 0 ≤ x < 100
  bool admit (std::size_t size, TimePoint now, TimePoint &departs);
  void hold (Bytes packet, TimePoint due);

  Profile profile_;
  std::uint64_t random_;
  std::uint64_t order_ = 0;
  std::vector<Held> heap_;
  std::size_t held_ = 0;
  TimePoint line_free_{}, newest_due_{};
  Counters counters_;
};

// When the byte that follows `size` bytes can leave over a line of `rate` bits per second.
nanoseconds time_on_line (std::size_t size, std::uint64_t rate);
} // namespace reach::impair
