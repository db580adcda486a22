// SPDX-License-Identifier: LGPL-2.1-or-later
#include "epoll_set.h"
#include <algorithm>
#include <array>
#include <span>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace reach {
namespace {
struct Source {
  GSource base;
  EpollSet *set;
  int epoll_fd, wakeup_fd; // wakeup: what other threads wake the context with
  bool running;
  int count; // events that the context's poll () has found for the next run ()
  std::array<epoll_event, 128> ready;

  std::span<const epoll_event> wait (int timeout)
  {
    count = epoll_wait (epoll_fd, ready.data (), static_cast<int> (ready.size ()), timeout);
    return std::span (ready).first (static_cast<std::size_t> (std::max (count, 0)));
  }
};

constexpr EpollSet::Token wakeup_token = 0; // no handler's
thread_local Source *about_to_poll = nullptr;

gboolean prepare (GSource *s, gint *timeout)
{
  about_to_poll = reinterpret_cast<Source *> (s);
  *timeout = -1;
  return FALSE;
}

bool watch_wakeup (Source &s, int fd)
{
  epoll_event ev{};
  ev.events = EPOLLIN;
  ev.data.u64 = wakeup_token;
  if (s.wakeup_fd < 0 && epoll_ctl (s.epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
    s.wakeup_fd = fd;
  return s.wakeup_fd == fd;
}

// While the context has no other descriptors than the set's and its own for waking, it waits in
// epoll_wait (): one call of the kernel for each wake-up instead of poll () and epoll_wait ().
gint poll_set (GPollFD *fds, guint n, gint timeout)
{
  Source *s = std::exchange (about_to_poll, nullptr);
  if (!s || s->running || n != 2)
    return g_poll (fds, n, timeout);
  s->count = 0;
  GPollFD &self = fds[fds[0].fd == s->epoll_fd ? 0 : 1], &wakeup = fds[&self == fds ? 1 : 0];
  if (self.fd != s->epoll_fd || self.events != G_IO_IN || wakeup.events != G_IO_IN ||
      !watch_wakeup (*s, wakeup.fd))
    return g_poll (fds, n, timeout);
  self.revents = wakeup.revents = 0;
  for (const epoll_event &e : s->wait (timeout))
    (e.data.u64 == wakeup_token ? wakeup : self).revents = G_IO_IN;
  return s->count;
}
} // namespace

EpollSet::EpollSet (GMainContext *context) : epoll_fd_ (epoll_create1 (EPOLL_CLOEXEC))
{
  g_assert (epoll_fd_ >= 0);
  static GSourceFuncs funcs = {prepare, nullptr, dispatch, nullptr, nullptr, nullptr};
  source_ = g_source_new (&funcs, sizeof (Source));
  auto *source = reinterpret_cast<Source *> (source_);
  source->set = this;
  source->epoll_fd = epoll_fd_;
  source->wakeup_fd = -1;
  g_main_context_set_poll_func (context, poll_set);
  g_source_add_unix_fd (source_, epoll_fd_, G_IO_IN);
  // Else GLib takes the source's descriptor out and puts it in again around each dispatch, and
  // wakes itself.
  g_source_set_can_recurse (source_, TRUE);
  g_source_attach (source_, context);
}

EpollSet::~EpollSet ()
{
  if (about_to_poll == reinterpret_cast<Source *> (source_))
    about_to_poll = nullptr;
  g_source_destroy (source_);
  g_source_unref (source_);
  close (epoll_fd_);
}

EpollSet::Token EpollSet::add (int fd, std::uint32_t events, Handler &handler)
{
  if (free_.empty ()) {
    free_.push_back (static_cast<std::uint32_t> (slots_.size ()));
    slots_.emplace_back ();
  }
  const std::uint32_t index = free_.back ();
  Slot &slot = slots_[index];
  const Token token = static_cast<Token> (++slot.generation) << 32 | index;
  epoll_event ev{};
  ev.events = events;
  ev.data.u64 = token;
  if (epoll_ctl (epoll_fd_, EPOLL_CTL_ADD, fd, &ev) != 0)
    return 0;
  free_.pop_back ();
  slot.handler = &handler;
  slot.fd = fd;
  return token;
}

EpollSet::Slot *EpollSet::find (Token token)
{
  const auto index = static_cast<std::uint32_t> (token);
  if (index >= slots_.size () || slots_[index].generation != token >> 32 || !slots_[index].handler)
    return nullptr;
  return &slots_[index];
}

void EpollSet::modify (Token token, std::uint32_t events)
{
  const Slot *slot = find (token);
  if (!slot)
    return;
  epoll_event ev{};
  ev.events = events;
  ev.data.u64 = token;
  epoll_ctl (epoll_fd_, EPOLL_CTL_MOD, slot->fd, &ev);
}

void EpollSet::remove (Token token)
{
  Slot *slot = find (token);
  if (!slot)
    return;
  epoll_ctl (epoll_fd_, EPOLL_CTL_DEL, slot->fd, nullptr);
  slot->handler = nullptr;
  free_.push_back (static_cast<std::uint32_t> (token));
}

void EpollSet::run ()
{
  auto *source = reinterpret_cast<Source *> (source_);
  const auto n = static_cast<std::size_t> (std::max (source->count, 0));
  const auto ready =
      n > 0 ? std::span<const epoll_event> (source->ready).first (n) : source->wait (0);
  source->count = 0;
  running_ = source->running = true;
  for (const epoll_event &e : ready)
    // Looked up one by one: a handler may have removed a later one. An event may be old, as sources
    // of a higher priority go first; handlers never block.
    if (Slot *slot = find (e.data.u64))
      slot->handler->on_ready (e.events);
  running_ = source->running = false;
  for (const auto &task : std::exchange (after_, {}))
    task ();
}

bool EpollSet::after_round (std::function<void ()> task)
{
  if (running_)
    after_.push_back (std::move (task));
  return running_;
}

gboolean EpollSet::dispatch (GSource *s, GSourceFunc, gpointer)
{
  reinterpret_cast<Source *> (s)->set->run ();
  return G_SOURCE_CONTINUE;
}
} // namespace reach
