// SPDX-License-Identifier: LGPL-2.1-or-later
// A GMainContext of its own, for a library that wants one, run by a loop: its descriptors are in
// the loop's epoll set, its timeout among the loop's timers. Many of them cost less than one that
// all share: a wake-up then looks at the sources of one only.
#pragma once
#include "common/loop.h"
#include <map>

namespace reach::rtc {
class NestedContext {
public:
  explicit NestedContext (Loop &loop); // loop thread, as all
  ~NestedContext ();                   // not from within one of its sources
  NestedContext (const NestedContext &) = delete;
  NestedContext &operator= (const NestedContext &) = delete;

  GMainContext *get () const { return context_; }

private:
  struct Watched final : EpollSet::Handler {
    Watched (NestedContext &c, int f) : context (c), fd (f) {}
    // It may be gone when this has returned.
    void on_ready (std::uint32_t ready) override { context.run (fd, ready); }

    NestedContext &context;
    const int fd;
    EpollSet::Token token = 0;
    gushort events = 0;
    bool seen = false;
  };
  // fd: which is ready, and for what. -1: that is not known.
  void run (int fd = -1, std::uint32_t ready = 0);
  void look (int fd, std::uint32_t ready);
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
