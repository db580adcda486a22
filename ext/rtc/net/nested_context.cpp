// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nested_context.h"
#include <algorithm>
#include <poll.h>
#include <sys/epoll.h>

namespace reach::rtc {
namespace {
// Of one turn; then the loop's other sockets have theirs.
constexpr int most_rounds = 16;

static_assert (int{EPOLLIN} == int{G_IO_IN} && int{EPOLLOUT} == int{G_IO_OUT} &&
               int{EPOLLERR} == int{G_IO_ERR} && int{EPOLLHUP} == int{G_IO_HUP});

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

// Which descriptors are ready. An agent has ten sockets, of which one is used: where the loop has
// told of one it is that one alone, and the loop will tell of others.
void NestedContext::look (int fd, std::uint32_t ready)
{
  static_assert (sizeof (GPollFD) == sizeof (pollfd));
  if (fd < 0)
    poll (reinterpret_cast<pollfd *> (fds_.data ()), fds_.size (), 0);
  else
    for (GPollFD &f : fds_)
      f.revents = f.fd == fd ? static_cast<gushort> (ready & (f.events | EPOLLERR | EPOLLHUP)) : 0;
}

// A turn of GMainContext, whose wait is the loop's: it was prepared at the end of the last one, and
// what has been attached since has woken it.
void NestedContext::run (int fd, std::uint32_t ready)
{
  if (running_ || !g_main_context_acquire (context_))
    return;
  running_ = true;
  if (fds_.empty ())
    timeout_ = prepare ();
  for (int round = 0; round < most_rounds; round++, ready = 0) {
    look (fd, ready);
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
    const auto [it, added] = watched_.try_emplace (fd, *this, fd);
    Watched &w = it->second;
    if (added)
      w.token = loop_.epoll ().add (fd, events, w);
    else if (w.events != events)
      loop_.epoll ().modify (w.token, events);
    w.events = events;
    w.seen = w.token != 0;
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
