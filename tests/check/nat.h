// SPDX-License-Identifier: LGPL-2.1-or-later
// A router that hides a network namespace behind one public address, as home routers do: it changes
// addresses and ports of IPv4 packets between two tun devices, and lets in only what answers
// something from inside.
#pragma once
#include "check.h"
#include <arpa/inet.h>
#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <map>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <tuple>
#include <unistd.h>

namespace reach::test {
// A network namespace of its own. Threads that are made while it is entered live in it.
class Namespace {
public:
  Namespace () : fd_ (unshare (CLONE_NEWNET) == 0 ? here () : -1) {}
  ~Namespace ()
  {
    if (fd_ >= 0)
      close (fd_);
  }
  Namespace (const Namespace &) = delete;
  Namespace &operator= (const Namespace &) = delete;
  bool ok () const { return fd_ >= 0; }
  void enter () const { fail_unless_equals_int (setns (fd_, CLONE_NEWNET), 0); }
  // For ip's argument netns, while this object lives.
  std::string path () const
  {
    return "/proc/" + std::to_string (getpid ()) + "/fd/" + std::to_string (fd_);
  }

  // In the one that is entered. -1: not possible here.
  static int make_tun (const char *name)
  {
    const int fd = open ("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq r{};
    r.ifr_flags = IFF_TUN | IFF_NO_PI;
    g_strlcpy (r.ifr_name, name, sizeof r.ifr_name);
    if (fd >= 0 && ioctl (fd, TUNSETIFF, &r) == 0)
      return fd;
    if (fd >= 0)
      close (fd);
    return -1;
  }
  static bool ip (const std::string &arguments)
  {
    return system (("ip " + arguments).c_str ()) == 0; // a child is in the same namespace
  }

private:
  static int here () { return open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }
  int fd_;
};

class Nat {
public:
  Nat (int inside, int outside, const char *address)
      : inside_ (inside), outside_ (outside), address_ (inet_addr (address)),
        thread_ ([this] { run (); })
  {
  }
  ~Nat ()
  {
    stop_ = true;
    thread_.join ();
    close (inside_);
    close (outside_);
  }
  Nat (const Nat &) = delete;
  Nat &operator= (const Nat &) = delete;

  std::atomic<unsigned> passed{0}, refused{0}; // packets from outside

private:
  using End = std::pair<std::uint32_t, std::uint16_t>; // as on the wire
  struct Mapping {
    End inside;
    std::map<End, bool> peers;
  };
  static constexpr std::size_t ip_size = 20;

  void run ()
  {
    pollfd p[] = {{inside_, POLLIN, 0}, {outside_, POLLIN, 0}};
    while (!stop_) {
      poll (p, 2, 20);
      for (int i = 0; i < 2; i++) {
        ssize_t n = 0;
        while ((n = read (p[i].fd, packet_, sizeof packet_)) > 0)
          if (translate (static_cast<std::size_t> (n), i == 0))
            (void)!write (p[1 - i].fd, packet_, static_cast<std::size_t> (n));
      }
    }
  }

  bool translate (std::size_t n, bool outwards)
  {
    const std::uint8_t protocol = packet_[9];
    if (n < ip_size + 8 || packet_[0] != 0x45 ||
        (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
      return false;
    const End from = end_at (12, 20), to = end_at (16, 22);
    if (outwards) {
      auto &port = ports_[{protocol, from.first, from.second}];
      if (port == 0)
        port = htons (next_port_++);
      Mapping &m = mappings_[{protocol, port}];
      m.inside = from;
      m.peers[to] = true;
      put_end (12, 20, {address_, port});
    } else {
      const auto it = mappings_.find ({protocol, to.second});
      if (to.first != address_ || it == mappings_.end () || !it->second.peers.count (from)) {
        refused++;
        return false;
      }
      put_end (16, 22, it->second.inside);
      passed++;
    }
    fill_in_checksums (n, protocol);
    return true;
  }

  End end_at (std::size_t address, std::size_t port) const
  {
    End e;
    std::memcpy (&e.first, packet_ + address, 4);
    std::memcpy (&e.second, packet_ + port, 2);
    return e;
  }
  void put_end (std::size_t address, std::size_t port, const End &e)
  {
    std::memcpy (packet_ + address, &e.first, 4);
    std::memcpy (packet_ + port, &e.second, 2);
  }

  static std::uint32_t sum (const std::uint8_t *p, std::size_t n)
  {
    std::uint32_t s = 0;
    for (std::size_t i = 0; i < n; i++)
      s += i % 2 ? p[i] : static_cast<std::uint32_t> (p[i] << 8);
    return s;
  }
  void put_checksum (std::size_t at, std::uint32_t s)
  {
    while (s >> 16)
      s = (s & 0xffff) + (s >> 16);
    packet_[at] = static_cast<std::uint8_t> (~s >> 8);
    packet_[at + 1] = static_cast<std::uint8_t> (~s);
  }
  void fill_in_checksums (std::size_t n, std::uint8_t protocol)
  {
    packet_[10] = packet_[11] = 0;
    put_checksum (10, sum (packet_, ip_size));
    const std::size_t at = ip_size + (protocol == IPPROTO_TCP ? 16u : 6u);
    packet_[at] = packet_[at + 1] = 0;
    const auto size = static_cast<std::uint32_t> (n - ip_size);
    put_checksum (at, sum (packet_ + 12, 8) + protocol + size + sum (packet_ + ip_size, size));
  }

  const int inside_, outside_;
  const std::uint32_t address_;
  std::uint8_t packet_[65536];
  std::map<std::tuple<std::uint8_t, std::uint32_t, std::uint16_t>, std::uint16_t> ports_;
  std::map<std::pair<std::uint8_t, std::uint16_t>, Mapping> mappings_;
  std::uint16_t next_port_ = 40000;
  std::atomic<bool> stop_{false};
  std::thread thread_; // last: it uses all of the above
};
} // namespace reach::test
