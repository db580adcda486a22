// SPDX-License-Identifier: LGPL-2.1-or-later
// Timers on one timerfd: a GLib timeout rounds to whole milliseconds, pacing needs microseconds.
#pragma once
#include "common/proto/time.h"
#include "epoll_set.h"
#include <functional>
#include <map>

namespace reach {
class Timer;

class Timers final : EpollSet::Handler {
public:
  explicit Timers (EpollSet &set);
  ~Timers () override;

private:
  friend class Timer;
  using Queue = std::multimap<TimePoint, Timer *>;
  void on_ready (std::uint32_t) override;
  void rearm ();

  EpollSet &set_;
  int fd_;
  EpollSet::Token token_;
  Queue queue_;
  TimePoint armed_{}; // what the timerfd is set to; zero = off
  TimePoint round_;   // callbacks due by then run now, while running_
  bool running_ = false;
};

// One shot. Loop thread only. The callback may re-arm, cancel or destroy any timer, its own
// included.
class Timer {
public:
  Timer (Timers &timers, std::function<void ()> callback)
      : timers_ (timers), callback_ (std::move (callback))
  {
  }
  ~Timer () { cancel (); }
  Timer (const Timer &) = delete;
  Timer &operator= (const Timer &) = delete;

  void arm (TimePoint when);
  void cancel ();
  bool armed () const { return armed_; }
  TimePoint when () const { return when_; } // while armed ()

private:
  friend class Timers;
  Timers &timers_;
  std::function<void ()> callback_;
  Timers::Queue::iterator at_;
  TimePoint when_;
  bool armed_ = false;
};
} // namespace reach
