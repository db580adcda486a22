// SPDX-License-Identifier: LGPL-2.1-or-later
// The floor of a fan-out: one send () of a frame and its header per reader and frame, and nothing
// else but reading, and throwing away, what the readers say.
#include "load.h"
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace reach::bench {
namespace {
int listen_on (std::uint16_t port)
{
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons (port);
  here.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (bind (fd, reinterpret_cast<const sockaddr *> (&here), sizeof here) != 0 ||
      listen (fd, 1024) != 0) {
    std::perror ("reach-bench: listen");
    close (fd);
    return -1;
  }
  return fd;
}

void sleep_until (std::int64_t ns)
{
  const timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

struct Loop {
  int listener;
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  std::vector<int> readers;
  std::uint64_t writes = 0, not_taken = 0; // bytes a full socket refused

  ~Loop ()
  {
    for (const int fd : readers)
      close (fd);
    close (epoll);
    close (listener);
  }
  void accept_new ()
  {
    const int on = 1;
    for (int fd; (fd = accept4 (listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event e{};
      e.events = EPOLLIN;
      e.data.fd = fd;
      epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &e);
      readers.push_back (fd);
    }
  }
  void hear ()
  {
    epoll_event events[128];
    char thrown_away[4096];
    const int n = epoll_wait (epoll, events, 128, 0);
    for (int i = 0; i < n; i++)
      if (recv (events[i].data.fd, thrown_away, sizeof thrown_away, 0) <= 0)
        epoll_ctl (epoll, EPOLL_CTL_DEL, events[i].data.fd, nullptr);
  }
  void frame (const char *data, std::size_t size)
  {
    for (const int fd : readers) {
      const auto sent = ::send (fd, data, size, MSG_NOSIGNAL);
      not_taken += size - static_cast<std::size_t> (std::max<ssize_t> (sent, 0));
      writes++;
    }
  }
};
} // namespace

int send_loop (const Options &options)
{
  const Load load = Load::from (options);
  const std::size_t header = options.count ("header", 48);
  Loop loop{listen_on (static_cast<std::uint16_t> (options.count ("port", 0))), {}};
  if (loop.listener < 0)
    return 1;
  const std::vector<char> data (std::max (load.size, load.key_size) + header, 'x');
  Json ().add ("state", std::string ("playing")).print ();
  const auto start = Usage::now ();
  const double end = start.at + options.number ("timeout", 120);
  const auto begin = monotonic_ns ();
  {
    const Commands commands;
    for (std::uint64_t n = 0; n < load.count && !commands.quit () && Usage::now ().at < end; n++) {
      sleep_until (begin + static_cast<std::int64_t> (static_cast<double> (n) / load.fps * 1e9));
      loop.accept_new ();
      loop.hear ();
      loop.frame (data.data (), load.frame_size (n) + header);
    }
  }
  Json json;
  json.add ("role", std::string ("send-loop"))
      .add ("writes", loop.writes)
      .add ("not_taken", loop.not_taken);
  add_usage (json, start, Usage::now ());
  json.print ();
  return 0;
}
} // namespace reach::bench
