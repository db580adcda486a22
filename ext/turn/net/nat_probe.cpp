// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nat_probe.h"
#include "socket_address.h"
#include <sys/socket.h>
#include <unistd.h>

namespace reach::turn {
std::unique_ptr<NatProbe> NatProbe::start (
    Loop &loop, const reach::Address &server, NatDiscovery::Config c, Done done, std::string &error)
{
  // The address that leads to the server, for packets to its other address as well.
  const int way = UdpSocket::connect (server, error);
  if (way < 0)
    return nullptr;
  const std::string host = reach::Address::local_of (way).host ();
  ::close (way);
  const int fd = UdpSocket::bind (host, 0, error);
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
