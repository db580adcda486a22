// SPDX-License-Identifier: LGPL-2.1-or-later
// A GMainContext of its own, for a library that wants one, run by a loop: its descriptors are in
// the loop's epoll set, its timeout among the loop's timers. Many of them cost less than one that
// all share: a wake-up then looks at the sources of one only.
#pragma once
#include "common/loop.h"
#include <map>

namespace reach::rtc {
class NestedContext final : EpollSet::Handler {
public:
  explicit NestedContext (Loop &loop); // loop thread, as all
  ~NestedContext () override;          // not from within one of its sources
  NestedContext (const NestedContext &) = delete;
  NestedContext &operator= (const NestedContext &) = delete;

  GMainContext *get () const { return context_; }

private:
  struct Watched {
    EpollSet::Token token;
    gushort events;
    bool seen;
  };
  void on_ready (std::uint32_t) override { run (); }
  void run ();
  int prepare ();
  void watch ();

  Loop &loop_;
  GMainContext *const context_;
  Timer timer_;
  std::vector<GPollFD> fds_, watched_fds_;
  std::map<int, Watched> watched_;
  int timeout_ = 0; // what the context said when it was asked last
  bool running_ = false;
};
} // namespace reach::rtc
