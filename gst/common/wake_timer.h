// SPDX-License-Identifier: LGPL-2.1-or-later
// A timer that any thread may arm and only the loop thread hears: "look at the inbox in half a
// millisecond" costs the caller one system call and wakes nobody before.
#pragma once
#include "common/loop.h"

namespace reach {
class WakeTimer final : EpollSet::Handler {
public:
  WakeTimer (Loop &loop, std::function<void ()> callback); // loop thread
  ~WakeTimer () override;                                  // loop thread
  void arm (Duration in);                                  // any thread; later than zero

private:
  void on_ready (std::uint32_t) override;

  Loop &loop_;
  int fd_;
  EpollSet::Token token_;
  std::function<void ()> callback_;
};
} // namespace reach
