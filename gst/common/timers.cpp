// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timers.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace reach {
namespace {
constexpr Duration far = milliseconds (10);
}

Timers::Timers (EpollSet &set)
    : set_ (set), fd_ (timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      token_ (set.add (fd_, EPOLLIN, *this))
{
  g_assert (fd_ >= 0 && token_ != 0);
}

Timers::~Timers ()
{
  set_.remove (token_);
  close (fd_);
}

void Timers::on_ready (std::uint32_t)
{
  std::uint64_t count;
  [[maybe_unused]] const auto n = read (fd_, &count, sizeof count);
  armed_ = {};
  running_ = true;
  round_ = Clock::now ();
  while (!queue_.empty () && queue_.begin ()->first <= round_) {
    Timer *t = queue_.begin ()->second;
    t->cancel ();
    const auto callback = t->callback_; // a copy: the callback may destroy its timer
    callback ();
  }
  running_ = false;
  rearm ();
}

void Timers::rearm ()
{
  if (running_)
    return;
  // A timer that was cancelled or put off costs one idle wake-up; that is cheaper than a system
  // call each time. But those that are put off far, again and again, cost one call only.
  if (queue_.empty () || (armed_ != TimePoint{} && armed_ <= queue_.begin ()->first &&
                             queue_.begin ()->first < armed_ + far))
    return;
  armed_ = queue_.begin ()->first;
  const auto ns =
      std::max<std::int64_t> (1, std::chrono::nanoseconds (armed_.time_since_epoch ()).count ());
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1000000000;
  spec.it_value.tv_nsec = ns % 1000000000;
  timerfd_settime (fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Timer::arm (TimePoint when)
{
  cancel ();
  // What a callback arms for a time already past waits for the next round, behind the others that
  // are due and the sockets.
  if (timers_.running_)
    when = std::max (when, timers_.round_ + Duration (1));
  when_ = when;
  at_ = timers_.queue_.emplace (when, this);
  armed_ = true;
  timers_.rearm ();
}

void Timer::cancel ()
{
  if (armed_)
    timers_.queue_.erase (at_);
  armed_ = false;
}
} // namespace reach
