// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib ends the process when a GMainContext gets no file descriptor. Whoever makes connections for
// peers, who say how many, asks before.
#pragma once
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

namespace reach::rtc {
// The kernel gives the lowest that is free, so that one number tells.
inline bool descriptors_left (unsigned wanted)
{
  const int next = eventfd (0, EFD_CLOEXEC);
  if (next < 0)
    return false;
  close (next);
  rlimit most{};
  return getrlimit (RLIMIT_NOFILE, &most) != 0 || most.rlim_cur == RLIM_INFINITY ||
         static_cast<rlim_t> (next) + wanted <= most.rlim_cur;
}
} // namespace reach::rtc
