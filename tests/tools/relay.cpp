// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay.h"
#include <sys/epoll.h>
#include <unistd.h>

namespace reach::impair {
Fd::~Fd ()
{
  if (fd_ >= 0)
    close (fd_);
}

std::uint16_t local_port (int fd)
{
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname (fd, reinterpret_cast<sockaddr *> (&address), &length);
  return ntohs (address.sin_port);
}

bool watch (int epoll, int op, int fd, std::uint32_t events, std::uint64_t token)
{
  epoll_event e{};
  e.events = events;
  e.data.u64 = token;
  return epoll_ctl (epoll, op, fd, &e) == 0;
}
} // namespace reach::impair
