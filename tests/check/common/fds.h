// SPDX-License-Identifier: LGPL-2.1-or-later
// How many descriptors and threads this process has.
#pragma once
#include <filesystem>

namespace reach::test {
inline long entries_of (const char *folder)
{
  long n = 0;
  for ([[maybe_unused]] const auto &e : std::filesystem::directory_iterator (folder))
    n++;
  return n;
}
inline long open_fds ()
{
  return entries_of ("/proc/self/fd");
}
inline long threads ()
{
  return entries_of ("/proc/self/task");
}
} // namespace reach::test
