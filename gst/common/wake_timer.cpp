// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wake_timer.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace reach {

WakeTimer::WakeTimer (Loop &loop, std::function<void ()> callback)
    : loop_ (loop), fd_ (timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      token_ (loop.epoll ().add (fd_, EPOLLIN, *this)), callback_ (std::move (callback))
{
}

WakeTimer::~WakeTimer ()
{
  loop_.epoll ().remove (token_);
  close (fd_);
}

void WakeTimer::arm (Duration in)
{
  const auto ns = nanoseconds (in).count ();
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1000000000;
  spec.it_value.tv_nsec = ns % 1000000000;
  timerfd_settime (fd_, 0, &spec, nullptr);
}

void WakeTimer::on_ready (std::uint32_t)
{
  std::uint64_t count;
  if (read (fd_, &count, sizeof count) == sizeof count)
    callback_ ();
}
} // namespace reach
