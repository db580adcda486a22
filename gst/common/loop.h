// SPDX-License-Identifier: LGPL-2.1-or-later
// The loop thread: a GMainContext (libsoup, GIO and libnice need one) with sockets and timers
// nested in it as one epoll set.
#pragma once
#include "guarded.h"
#include "timers.h"
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace reach {
class Loop final : EpollSet::Handler {
public:
  using Task = std::function<void ()>;

  explicit Loop (const char *name); // name: of the thread, 15 characters at most
  ~Loop () override; // runs what is posted, then ends and joins the thread; not on the loop thread

  // Any thread.
  void post (Task task);        // in order; runs soon on the loop thread
  void call (const Task &task); // the same, and waits until it ran; on the loop thread at once
  bool on_loop () const { return std::this_thread::get_id () == thread_.get_id (); }

  // Loop thread.
  GMainContext *context () const { return context_; }
  EpollSet &epoll () { return *epoll_; }
  Timers &timers () { return *timers_; }
  // Bytes that sockets read into, one after the other; valid until the next read.
  std::span<std::uint8_t> scratch () { return scratch_; }
  // At the end of the present round of sockets and timers: what they caused together is done once.
  void defer (Task task)
  {
    if (!epoll_->after_round (task))
      post (std::move (task));
  }
  template <typename T> void destroy_later (std::unique_ptr<T> object)
  {
    if (object)
      post ([p = std::shared_ptr<T> (std::move (object))] {});
  }

private:
  struct Inbox {
    std::vector<Task> tasks;
    bool woken = false;
  };
  void run ();
  void on_ready (std::uint32_t) override; // the wake-up descriptor
  bool run_tasks ();

  GMainContext *context_;
  GMainLoop *main_;
  std::unique_ptr<EpollSet> epoll_;
  std::unique_ptr<Timers> timers_;
  int wake_fd_;
  EpollSet::Token wake_token_ = 0;
  std::vector<std::uint8_t> scratch_;
  Guarded<Inbox> inbox_;
  std::thread thread_;
};
} // namespace reach
