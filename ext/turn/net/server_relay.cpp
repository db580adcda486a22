// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_relay.h"
#include <cstring>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace reach::turn::server {
RelaySocket::RelaySocket (Worker &worker, int fd, RelayId id)
    : worker_ (worker), fd_ (fd), id_ (id), socket_ (worker.loop (), *this, fd, worker.area ())
{
  set_dont_fragment (false);
}

void RelaySocket::on_datagram (Bytes datagram, const reach::Address &from)
{
  if (!shut_)
    worker_.input_peer (id_, from_socket (from), datagram);
}

// The DF bit belongs to the socket, so it is changed when a datagram wants it otherwise than the
// last one did; hardly any client does.
void RelaySocket::set_dont_fragment (bool on)
{
  dont_fragment_ = on;
  const bool v6 = reach::Address::local_of (fd_).family () == AF_INET6;
  const int how =
      v6 ? (on ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT) : (on ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
  setsockopt (fd_, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &how,
      sizeof how);
}

void RelaySocket::send (const Transmit &t)
{
  if (t.dont_fragment != dont_fragment_) {
    worker_.outbox ().flush ();
    set_dont_fragment (t.dont_fragment);
  }
  worker_.outbox ().add (socket_, to_socket (t.peer), {}, t.payload, 0);
}

void RelaySocket::on_error_queue (int fd)
{
  for (int i = 0; i < 16 && !shut_; i++) {
    reach::Address to;
    std::uint8_t data[1];
    iovec piece{data, sizeof data};
    alignas (cmsghdr) char control[256];
    msghdr m{};
    m.msg_name = &to.storage;
    m.msg_namelen = sizeof to.storage;
    m.msg_iov = &piece;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    if (recvmsg (fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
      break;
    for (cmsghdr *c = CMSG_FIRSTHDR (&m); c; c = CMSG_NXTHDR (&m, c)) {
      const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
      const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
      if (!v4 && !v6)
        continue;
      sock_extended_err e;
      std::memcpy (&e, CMSG_DATA (c), sizeof e);
      if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6)
        worker_.input_icmp (id_, from_socket (to), {e.ee_type, e.ee_code, e.ee_info});
    }
  }
  worker_.flush ();
}
} // namespace reach::turn::server
