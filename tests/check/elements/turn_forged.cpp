// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets that somebody forges who knows both ends' addresses and ports: ICMP that says the server
// is gone. It needs raw sockets.
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_script.h"
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

using namespace reach::test;

namespace {
class Forger {
public:
  Forger () : fd_ (::socket (AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)) {}
  ~Forger ()
  {
    if (fd_ >= 0)
      ::close (fd_);
  }
  Forger (const Forger &) = delete;
  Forger &operator= (const Forger &) = delete;
  bool ok () const { return fd_ >= 0; }

  // "Nobody listens on that port", about a datagram from one port of this host to another.
  void unreachable (std::uint16_t from, std::uint16_t to) const
  {
    struct {
      icmphdr icmp;
      iphdr ip;
      udphdr udp;
    } p{};
    static_assert (sizeof p == 36);
    p.icmp.type = ICMP_DEST_UNREACH;
    p.icmp.code = ICMP_PORT_UNREACH;
    p.ip.version = 4;
    p.ip.ihl = 5;
    p.ip.tot_len = htons (128);
    p.ip.ttl = 64;
    p.ip.protocol = IPPROTO_UDP;
    p.ip.saddr = p.ip.daddr = htonl (INADDR_LOOPBACK);
    p.udp.source = htons (from);
    p.udp.dest = htons (to);
    p.udp.len = htons (108);
    p.icmp.checksum = checksum (reinterpret_cast<const std::uint8_t *> (&p), sizeof p);
    sockaddr_in host{};
    host.sin_family = AF_INET;
    host.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    fail_unless (::sendto (fd_, &p, sizeof p, 0, reinterpret_cast<const sockaddr *> (&host),
                     sizeof host) == sizeof p);
  }

private:
  static std::uint16_t checksum (const std::uint8_t *b, std::size_t n)
  {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < n; i += 2)
      sum += static_cast<std::uint32_t> (b[i] << 8 | b[i + 1]);
    while (sum >> 16)
      sum = (sum & 0xffff) + (sum >> 16);
    return htons (static_cast<std::uint16_t> (~sum));
  }
  const int fd_;
};

std::uint16_t local_port (const Pipeline &p)
{
  GstElement *e = p.by_name ("src");
  GstStructure *s = nullptr;
  g_object_get (e, "allocation", &s, nullptr);
  gst_object_unref (e);
  const std::string local = gst_structure_get_string (s, "local");
  gst_structure_free (s);
  return static_cast<std::uint16_t> (std::stoi (local.substr (local.rfind (':') + 1)));
}
} // namespace

// The server is asked, and as it answers it is believed, however long that goes on; a flood makes
// no flood of questions.
GST_START_TEST (test_icmp)
{
  Forger forger;
  if (!forger.ok ()) {
    g_print ("skipped: no raw sockets here\n");
    return;
  }
  ScriptedServer server;
  Pipeline p ("turnrelaysrc name=src uri=" + server.uri () + " ! fakesink");
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  const std::uint16_t port = local_port (p);
  forger.unreachable (port, server.address ().port);
  fail_unless (server.wait_asked (Method::refresh, 1)); // it was believed so far
  const gint64 begin = g_get_monotonic_time ();
  unsigned sent = 0;
  fail_unless (iterate_until ([&] { // for longer than what is needed to be believed
    forger.unreachable (port, server.address ().port);
    return ++sent > 100 && server.asked (Method::refresh) >= 5;
  }));
  const auto passed = static_cast<unsigned> ((g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
  fail_unless (passed >= 3 && server.asked (Method::refresh) <= 2 + passed, "%u in %u s",
      server.asked (Method::refresh), passed);
  fail_unless (server.asked (Method::allocate) == 1 && server.clients () == 1);
  fail_unless (p.stat ("src", "allocations-lost") == 0);
  fail_unless (p.text ("src", "relayed-address") == to_string (server.relayed));
}
GST_END_TEST

static Suite *turn_forged_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-forged");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_icmp);
  return s;
}
GST_CHECK_MAIN (turn_forged)
