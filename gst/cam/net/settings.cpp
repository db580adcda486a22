// SPDX-License-Identifier: LGPL-2.1-or-later
#include "settings.h"
#include <atomic>
#include <sys/random.h>

namespace reach::cam {

std::uint64_t new_key ()
{
  // Counts up from a random start: unique here for sure, elsewhere by chance. 62 bits stay positive
  // in signed arithmetic of other languages; 0 means "none".
  static std::atomic<std::uint64_t> next = [] {
    std::uint64_t start = 0;
    if (getrandom (&start, sizeof start, 0) != sizeof start)
      start = static_cast<std::uint64_t> (Clock::now ().time_since_epoch ().count ());
    return (start >> 2) | 1;
  }();
  return next++;
}
} // namespace reach::cam
