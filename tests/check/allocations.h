// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts the allocations of a thread. One source of a program includes it.
#pragma once
#include <cstdlib>
#include <new>

namespace {
thread_local unsigned long allocations;
}

[[gnu::noinline]] void *operator new (std::size_t n)
{
  allocations++;
  if (void *p = std::malloc (n ? n : 1))
    return p;
  throw std::bad_alloc ();
}
[[gnu::noinline]] void operator delete (void *p) noexcept
{
  std::free (p);
}
[[gnu::noinline]] void operator delete (void *p, std::size_t) noexcept
{
  std::free (p);
}
