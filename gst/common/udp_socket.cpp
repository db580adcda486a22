// SPDX-License-Identifier: LGPL-2.1-or-later
#include "udp_socket.h"
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace reach {
namespace {
constexpr std::size_t slot_size = 65536; // with GRO one slot holds some 50 datagrams
constexpr std::size_t slots = UdpSocket::area_size / slot_size;
constexpr int max_rounds = 4;
constexpr int buffer_size =
    4 << 20; // a key frame of several streams must fit while the loop is busy

int open_socket (const Address &a, std::string &error)
{
  const int fd = socket (a.family (), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = strerror (errno);
    return -1;
  }
  const int on = 1;
  for (const int option :
      {SO_RCVBUFFORCE, SO_RCVBUF, SO_SNDBUFFORCE, SO_SNDBUF}) // forced where allowed
    setsockopt (fd, SOL_SOCKET, option, &buffer_size, sizeof buffer_size);
  setsockopt (fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  return fd;
}
} // namespace

int UdpSocket::bind (const std::string &address, std::uint16_t port, std::string &error)
{
  const auto a = Address::parse (address, port);
  if (!a) {
    error = "\"" + address + "\" is not an IPv4 or IPv6 address";
    return -1;
  }
  const int fd = open_socket (*a, error);
  const int off = 0;
  if (fd >= 0 && a->family () == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (fd >= 0 && ::bind (fd, a->get (), a->length) != 0) {
    error = strerror (errno);
    ::close (fd);
    return -1;
  }
  return fd;
}

int UdpSocket::connect (const Address &to, std::string &error)
{
  const int fd = open_socket (to, error);
  if (fd >= 0 && ::connect (fd, to.get (), to.length) != 0) {
    error = strerror (errno);
    ::close (fd);
    return -1;
  }
  return fd;
}

UdpSocket::UdpSocket (Loop &loop, Owner &owner, int fd, std::span<std::uint8_t> area)
    : loop_ (loop), owner_ (owner), fd_ (fd), token_ (loop.epoll ().add (fd, EPOLLIN, *this)),
      later_ (loop.timers (), [this] { owner_.on_error (error_); }),
      own_area_ (area.empty () ? area_size : 0), area_ (area.empty () ? own_area_ : area)
{
}

UdpSocket::~UdpSocket ()
{
  loop_.epoll ().remove (token_);
  close (fd_);
}

void UdpSocket::on_ready (std::uint32_t events)
{
  if (events & EPOLLOUT) {
    blocked_ = false;
    loop_.epoll ().modify (token_, EPOLLIN);
    owner_.on_writable ();
  }
  if (events & EPOLLERR) {
    owner_.on_error_queue (fd_);
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt (fd_, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0)
      owner_.on_error (error);
  }
  if (events & EPOLLIN)
    read ();
}

bool UdpSocket::read ()
{
  bool more = true;
  for (int i = 0; i < max_rounds && more; i++)
    more = receive ();
  owner_.on_datagrams_done (!more);
  return !more;
}

bool UdpSocket::receive ()
{
  std::array<mmsghdr, slots> messages{};
  std::array<iovec, slots> iov;
  std::array<Address, slots> from;
  alignas (cmsghdr) std::array<std::array<char, CMSG_SPACE (sizeof (int))>, slots> control;
  for (std::size_t i = 0; i < slots; i++) {
    iov[i] = {area_.data () + i * slot_size, slot_size};
    msghdr &h = messages[i].msg_hdr;
    h.msg_name = &from[i].storage;
    h.msg_namelen = sizeof from[i].storage;
    h.msg_iov = &iov[i];
    h.msg_iovlen = 1;
    h.msg_control = control[i].data ();
    h.msg_controllen = control[i].size ();
  }
  const int n = recvmmsg (fd_, messages.data (), slots, MSG_DONTWAIT, nullptr);
  if (n < 0 && errno != EAGAIN && errno != EINTR)
    owner_.on_error (errno);
  for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t> (n); i++) {
    msghdr &h = messages[i].msg_hdr;
    from[i].length = h.msg_namelen;
    std::size_t segment = messages[i].msg_len;
    for (cmsghdr *c = CMSG_FIRSTHDR (&h); c; c = CMSG_NXTHDR (&h, c))
      if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
        int size;
        std::memcpy (&size, CMSG_DATA (c), sizeof size);
        segment = static_cast<std::size_t> (size);
      }
    if (messages[i].msg_len == 0)
      owner_.on_empty (from[i]);
    Bytes all (area_.data () + i * slot_size, messages[i].msg_len);
    while (!all.empty () && segment > 0) {
      const std::size_t take = std::min (segment, all.size ());
      owner_.on_datagram (all.first (take), from[i]);
      all = all.subspan (take);
    }
  }
  if (n > 0)
    owner_.on_batch ();
  return n == static_cast<int> (slots);
}

// On a connected socket the network's answer to an earlier datagram comes back from whatever call
// is next. A send that meets it must pass it on, or nobody would ever learn of it.
UdpSocket::Sent UdpSocket::failed (const Address *to, int error)
{
  dropped_++;
  if (!to && (error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH)) {
    error_ = error;
    later_.arm (Clock::now ());
  }
  return Sent::yes;
}

UdpSocket::Sent UdpSocket::send_one (const Address *to, std::span<const iovec> pieces)
{
  msghdr m{};
  if (to) {
    m.msg_name = const_cast<sockaddr_storage *> (&to->storage);
    m.msg_namelen = to->length;
  }
  m.msg_iov = const_cast<iovec *> (pieces.data ());
  m.msg_iovlen = pieces.size ();
  if (sendmsg (fd_, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
    return Sent::yes;
  // With IP_RECVERR the answer to a datagram for another address comes back here, once.
  if (to && (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH) &&
      sendmsg (fd_, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
    return Sent::yes;
  if (errno == EAGAIN || errno == ENOBUFS)
    return Sent::again;
  return failed (to, errno);
}

int UdpSocket::send_segments (
    int fd, const Address *to, std::span<const iovec> pieces, std::size_t segment)
{
  alignas (cmsghdr) char control[CMSG_SPACE (sizeof (std::uint16_t))]{};
  msghdr m{};
  if (to) {
    m.msg_name = const_cast<sockaddr_storage *> (&to->storage);
    m.msg_namelen = to->length;
  }
  m.msg_iov = const_cast<iovec *> (pieces.data ());
  m.msg_iovlen = pieces.size ();
  if (segment > 0) {
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    cmsghdr *c = CMSG_FIRSTHDR (&m);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN (sizeof (std::uint16_t));
    const auto size = static_cast<std::uint16_t> (segment);
    std::memcpy (CMSG_DATA (c), &size, sizeof size);
  }
  return sendmsg (fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

UdpSocket::Sent UdpSocket::send_gso (const Address *to, const Batch &batch)
{
  const int error = send_segments (fd_, to, batch.pieces, batch.segment_size);
  if (error == 0)
    return Sent::yes;
  if (error == EAGAIN || error == ENOBUFS)
    return Sent::again;
  if (error == EMSGSIZE)
    return Sent::singly; // too many bytes for one call; the next batch may fit again
  // EIO, EINVAL, EOPNOTSUPP: no checksum offload on this path, or an old kernel.
  return error == EIO || error == EINVAL || error == EOPNOTSUPP || error == ENOPROTOOPT
             ? Sent::unsupported
             : failed (to, error);
}

bool UdpSocket::send (const Address *to, const Batch &batch)
{
  Sent result = Sent::singly;
  if (gso_ && batch.segments.size () > 1) {
    result = send_gso (to, batch);
    gso_ = result != Sent::unsupported;
  }
  if (result == Sent::singly || result == Sent::unsupported) {
    std::size_t at = 0;
    for (const std::uint8_t n : batch.segments) {
      result = send_one (to, batch.pieces.subspan (at, n));
      at += n;
      if (result == Sent::again)
        break;
    }
  }
  if (result != Sent::again)
    return true;
  blocked_ = true;
  loop_.epoll ().modify (token_, EPOLLIN | EPOLLOUT);
  return false;
}
} // namespace reach
