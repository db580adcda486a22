// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_udp.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace reach::turn::server {
int bind_udp (
    const std::string &address, std::uint16_t port, const UdpOptions &options, std::string &error)
{
  const auto a = reach::Address::parse (address, port);
  if (!a) {
    error = "\"" + address + "\" is not an IPv4 or IPv6 address";
    return -1;
  }
  const int fd = socket (a->family (), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = strerror (errno);
    return -1;
  }
  const int on = 1, only = options.only_family;
  const bool v6 = a->family () == AF_INET6;
  for (const int option : {SO_RCVBUFFORCE, SO_RCVBUF, SO_SNDBUFFORCE, SO_SNDBUF})
    setsockopt (fd, SOL_SOCKET, option, &options.buffer, sizeof options.buffer);
  setsockopt (fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  if (options.reuse_port)
    setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (v6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  if (options.errors)
    setsockopt (fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
  if (::bind (fd, a->get (), a->length) != 0) {
    error = strerror (errno);
    ::close (fd);
    return -1;
  }
  return fd;
}

bool is_any (const Address &a)
{
  return a && std::ranges::all_of (a.ip, [] (std::uint8_t b) { return b == 0; });
}

Address local_address (int fd)
{
  const Address a = from_socket (reach::Address::local_of (fd));
  return is_any (a) ? Address{} : a;
}

UdpEndpoint::UdpEndpoint (Worker &worker, int fd, int corner)
    : worker_ (worker), bound_ (reach::Address::local_of (fd).text ()),
      v6_ (reach::Address::local_of (fd).family () == AF_INET6),
      path_ (worker.add_path ({Transport::udp, local_address (fd), {}, corner}, *this)),
      socket_ (worker.loop (), *this, fd, worker.area ())
{
}

UdpEndpoint::~UdpEndpoint ()
{
  worker_.outbox ().flush ();
  if (path_)
    worker_.remove_path (*path_);
}

void UdpEndpoint::on_datagram (Bytes datagram, const reach::Address &from)
{
  if (path_)
    worker_.input ({*path_, from_socket (from)}, datagram);
}

void UdpEndpoint::deliver (const Transmit &t)
{
  worker_.outbox ().add (socket_, to_socket (t.client.address, v6_), t.head, t.payload, t.padding);
}
} // namespace reach::turn::server
