// SPDX-License-Identifier: LGPL-2.1-or-later
// Two homes that see each other's routers and no more: each is a network namespace behind another
// one, in which the kernel's nftables masquerade with a random port for each peer (a symmetric NAT)
// and refuse what nobody inside has asked for. The namespaces have no names, so that the kernel
// takes them back whenever the test ends, however it does.
#pragma once
#include "nat.h"
#include "wait.h"
#include <cstdio>
#include <netinet/in.h>

namespace reach::test {
// Runs shell commands in the namespace of this thread. Empty: they succeeded; else what they say.
inline std::string run_here (const std::string &script)
{
  std::string said;
  FILE *f = popen (("exec 2>&1; set -e; " + script).c_str (), "r");
  char part[256];
  while (f && fgets (part, sizeof part, f))
    said += part;
  const bool ok = f && pclose (f) == 0;
  return ok ? "" : said.empty () ? "a command failed" : said;
}

class Home {
public:
  explicit Home (unsigned number) : number_ (number) {}

  std::string address () const { return "203.0.113." + std::to_string (1 + number_); }
  std::string inner_address () const { return net () + "2"; }
  // Empty, or why it cannot be.
  std::string make (const Namespace &world, const std::string &world_address)
  {
    if (!host.ok () || !router.ok () || !world.ok ())
      return "no network namespaces of our own";
    const std::string wire = "to-home" + std::to_string (number_);
    router.enter ();
    std::string trouble =
        run_here ("ip link add out type veth peer name " + wire + " netns " + world.path () +
                  "; ip link add in type veth peer name wire netns " + host.path () +
                  "; ip addr add " + address () + " peer " + world_address + "/32 dev out" +
                  "; ip addr add " + net () + "1/24 dev in; ip link set out up; ip link set in up" +
                  "; ip route add default via " + world_address + "; " + forwarding + rules);
    host.enter ();
    if (trouble.empty ())
      trouble = run_here ("ip addr add " + inner_address () +
                          "/24 dev wire; ip link set wire up; ip link set lo up" +
                          "; ip route add default via " + net () + "1");
    world.enter ();
    if (trouble.empty ())
      trouble =
          run_here ("ip link set lo up; ip addr add " + world_address + " peer " + address () +
                    "/32 dev " + wire + "; ip link set " + wire + " up; " + forwarding);
    return trouble;
  }
  // Packets from outside that answer nothing. The caller's namespace is `back` afterwards.
  unsigned refused (const Namespace &back) const
  {
    router.enter ();
    FILE *f = popen ("nft list counter ip home refused", "r");
    back.enter ();
    unsigned n = 0;
    char line[256];
    while (f && fgets (line, sizeof line, f))
      (void)!std::sscanf (line, " packets %u", &n);
    fail_unless (f && pclose (f) == 0);
    return n;
  }

  const Namespace host, router;

private:
  static constexpr const char *forwarding = "echo 1 > /proc/sys/net/ipv4/ip_forward; ";
  static constexpr const char *rules = R"(nft -f - <<END
table ip home {
  counter refused { }
  chain nat {
    type nat hook postrouting priority 100; policy accept;
    oifname "out" masquerade random,fully-random
  }
  chain inwards {
    type filter hook forward priority 0; policy accept;
    iifname "out" ct state != { established, related } counter name refused drop
  }
  chain router {
    type filter hook input priority 0; policy accept;
    iifname "out" ct state != { established, related } counter name refused drop
  }
}
END
)";
  std::string net () const { return "10.0." + std::to_string (number_) + "."; }
  const unsigned number_;
};

// A UDP socket of the namespace in which it was made.
class Plug {
public:
  explicit Plug (const Namespace &n, const std::string &address)
  {
    n.enter ();
    fd_ = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in a = at (address, 0);
    fail_unless_equals_int (bind (fd_, reinterpret_cast<sockaddr *> (&a), sizeof a), 0);
    socklen_t size = sizeof local;
    fail_unless (getsockname (fd_, reinterpret_cast<sockaddr *> (&local), &size) == 0);
  }
  ~Plug () { close (fd_); }
  Plug (const Plug &) = delete;
  Plug &operator= (const Plug &) = delete;

  static sockaddr_in at (const std::string &address, unsigned port)
  {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons (static_cast<std::uint16_t> (port));
    a.sin_addr.s_addr = inet_addr (address.c_str ());
    return a;
  }
  // False: the network says at once that nobody is there.
  bool send (const sockaddr_in &to)
  {
    return sendto (fd_, "x", 1, 0, reinterpret_cast<const sockaddr *> (&to), sizeof to) == 1;
  }
  sockaddr_in receive ()
  {
    pollfd p{fd_, POLLIN, 0};
    fail_unless_equals_int (poll (&p, 1, static_cast<int> (long_enough.count ())), 1);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    char byte = 0;
    fail_unless (recvfrom (fd_, &byte, 1, 0, reinterpret_cast<sockaddr *> (&from), &size) == 1);
    return from;
  }
  bool empty ()
  {
    char byte = 0;
    return recv (fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }
  sockaddr_in local{};

private:
  int fd_ = -1;
};
} // namespace reach::test
