// SPDX-License-Identifier: LGPL-2.1-or-later
// A socket of our own beside one of libnice's: which of them a datagram comes to, that ICE still
// hears what is its own, and that nothing is lost where the kernel does not do it.
#include "common/udp_socket.h"
#include "peers.h"
#include "rtc/net/socket_twin.h"
#include "turn/net/hashes.h"
#include "turn/proto/builder.h"
#include "turn/proto/integrity.h"
#include <atomic>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace reach;
using namespace reach::test;
using Seen = Peer::Seen;

namespace {
const Datagram rtp{0x80, 96, 0, 1}, rtcp{0x81, 200, 0, 1}, dtls{22, 254, 253},
    request{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

struct End {
  int fd = -1;
  Address at;
  explicit End (const char *host)
  {
    const auto any = Address::parse (host, 0);
    fd = ::socket (any->family (), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fail_unless (fd >= 0 && ::bind (fd, any->get (), any->length) == 0);
    at = Address::local_of (fd);
  }
  ~End () { close (); }
  End (const End &) = delete;
  End &operator= (const End &) = delete;
  void close ()
  {
    if (fd >= 0)
      ::close (std::exchange (fd, -1));
  }
  void send (const Datagram &d, const End &to) const { send (d, to.at); }
  void send (const Datagram &d, const Address &to) const
  {
    fail_unless (sendto (fd, d.data (), d.size (), 0, to.get (), to.length) ==
                 static_cast<ssize_t> (d.size ()));
  }
  Datagram receive () const
  {
    pollfd p{fd, POLLIN, 0};
    fail_unless (poll (&p, 1, static_cast<int> (long_enough.count ())) == 1);
    Datagram d (65536);
    const ssize_t n = recv (fd, d.data (), d.size (), MSG_DONTWAIT);
    fail_unless (n >= 0);
    d.resize (static_cast<std::size_t> (n));
    return d;
  }
  bool empty () const
  {
    char byte;
    return recv (fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }
};

class Ear final : public SocketTwin::Owner {
public:
  Watched<std::vector<Datagram>> packets;
  Watched<unsigned> asked;
  std::atomic<bool> accept{false};

  void on_twin_packet (std::span<std::uint8_t> packet) override
  {
    packets.update ([&] (auto &all) { all.emplace_back (packet.begin (), packet.end ()); });
    std::ranges::fill (packet, std::uint8_t (0xee)); // may be changed
  }
  bool accept_binding (Bytes, const Address &) override
  {
    asked.update ([] (unsigned &n) { n++; });
    return accept;
  }
  Datagram next ()
  {
    Datagram d;
    fail_unless (packets.wait ([] (const auto &all) { return !all.empty (); }));
    packets.update ([&] (auto &all) {
      d = all.front ();
      all.erase (all.begin ());
    });
    return d;
  }
};

// What stands for libnice's socket, its twin, the peer and somebody else.
struct Port {
  Loop loop{"twin"};
  Ear ear;
  End nice, peer, stranger;
  std::unique_ptr<SocketTwin> twin;
  explicit Port (const char *host) : nice (host), peer (host), stranger (host) {}
  ~Port ()
  {
    loop.call ([this] { twin.reset (); });
  }
  bool open (TwinRules rules)
  {
    loop.call ([&] { twin = SocketTwin::open (loop, nice.fd, ear, std::move (rules)); });
    return twin != nullptr;
  }
  bool hear (const End &from)
  {
    bool good = false;
    loop.call ([&] { good = twin->hear (from.at); });
    return good;
  }
  void expect_nice (const End &from, const Datagram &d)
  {
    from.send (d, nice);
    fail_unless (nice.receive () == d, "first byte %d", d.empty () ? -1 : d[0]);
  }
  void expect_twin (const End &from, const Datagram &d)
  {
    from.send (d, nice);
    fail_unless (ear.next () == d, "first byte %d", d[0]);
    fail_unless (nice.empty ());
  }
};

// setsockopt (SO_ATTACH_REUSEPORT_CBPF) is refused to this thread and those that it starts.
bool refuse_filters ()
{
  sock_filter code[] = {
      BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (seccomp_data, nr)),
      BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 3),
      BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (seccomp_data, args[2])),
      BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SO_ATTACH_REUSEPORT_CBPF, 0, 1),
      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size (code), code};
  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

template <typename F> void without_filters (F &&f)
{
  std::thread ([&] {
    if (refuse_filters ())
      f ();
    else
      g_print ("skipped: no seccomp here (%s)\n", g_strerror (errno));
  }).join ();
}

std::uint64_t heard (Peer &p)
{
  return p.on_loop ([] (Transport &t) { return t.stats (); }).heard_in;
}

void expect_rtp (Peer &from, Peer &to, std::uint16_t number, unsigned n)
{
  const std::size_t before = to.seen.get ().rtp;
  fail_unless_equals_int (send_rtp (from, number, n), n);
  fail_unless (to.seen.wait ([&] (const Seen &s) { return s.rtp == before + n; }));
}
} // namespace

static void check_rules (const char *host)
{
  Port p (host);
  fail_unless (p.open ({.peers = {p.peer.at}}), "%s", g_strerror (errno));
  for (const int first : {20, 22, 63, 128, 191})
    p.expect_twin (p.peer, {static_cast<std::uint8_t> (first), 1, 2});
  p.expect_twin (p.peer, {0x80});
  p.expect_twin (p.peer, rtcp);
  for (const int first : {0, 1, 19, 64, 79, 127, 192, 255})
    p.expect_nice (p.peer, {static_cast<std::uint8_t> (first), 1, 2});
  p.expect_nice (p.peer, {});
  p.expect_nice (p.peer, request);
  for (const Datagram &d : {rtp, rtcp, dtls, request})
    p.expect_nice (p.stranger, d);
  fail_unless_equals_int (p.ear.asked.get (), 0);
}

GST_START_TEST (test_rules)
{
  check_rules ("127.0.0.1");
}
GST_END_TEST

GST_START_TEST (test_rules_ipv6)
{
  check_rules ("::1");
}
GST_END_TEST

// Both kinds of rules, which do not know of each other.
static void check_bindings (const char *host)
{
  Port p (host);
  fail_unless (p.open ({.ask_bindings = true}), "%s", g_strerror (errno));
  p.expect_nice (p.peer, rtp);
  p.peer.send (request, p.nice);
  fail_unless (p.ear.asked.wait ([] (unsigned n) { return n == 1; }));
  p.loop.call ([] {}); // it has been answered
  p.ear.accept = true;
  p.peer.send (request, p.nice);
  fail_unless (p.ear.asked.wait ([] (unsigned n) { return n == 2; }));
  p.loop.call ([] {}); // the filter knows
  p.expect_nice (p.peer, request);
  p.expect_nice (p.peer, rtp);
  fail_unless (p.hear (p.peer));
  p.expect_twin (p.peer, rtp);
  p.expect_twin (p.peer, dtls);
  p.expect_nice (p.peer, request);
  p.expect_nice (p.stranger, rtp);
  p.ear.accept = false;
  p.stranger.send (request, p.nice);
  fail_unless (p.ear.asked.wait ([] (unsigned n) { return n == 3; }));
  fail_unless (p.nice.empty ());
  Datagram response = request;
  response[0] = 1;
  p.expect_nice (p.stranger, response);
}

GST_START_TEST (test_bindings)
{
  check_bindings ("127.0.0.1");
}
GST_END_TEST

GST_START_TEST (test_bindings_ipv6)
{
  check_bindings ("::1");
}
GST_END_TEST

// Those that were selected before are still heard, but not for ever.
GST_START_TEST (test_peers_change)
{
  Port p ("127.0.0.1");
  fail_unless (p.open ({.peers = {p.peer.at}}), "%s", g_strerror (errno));
  std::vector<std::unique_ptr<End>> others;
  for (std::size_t i = 1; i < TwinRules::max_peers; i++)
    others.push_back (std::make_unique<End> ("127.0.0.1"));
  for (const auto &e : others)
    fail_unless (p.hear (*e));
  p.expect_twin (p.peer, rtp);
  fail_unless (p.hear (p.peer)); // the newest once more
  fail_unless (p.hear (p.stranger));
  p.expect_twin (p.stranger, rtp);
  p.expect_twin (p.peer, rtp);
  p.expect_nice (*others[0], rtp);
  for (std::size_t i = 1; i < others.size (); i++)
    p.expect_twin (*others[i], rtp);
}
GST_END_TEST

GST_START_TEST (test_sizes_and_bursts)
{
  Port p ("127.0.0.1");
  fail_unless (p.open ({.peers = {p.peer.at}}), "%s", g_strerror (errno));
  Datagram longest (65507);
  for (std::size_t i = 0; i < longest.size (); i++)
    longest[i] = static_cast<std::uint8_t> (i * 7 + 128);
  p.expect_twin (p.peer, longest);
  // More than one turn reads, in order; also two long ones beside each other.
  constexpr unsigned many = 150;
  p.loop.call ([&] {
    p.peer.send (longest, p.nice);
    p.peer.send (longest, p.nice);
    for (unsigned i = 0; i < many; i++)
      p.peer.send ({0x80, static_cast<std::uint8_t> (i)}, p.nice);
  });
  fail_unless (p.ear.next () == longest && p.ear.next () == longest);
  for (unsigned i = 0; i < many; i++)
    fail_unless (p.ear.next () == Datagram ({0x80, static_cast<std::uint8_t> (i)}));
  // libnice closes its socket when it likes to.
  p.nice.close ();
  p.peer.send (dtls, p.nice.at);
  fail_unless (p.ear.next () == dtls);
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  without_filters ([] {
    Port p ("127.0.0.1");
    fail_unless (!p.open ({.peers = {p.peer.at}}));
    for (int i = 0; i < 50; i++)
      p.expect_nice (p.peer, rtp);
  });
}
GST_END_TEST

// A peer connection where the kernel refuses: all of it through libnice.
GST_START_TEST (test_transport_refused)
{
  without_filters ([] {
    PeerPair p;
    p.connect ();
    expect_rtp (p.a, p.b, 1, 50);
    for (Peer *x : {&p.a, &p.b})
      fail_unless (x->seen.wait ([] (const Seen &s) { return s.data; }));
    fail_unless_equals_uint64 (heard (p.a) + heard (p.b), 0);
    fail_unless (p.b.seen.get ().warnings.empty ());
  });
}
GST_END_TEST

static void check_transport (const char *host, bool ask)
{
  TransportSettings sa = loopback_settings (true), sb = loopback_settings (false);
  sa.ice.addresses = sb.ice.addresses = {host};
  sa.ice.ask_bindings = ask;
  PeerPair p (sa, sb);
  p.connect ();
  for (Peer *x : {&p.a, &p.b})
    fail_unless (x->seen.wait ([] (const Seen &s) { return s.data; }));
  const std::uint64_t a = heard (p.a), b = heard (p.b);
  fail_unless (a > 0 && b > 0); // data channels: DTLS
  expect_rtp (p.a, p.b, 1, 50);
  expect_rtp (p.b, p.a, 1, 20);
  fail_unless (heard (p.b) >= b + 50 && heard (p.a) >= a + 20);
}

GST_START_TEST (test_transport)
{
  check_transport ("127.0.0.1", false);
  check_transport ("127.0.0.1", true);
}
GST_END_TEST

GST_START_TEST (test_transport_ipv6)
{
  check_transport ("::1", false);
  check_transport ("::1", true);
}
GST_END_TEST

// An application's datagrams may begin with any byte; in order, they all come one way.
GST_START_TEST (test_plain)
{
  TransportSettings sa = loopback_settings (true), sb = loopback_settings (false);
  sa.plain = sb.plain = true;
  sa.data = sb.data = false;
  PeerPair p (sa, sb);
  p.connect ();
  for (const char *text : {"\x80z", "a", "\x16"})
    fail_unless (p.a.on_loop ([&] (Transport &t) { return t.send_datagram (as_bytes (text)); }));
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.datagrams.size () == 3; }));
  fail_unless_equals_string (p.b.seen.get ().datagrams[0].c_str (), "\x80z");
  fail_unless_equals_uint64 (heard (p.b), 0);
}
GST_END_TEST

// libnice answers checks on a port whose media we hear.
GST_START_TEST (test_checks_are_answered)
{
  PeerPair p;
  p.connect ();
  expect_rtp (p.b, p.a, 1, 5);
  fail_unless (heard (p.a) >= 5);
  std::uint16_t port = 0;
  for (const std::string &text : p.a.seen.get ().candidates)
    if (const auto c = parse_candidate (text); !c->tcp)
      port = c->port;
  const IceCredentials a = p.a.on_loop ([] (Transport &t) { return t.local (); }),
                       b = p.b.on_loop ([] (Transport &t) { return t.local (); });
  std::array<std::uint8_t, 500> room;
  stun::Builder m (room, stun::Method::binding, stun::Class::request, {});
  m.text (stun::Attr::username, a.ufrag + ":" + b.ufrag);
  const stun::Crypto crypto = turn::make_crypto ();
  m.integrity (crypto, stun::short_term_key (a.pwd));
  m.fingerprint ();
  const Bytes check = m.message ();
  const End from ("127.0.0.1");
  from.send ({check.begin (), check.end ()}, *Address::parse ("127.0.0.1", port));
  const auto answer = from.receive ();
  const auto parsed = stun::Message::parse (answer);
  fail_unless (parsed && parsed->kind () == stun::Class::success);
  fail_unless (
      check_sha1 (crypto, *parsed, stun::short_term_key (a.pwd)) == stun::Integrity::right);
}
GST_END_TEST

static void restart (Peer &a, Peer &b, bool both_now)
{
  for (Peer *x : {&a, &b}) {
    x->other = nullptr;
    x->seen.update ([] (Seen &s) { s.candidates.clear (); });
    if (both_now)
      x->loop->call ([x] { x->transport->restart_ice (); });
  }
  const TransportPeer of_a = a.description (DtlsRole::client),
                      of_b = b.description (DtlsRole::server);
  const unsigned pairs = a.seen.get ().pairs;
  fail_unless (b.on_loop ([&] (Transport &t) { return t.set_remote (of_a); }));
  fail_unless (a.on_loop ([&] (Transport &t) { return t.set_remote (of_b); }));
  for (const auto &[from, to] : {std::pair (&a, &b), std::pair (&b, &a)})
    for (const std::string &c : from->seen.get ().candidates)
      to->on_loop ([&] (Transport &t) { return t.add_remote (c); });
  fail_unless (a.seen.wait ([&] (const Seen &s) { return s.pairs > pairs; }));
}

// Packets of the old path are heard beside those of the new one.
GST_START_TEST (test_restart)
{
  PeerPair p;
  p.connect ();
  expect_rtp (p.a, p.b, 1, 20);
  p.b.loop->call ([&] { p.b.transport->restart_ice (); }); // a sends where b's last agent is
  const std::uint64_t before = heard (p.b);
  expect_rtp (p.a, p.b, 21, 20);
  fail_unless (heard (p.b) >= before + 20);
  p.a.loop->call ([&] { p.a.transport->restart_ice (); });
  restart (p.a, p.b, false);
  const std::uint64_t after = heard (p.b);
  expect_rtp (p.a, p.b, 41, 20);
  expect_rtp (p.b, p.a, 1, 20);
  fail_unless (heard (p.b) >= after + 20);
}
GST_END_TEST

namespace {
// Restarts at each packet: the agent of which it has come is thrown away.
class Restless final : public Peer {
public:
  using Peer::Peer;
  std::atomic<bool> now{false};
  void on_rtp (std::span<std::uint8_t> p) override
  {
    if (now)
      transport->restart_ice ();
    Peer::on_rtp (p);
  }
};
} // namespace

GST_START_TEST (test_restart_in_callback)
{
  auto loop_a = std::make_shared<Loop> ("peer-a"), loop_b = std::make_shared<Loop> ("peer-b");
  Peer a (loop_a, make_context (), loopback_settings (true));
  Restless b (loop_b, make_context (), loopback_settings (false));
  introduce (a, b);
  for (Peer *x : {&a, static_cast<Peer *> (&b)})
    fail_unless (x->wait_state (TransportState::connected));
  restart (a, b, true); // so that there is one before, and the present one goes
  expect_rtp (a, b, 1, 1);
  b.now = true;
  const std::size_t before = b.seen.get ().rtp;
  fail_unless_equals_int (send_rtp (a, 2, 5), 5);
  fail_unless (b.seen.wait ([&] (const Seen &s) { return s.rtp > before; }));
  b.now = false;
  restart (a, b, true);
  expect_rtp (a, b, 10, 5);
  for (Peer *x : {&a, static_cast<Peer *> (&b)}) {
    x->end ();
    x->loop->call ([] {});
  }
}
GST_END_TEST

static Suite *net_twin_suite (void)
{
  Suite *s = suite_create ("rtc-net_twin");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_rules);
  tcase_add_test (t, test_rules_ipv6);
  tcase_add_test (t, test_bindings);
  tcase_add_test (t, test_bindings_ipv6);
  tcase_add_test (t, test_peers_change);
  tcase_add_test (t, test_sizes_and_bursts);
  tcase_add_test (t, test_refused);
  tcase_add_test (t, test_transport_refused);
  tcase_add_test (t, test_transport);
  tcase_add_test (t, test_transport_ipv6);
  tcase_add_test (t, test_plain);
  tcase_add_test (t, test_checks_are_answered);
  tcase_add_test (t, test_restart);
  tcase_add_test (t, test_restart_in_callback);
  return s;
}
GST_CHECK_MAIN (net_twin)
