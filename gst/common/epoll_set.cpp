// SPDX-License-Identifier: LGPL-2.1-or-later
#include "epoll_set.h"
#include <array>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace reach {
namespace {
struct Source {
  GSource base;
  EpollSet *set;
};
} // namespace

EpollSet::EpollSet (GMainContext *context) : epoll_fd_ (epoll_create1 (EPOLL_CLOEXEC))
{
  g_assert (epoll_fd_ >= 0);
  static GSourceFuncs funcs = {nullptr, nullptr, dispatch, nullptr, nullptr, nullptr};
  source_ = g_source_new (&funcs, sizeof (Source));
  reinterpret_cast<Source *> (source_)->set = this;
  g_source_add_unix_fd (source_, epoll_fd_, G_IO_IN);
  // Else GLib takes the source's descriptor out and puts it in again around each dispatch, and
  // wakes itself.
  g_source_set_can_recurse (source_, TRUE);
  g_source_attach (source_, context);
}

EpollSet::~EpollSet ()
{
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
  std::array<epoll_event, 128> ready;
  const int n = epoll_wait (epoll_fd_, ready.data (), static_cast<int> (ready.size ()), 0);
  running_ = true;
  for (int i = 0; i < n; i++) {
    // Looked up one by one: a handler may have removed a later one.
    if (Slot *slot = find (ready[static_cast<std::size_t> (i)].data.u64))
      slot->handler->on_ready (ready[static_cast<std::size_t> (i)].events);
  }
  running_ = false;
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
