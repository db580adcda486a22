// SPDX-License-Identifier: LGPL-2.1-or-later
// A link with a rate, a delay, a queue and random loss, on a clock that a test moves. The same in
// each run.
#pragma once
#include "../check.h"
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <random>

namespace reach::test {
class Link {
public:
  double rate = 0; // bit/s, 0: no limit
  Duration delay = milliseconds (20);
  Duration jitter{};         // up to so much more, which reorders
  std::size_t queue = 64000; // bytes
  double loss = 0;
  std::uint64_t sent = 0, lost = 0;

  explicit Link (unsigned seed = 1) : random_ (seed) {}

  void send (Bytes b, TimePoint now)
  {
    sent++;
    if (std::uniform_real_distribution<> () (random_) < loss || backlog (now) + b.size () > queue) {
      lost++;
      return;
    }
    if (rate > 0)
      busy_ = std::max (busy_, now) +
              std::chrono::duration_cast<Duration> (
                  std::chrono::duration<double> (static_cast<double> (b.size ()) * 8 / rate));
    TimePoint at = std::max (busy_, now) + delay;
    if (jitter > Duration{})
      at += Duration (std::uniform_int_distribution<Duration::rep> (0, jitter.count ()) (random_));
    const auto place = std::upper_bound (flying_.begin (), flying_.end (), at,
        [] (TimePoint t, const Packet &p) { return t < p.at; });
    flying_.insert (place, {at, {b.begin (), b.end ()}});
  }
  // What has arrived, in its order.
  std::optional<std::vector<std::uint8_t>> receive (TimePoint now)
  {
    if (flying_.empty () || flying_.front ().at > now)
      return {};
    auto b = std::move (flying_.front ().bytes);
    flying_.pop_front ();
    return b;
  }
  std::size_t backlog (TimePoint now) const
  {
    return rate <= 0 || busy_ <= now
               ? 0
               : static_cast<std::size_t> (
                     std::chrono::duration<double> (busy_ - now).count () * rate / 8);
  }
  Duration queueing (TimePoint now) const { return std::max<Duration> (busy_ - now, {}); }
  bool idle () const { return flying_.empty (); }

private:
  struct Packet {
    TimePoint at;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<Packet> flying_;
  TimePoint busy_{};
  std::mt19937 random_;
};
} // namespace reach::test
