// SPDX-License-Identifier: LGPL-2.1-or-later
// Of hundreds of connections that get the same frame, each is out of the cache when its turn comes:
// the kernel's part of a write sees to that. So what belongs to the next ones is fetched while it
// works.
#pragma once
#include <cstdint>

namespace reach {
template <typename T> void prefetch_object (const T &object)
{
  constexpr std::uintptr_t line = 64; // of the cache
  const auto begin = reinterpret_cast<std::uintptr_t> (&object);
  for (auto p = begin / line * line; p < begin + sizeof object; p += line)
    __builtin_prefetch (reinterpret_cast<const void *> (p));
}
} // namespace reach
