// SPDX-License-Identifier: LGPL-2.1-or-later
// Of hundreds of connections that get the same frame, each is out of the cache when its turn comes:
// the kernel's part of a write sees to that. So what belongs to the next ones is fetched while it
// works.
#pragma once
#include <array>
#include <cstdint>

namespace reach {
// The lines of the processor's cache that one write touches, noted once per connection: looking
// them up through its objects would itself wait for memory.
using Places = std::array<const void *, 8>;
inline void prefetch (const Places &places)
{
  for (const void *p : places)
    if (p)
      __builtin_prefetch (p);
}

template <typename T> void prefetch_object (const T &object)
{
  constexpr std::uintptr_t line = 64; // of the cache
  const auto begin = reinterpret_cast<std::uintptr_t> (&object);
  for (auto p = begin / line * line; p < begin + sizeof object; p += line)
    __builtin_prefetch (reinterpret_cast<const void *> (p));
}
} // namespace reach
