// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nested_context.h"
#include <algorithm>
#include <poll.h>
#include <sys/epoll.h>

namespace reach::rtc {
namespace {
// Of one turn; then the loop's other sockets have theirs.
constexpr int most_rounds = 16;

static_assert (int{EPOLLIN} == int{G_IO_IN} && int{EPOLLOUT} == int{G_IO_OUT});

bool same (const std::vector<GPollFD> &a, const std::vector<GPollFD> &b)
{
  return std::equal (a.begin (), a.end (), b.begin (), b.end (),
      [] (const GPollFD &x, const GPollFD &y) { return x.fd == y.fd && x.events == y.events; });
}
} // namespace

NestedContext::NestedContext (Loop &loop)
    : loop_ (loop),
      // Without the flag a source that is attached between our turns would not be noticed.
      context_ (g_main_context_new_with_flags (G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING)),
      timer_ (loop.timers (), [this] { run (); })
{
  run ();
}

NestedContext::~NestedContext ()
{
  for (const auto &[fd, w] : watched_)
    loop_.epoll ().remove (w.token);
  g_main_context_unref (context_);
}

// What the context waits for now. The time until it wants to run, -1: none.
int NestedContext::prepare ()
{
  gint priority = 0, timeout = -1;
  const bool ready = g_main_context_prepare (context_, &priority);
  fds_.resize (std::max<std::size_t> (fds_.capacity (), 8));
  gint n = 0;
  while ((n = g_main_context_query (context_, G_MAXINT, &timeout, fds_.data (),
              static_cast<gint> (fds_.size ()))) > static_cast<gint> (fds_.size ()))
    fds_.resize (static_cast<std::size_t> (n));
  fds_.resize (static_cast<std::size_t> (n));
  return ready ? 0 : timeout;
}

// A turn of GMainContext, whose wait is the loop's: it was prepared at the end of the last one, and
// what has been attached since has woken it.
void NestedContext::run ()
{
  if (running_ || !g_main_context_acquire (context_))
    return;
  running_ = true;
  if (fds_.empty ())
    timeout_ = prepare ();
  for (int round = 0; round < most_rounds; round++) {
    static_assert (sizeof (GPollFD) == sizeof (pollfd));
    poll (reinterpret_cast<pollfd *> (fds_.data ()), fds_.size (), 0);
    if (g_main_context_check (context_, G_MAXINT, fds_.data (), static_cast<gint> (fds_.size ())))
      g_main_context_dispatch (context_);
    timeout_ = prepare ();
    if (timeout_ != 0)
      break; // epoll tells if there is more
  }
  watch ();
  g_main_context_release (context_);
  running_ = false;
  if (timeout_ < 0)
    timer_.cancel ();
  else
    timer_.arm (Clock::now () + milliseconds (timeout_));
}

void NestedContext::watch ()
{
  if (same (fds_, watched_fds_))
    return;
  for (auto &[fd, w] : watched_)
    w.seen = false;
  std::map<int, gushort> wanted; // one descriptor may be there with several priorities
  for (const GPollFD &f : fds_)
    wanted[f.fd] = static_cast<gushort> (wanted[f.fd] | f.events);
  for (const auto &[fd, events] : wanted) {
    const auto it = watched_.find (fd);
    if (it == watched_.end ()) {
      if (const EpollSet::Token token = loop_.epoll ().add (fd, events, *this))
        watched_[fd] = {token, events, true};
      continue;
    }
    it->second.seen = true;
    if (it->second.events != events)
      loop_.epoll ().modify (it->second.token, it->second.events = events);
  }
  for (auto it = watched_.begin (); it != watched_.end ();) {
    if (it->second.seen) {
      ++it;
      continue;
    }
    loop_.epoll ().remove (it->second.token);
    it = watched_.erase (it);
  }
  watched_fds_ = fds_;
}
} // namespace reach::rtc
