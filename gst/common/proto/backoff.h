// SPDX-License-Identifier: LGPL-2.1-or-later
// The wait before the next attempt to connect: grows up to a bound, with jitter so that many
// clients of one server do not come back together.
#pragma once
#include "common/proto/time.h"
#include <cstdint>

namespace reach {

class Backoff {
public:
  struct Config {
    Duration first = milliseconds (100), max = seconds (10);
    double factor = 2, jitter = 0.3; // jitter: up to this part more or less
  };
  Backoff () : Backoff (Config{}) {}
  explicit Backoff (Config c);

  // The wait before the next attempt: never negative, at most max × (1 + jitter). `random` is any
  // number, all 32 bits of it used.
  Duration next (std::uint32_t random);
  // An attempt succeeded.
  void reset ();
  // Since the last reset (), saturating.
  unsigned attempts () const { return attempts_; }

private:
  Config config_;
  double wait_; // of the next attempt without jitter, in ticks of Duration
  unsigned attempts_ = 0;
};
} // namespace reach
