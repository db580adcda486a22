// SPDX-License-Identifier: LGPL-2.1-or-later
#include "socket_twin.h"
#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace reach::rtc {
namespace {
// No datagram is longer than 64 KiB. The rest spreads the slots over the processor's cache.
constexpr std::size_t slots = 16, slot_size = 66 << 10;
constexpr int most_reads = 4; // of a turn

// One for all twins of a thread. Only pages that a datagram was written to take memory.
std::uint8_t *area ()
{
  thread_local const std::unique_ptr<std::uint8_t[]> bytes =
      std::make_unique_for_overwrite<std::uint8_t[]> (slots * slot_size);
  return bytes.get ();
}

template <typename List> auto find (List &list, const Address &a)
{
  return std::ranges::find_if (list, [&] (const Address &b) { return same_endpoint (a, b); });
}

bool contains (const std::vector<Address> &list, const Address &a)
{
  return find (list, a) != list.end ();
}

void add (std::vector<Address> &list, const Address &a, std::size_t most)
{
  if (list.size () == most)
    list.erase (list.begin ());
  list.push_back (a);
}

bool bind_beside (int fd, int socket, const Address &local)
{
  const int on = 1, room = SocketTwin::receive_buffer;
  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  return setsockopt (socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
         setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
         (local.family () != AF_INET6 ||
             setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
         ::bind (fd, local.get (), local.length) == 0;
}
} // namespace

std::unique_ptr<SocketTwin> SocketTwin::open (Loop &loop, int socket, Owner &owner, TwinRules rules)
{
  const Address local = Address::local_of (socket);
  const int fd = ::socket (local.family (), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return nullptr;
  std::unique_ptr<SocketTwin> twin (new SocketTwin (loop, fd, local, owner, std::move (rules)));
  if (bind_beside (fd, socket, local) && attach_filter (fd, twin->rules_))
    twin->token_ = loop.epoll ().add (fd, EPOLLIN, *twin);
  return twin->token_ ? std::move (twin) : nullptr;
}

SocketTwin::SocketTwin (Loop &loop, int fd, const Address &local, Owner &owner, TwinRules rules)
    : loop_ (loop), owner_ (owner), fd_ (fd), local_ (local), rules_ (std::move (rules))
{
}

SocketTwin::~SocketTwin ()
{
  if (token_)
    loop_.epoll ().remove (token_);
  ::close (fd_);
}

bool SocketTwin::hear (const Address &remote)
{
  if (const auto known = find (rules_.peers, remote); known != rules_.peers.end ()) {
    std::rotate (known, known + 1, rules_.peers.end ()); // the last one to go
    return true;
  }
  const std::vector<Address> before = rules_.peers;
  add (rules_.peers, remote, TwinRules::max_peers);
  if (attach_filter (fd_, rules_))
    return true;
  rules_.peers = before;
  return false;
}

void SocketTwin::on_ready (std::uint32_t)
{
  for (int i = 0; i < most_reads && receive (); i++)
    ;
}

// False: nothing more waits.
bool SocketTwin::receive ()
{
  std::array<mmsghdr, slots> messages;
  std::array<iovec, slots> pieces;
  std::array<Address, slots> from;
  for (std::size_t i = 0; i < slots; i++) {
    pieces[i] = {area () + i * slot_size, slot_size};
    messages[i] = {};
    messages[i].msg_hdr.msg_name = &from[i].storage;
    messages[i].msg_hdr.msg_namelen = sizeof from[i].storage;
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int n = recvmmsg (fd_, messages.data (), slots, MSG_DONTWAIT, nullptr);
  for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t> (n); i++) {
    from[i].length = messages[i].msg_hdr.msg_namelen;
    input ({area () + i * slot_size, messages[i].msg_len}, from[i]);
  }
  return n == static_cast<int> (slots);
}

// Looked at once more: it may have been on its way before the filter, or one of its rules, was
// there.
void SocketTwin::input (std::span<std::uint8_t> datagram, const Address &from)
{
  const std::uint8_t first = datagram.empty () ? 0 : datagram[0];
  if (first < 20)
    ask (datagram, from);
  else if (contains (rules_.peers, from))
    owner_.on_twin_packet (datagram);
}

void SocketTwin::ask (Bytes request, const Address &from)
{
  if (!rules_.ask_bindings || contains (rules_.accepted, from) ||
      !owner_.accept_binding (request, from))
    return;
  const std::vector<Address> before = rules_.accepted;
  add (rules_.accepted, from, TwinRules::max_accepted);
  if (!attach_filter (fd_, rules_)) // asked about again, when the kernel has room
    rules_.accepted = before;
}
} // namespace reach::rtc
