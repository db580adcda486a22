// SPDX-License-Identifier: LGPL-2.1-or-later
#include "listener.h"
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace reach {

int Listener::bind (const std::string &address, std::uint16_t port, std::string &error)
{
  const auto a = Address::parse (address, port);
  if (!a) {
    error = "\"" + address + "\" is not an IPv4 or IPv6 address";
    return -1;
  }
  const int fd = socket (a->family (), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1, off = 0;
  if (fd >= 0) {
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->family () == AF_INET6)
      setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (fd < 0 || ::bind (fd, a->get (), a->length) != 0 || listen (fd, 1024) != 0) {
    error = strerror (errno);
    if (fd >= 0)
      ::close (fd);
    return -1;
  }
  return fd;
}

Listener::Listener (Loop &loop, int fd, Accepted accepted)
    : loop_ (loop), fd_ (fd), token_ (loop.epoll ().add (fd, EPOLLIN, *this)),
      accepted_ (std::move (accepted)),
      resume_ (loop.timers (), [this] { loop_.epoll ().modify (token_, EPOLLIN); })
{
}

Listener::~Listener ()
{
  loop_.epoll ().remove (token_);
  close (fd_);
}

void Listener::on_ready (std::uint32_t)
{
  for (int i = 0; i < 64; i++) {
    const int fd = accept4 (fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_ (fd);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The connection stays in the backlog and would wake us without end.
      loop_.epoll ().modify (token_, 0);
      resume_.arm (Clock::now () + milliseconds (200));
    }
    return;
  }
}
} // namespace reach
