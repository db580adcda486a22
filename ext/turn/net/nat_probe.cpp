// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nat_probe.h"
#include "socket_address.h"
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::turn {
namespace {
// Another port of an address, with the scope of a link-local one: packets go out where that is.
int bind_beside (reach::Address a, std::string &error)
{
  if (a.family () == AF_INET6)
    reinterpret_cast<sockaddr_in6 &> (a.storage).sin6_port = 0;
  else
    reinterpret_cast<sockaddr_in &> (a.storage).sin_port = 0;
  const int fd = socket (a.family (), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::bind (fd, a.get (), a.length) == 0)
    return fd;
  error = strerror (errno);
  if (fd >= 0)
    ::close (fd);
  return -1;
}
} // namespace

std::unique_ptr<NatProbe> NatProbe::start (
    Loop &loop, const reach::Address &server, NatDiscovery::Config c, Done done, std::string &error)
{
  // The address that leads to the server, for packets to its other address as well.
  const int way = UdpSocket::connect (server, error);
  if (way < 0)
    return nullptr;
  const reach::Address own = reach::Address::local_of (way);
  ::close (way);
  const int fd = bind_beside (own, error);
  if (fd < 0)
    return nullptr;
  c.server = from_socket (server);
  c.local = from_socket (reach::Address::local_of (fd));
  std::unique_ptr<NatProbe> p (
      new NatProbe (loop, fd, server.family () == AF_INET6, std::move (c), std::move (done)));
  return p;
}

NatProbe::NatProbe (Loop &loop, int fd, bool v6, NatDiscovery::Config c, Done done)
    : v6_ (v6), core_ (std::move (c)), socket_ (loop, *this, fd),
      timer_ (loop.timers (),
          [this] {
            core_.timeout (Clock::now ());
            drain ();
          }),
      done_ (std::move (done))
{
  core_.start (Clock::now ());
  drain ();
}

void NatProbe::on_datagram (Bytes datagram, const reach::Address &from)
{
  core_.input (datagram, from_socket (from), Clock::now ());
}

void NatProbe::drain ()
{
  for (auto t = core_.poll_transmit (); !t.bytes.empty (); t = core_.poll_transmit ()) {
    const iovec piece{t.bytes.data (), t.bytes.size ()};
    const std::uint8_t one = 1;
    const reach::Address to = to_socket (t.to, v6_);
    socket_.send (&to, {{&piece, 1}, {&one, 1}, t.bytes.size ()});
  }
  const auto report = core_.report ();
  if (!report)
    return timer_.arm (core_.poll_timeout ());
  timer_.cancel ();
  if (const Done done = std::exchange (done_, nullptr))
    done (*report);
}
} // namespace reach::turn
