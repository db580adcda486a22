// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel does with what the server tells it: the bits of relayed packets, as a raw socket
// sees them.
#include "server_net.h"
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

using namespace reach;
using namespace reach::test;

namespace {
// The UDP packets to one port of this host, with their IP headers. Of other tests there may be more
// than there is room for.
class Sniffer {
public:
  explicit Sniffer (std::uint16_t port)
      : fd_ (::socket (AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP))
  {
    sock_filter code[] = {
        {BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0}, // the length of the IP header
        {BPF_LD | BPF_H | BPF_IND, 0, 0, 2},  // the port behind it
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, port},
        {BPF_RET | BPF_K, 0, 0, 0xffff},
        {BPF_RET | BPF_K, 0, 0, 0},
    };
    const sock_fprog program{std::size (code), code};
    if (fd_ >= 0)
      fail_unless (setsockopt (fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
  }
  ~Sniffer ()
  {
    if (fd_ >= 0)
      ::close (fd_);
  }
  Sniffer (const Sniffer &) = delete;
  Sniffer &operator= (const Sniffer &) = delete;
  bool ok () const { return fd_ >= 0; }

  // The DF bit of the next packet with this payload from one port to another.
  bool dont_fragment (std::uint16_t from, std::uint16_t to, std::string_view payload)
  {
    for (;;) {
      pollfd p{fd_, POLLIN, 0};
      fail_unless (poll (&p, 1, static_cast<int> (long_enough.count ())) == 1, "no such packet");
      std::uint8_t b[65536];
      const ssize_t n = ::recv (fd_, b, sizeof b, 0);
      iphdr ip;
      udphdr udp;
      if (n < static_cast<ssize_t> (sizeof ip + sizeof udp))
        continue;
      std::memcpy (&ip, b, sizeof ip);
      std::memcpy (&udp, b + ip.ihl * 4u, sizeof udp);
      const std::size_t at = ip.ihl * 4u + sizeof udp;
      if (ntohs (udp.source) == from && ntohs (udp.dest) == to &&
          std::string_view (reinterpret_cast<char *> (b) + at, static_cast<std::size_t> (n) - at) ==
              payload)
        return (ntohs (ip.frag_off) & IP_DF) != 0;
    }
  }

private:
  const int fd_;
};
} // namespace

// DONT-FRAGMENT is of one indication: those before and behind it go without, as does what comes in
// a channel (RFC 8656, 14.9 and 15).
GST_START_TEST (test_dont_fragment)
{
  Plug peer ("127.0.0.1");
  const stun::Address to = peer.local ();
  Sniffer sniffer (to.port);
  if (!sniffer.ok ()) {
    g_print ("skipped: no raw sockets here\n");
    return;
  }
  Server server;
  auto t = server.talk (Over::udp);
  fail_unless_equals_int (t->allocate (), 0);
  fail_unless_equals_int (t->permit (to), 0);
  const auto send = [&] (std::string_view text, bool flag) {
    Blob buffer (200);
    Builder b (buffer, Method::send, Class::indication, {1});
    b.xor_address (Attr::xor_peer_address, to);
    if (flag)
      b.flag (Attr::dont_fragment);
    b.text (Attr::data, text);
    t->wire.send (b.message ());
  };
  // Each longer than the one before, so that no two are sent as one (UDP GSO).
  const auto text = [] (std::size_t i) { return "packet " + std::string (i, '.'); };
  const bool flags[] = {false, true, true, false, true, false};
  for (std::size_t i = 0; i < std::size (flags); i++)
    send (text (i), flags[i]);
  for (std::size_t i = 0; i < std::size (flags); i++)
    fail_unless (
        sniffer.dont_fragment (t->relayed.port, to.port, text (i)) == flags[i], "packet %zu", i);
  fail_unless_equals_int (t->bind (0x4000, to), 0);
  send ("with", true);
  t->send (std::uint16_t{0x4000}, as_bytes ("in a channel"));
  fail_unless (sniffer.dont_fragment (t->relayed.port, to.port, "with"));
  fail_if (sniffer.dont_fragment (t->relayed.port, to.port, "in a channel"));
}
GST_END_TEST

static Suite *server_kernel_suite ()
{
  Suite *s = suite_create ("turn-server-kernel");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_dont_fragment);
  return s;
}
GST_CHECK_MAIN (server_kernel)
