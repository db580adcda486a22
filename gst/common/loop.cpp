// SPDX-License-Identifier: LGPL-2.1-or-later
#include "loop.h"
#include "lookup_count.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace reach {

Loop::Loop (const char *name)
    : context_ (g_main_context_new ()), main_ (g_main_loop_new (context_, FALSE)),
      epoll_ (std::make_unique<EpollSet> (context_)), timers_ (std::make_unique<Timers> (*epoll_)),
      wake_fd_ (eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC)), scratch_ (256 << 10)
{
  g_assert (wake_fd_ >= 0);
  wake_token_ = epoll_->add (wake_fd_, EPOLLIN, *this);
  // The thread starts last: everything it uses exists.
  std::promise<void> ready;
  thread_ = std::thread ([this, started = ready.get_future ()] {
    started.wait (); // thread_ itself is set: on_loop () reads it
    run ();
  });
  pthread_setname_np (thread_.native_handle (), name);
  ready.set_value ();
}

Loop::~Loop ()
{
  g_assert (!on_loop ());
  post ([this] { g_main_loop_quit (main_); });
  thread_.join ();
  while (run_tasks ())
    ;
  timers_.reset ();
  epoll_->remove (wake_token_);
  epoll_.reset ();
  close (wake_fd_);
  g_main_loop_unref (main_);
  g_main_context_unref (context_);
}

void Loop::run ()
{
  g_main_context_push_thread_default (context_);
  g_main_loop_run (main_);
  // What was posted before the quit may have posted more: objects that destroy objects.
  while (run_tasks ())
    ;
  // GIO's cancelled operations hand their memory back in one last call, for which a lookup's thread
  // may be about to ask. Bounded, as a source that somebody forgot may be ready for ever.
  for (int i = 0; i < 1000; i++)
    if (!g_main_context_iteration (context_, FALSE)) {
      if (!LookupCount::any ())
        break;
      g_usleep (1000);
    }
  g_main_context_pop_thread_default (context_);
}

void Loop::post (Task task)
{
  const bool wake = inbox_.update ([&] (Inbox &i) {
    i.tasks.push_back (std::move (task));
    return !std::exchange (i.woken, true);
  });
  if (wake)
    eventfd_write (wake_fd_, 1);
}

void Loop::call (const Task &task)
{
  if (on_loop ()) {
    task ();
    return;
  }
  std::promise<void> done;
  post ([&] {
    task ();
    done.set_value ();
  });
  done.get_future ().wait ();
}

void Loop::on_ready (std::uint32_t)
{
  eventfd_t count;
  eventfd_read (wake_fd_, &count);
  run_tasks ();
}

bool Loop::run_tasks ()
{
  std::vector<Task> tasks;
  inbox_.update ([&] (Inbox &i) {
    tasks.swap (i.tasks);
    i.woken = false;
  });
  for (Task &t : tasks) {
    t ();
    t = nullptr; // destroyed in order, not when the whole round is over
  }
  return !tasks.empty ();
}
} // namespace reach
