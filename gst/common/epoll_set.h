// SPDX-License-Identifier: LGPL-2.1-or-later
// Any number of file descriptors as one GSource: an epoll fd nested in a GMainContext. One GSource
// per socket would make each wake-up cost time in proportion to the number of sockets.
#pragma once
#include <cstdint>
#include <functional>
#include <glib.h>
#include <vector>

namespace reach {
class EpollSet {
public:
  class Handler {
  public:
    virtual ~Handler () = default;
    virtual void on_ready (std::uint32_t events) = 0; // EPOLLIN, EPOLLOUT, …; loop thread
  };
  using Token =
      std::uint64_t; // never reused: an event of a removed descriptor is recognised as stale

  explicit EpollSet (GMainContext *context);
  ~EpollSet ();
  EpollSet (const EpollSet &) = delete;
  EpollSet &operator= (const EpollSet &) = delete;

  // Loop thread. The handler must stay until remove (). 0 when the kernel refuses.
  Token add (int fd, std::uint32_t events, Handler &handler);
  void modify (Token token, std::uint32_t events);
  void remove (Token token); // before the descriptor is closed
  // Runs at the end of the present round of handlers. False: there is none.
  bool after_round (std::function<void ()> task);

private:
  struct Slot {
    Handler *handler = nullptr;
    int fd = -1;
    std::uint32_t generation = 0;
  };
  static gboolean dispatch (GSource *, GSourceFunc, gpointer);
  Slot *find (Token token);
  void run ();

  int epoll_fd_;
  GSource *source_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::function<void ()>> after_;
  bool running_ = false;
};
} // namespace reach
