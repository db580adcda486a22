// SPDX-License-Identifier: LGPL-2.1-or-later
// The hashes that the elements have, with random numbers that are the same in each run.
#pragma once
#include "../hex.h"
#include "turn/net/hashes.h"
#include <algorithm>
#include <glib.h>
#include <memory>
#include <random>

namespace reach::test {
inline stun::Crypto turn_crypto (unsigned seed = 1)
{
  stun::Crypto c = turn::make_crypto ();
  c.random = [rng = std::mt19937 (seed)] (std::span<std::uint8_t> to) mutable {
    std::ranges::generate (to, [&] { return static_cast<std::uint8_t> (rng ()); });
  };
  return c;
}
} // namespace reach::test
