// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks for key frames, not more often than an encoder can bear: requests that come too early are
// put off, not lost, and many become one.
#pragma once
#include "common/timers.h"
#include <map>

namespace reach::cam {
class KeyRequests {
public:
  static constexpr Duration min_interval = milliseconds (500);
  using Ask = std::function<void (std::uint16_t stream)>;

  KeyRequests (Timers &timers, Ask ask) : timers_ (timers), ask_ (std::move (ask)) {}

  void request (std::uint16_t stream)
  {
    auto [it, fresh] = streams_.try_emplace (stream);
    if (fresh)
      it->second.timer = std::make_unique<Timer> (timers_, [this, stream] { fire (stream); });
    if (it->second.timer->armed ())
      return;
    const TimePoint now = Clock::now (), allowed = it->second.last + min_interval;
    if (fresh || now >= allowed)
      fire (stream);
    else
      it->second.timer->arm (allowed);
  }
  void forget (std::uint16_t stream) { streams_.erase (stream); }

private:
  struct State {
    TimePoint last{};
    std::unique_ptr<Timer> timer;
  };
  void fire (std::uint16_t stream)
  {
    streams_[stream].last = Clock::now ();
    ask_ (stream);
  }
  Timers &timers_;
  Ask ask_;
  std::map<std::uint16_t, State> streams_;
};
} // namespace reach::cam
