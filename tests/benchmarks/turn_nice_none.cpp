// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turn_nice.h"

namespace reach::bench {
std::unique_ptr<NicePair> NicePair::connect (std::uint16_t, std::string &error)
{
  error = "built without libnice (libnice-dev)";
  return nullptr;
}
} // namespace reach::bench
