// SPDX-License-Identifier: LGPL-2.1-or-later
// ICE: candidates as text, what is refused, kinds of paths, and who may reach DTLS.
#include "common/udp_socket.h"
#include "coturn.h"
#include "peers.h"
#include "turn/net/hashes.h"
#include "turn/proto/builder.h"
#include "turn/proto/integrity.h"
#include <atomic>
#include <unistd.h>

using namespace reach;
using namespace reach::test;
using Seen = Peer::Seen;

namespace {
TransportSettings relay_settings (bool controlling, const Coturn &server, const char *transport)
{
  TransportSettings s;
  s.ice.controlling = controlling;
  s.ice.relay_only = true;
  s.ice.addresses = {"127.0.0.1"};
  IceServer turn;
  turn.uri = *turn::parse_uri (
      "turn:127.0.0.1:" + std::to_string (server.port ()) + "?transport=" + transport);
  turn.username = "user";
  turn.credential = "pass";
  s.ice.servers = {turn};
  return s;
}
guint16 port_of (const std::string &candidate)
{
  return parse_candidate (candidate)->port;
}
} // namespace

// The grammar is tested with descriptions; here what of it goes to libnice and back.
GST_START_TEST (test_candidates)
{
  const char *good[] = {"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
      "candidate:a+/ 1 udp 1 2001:db8::1 5000 typ srflx raddr 192.0.2.1 rport 9",
      "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active"};
  for (const char *text : good) {
    const auto c = parse_candidate (text);
    fail_unless (c && is_usable (*c), "%s", text);
    NiceCandidate *n = nice_candidate_of (*c, 1);
    fail_unless (n != nullptr, "%s", text);
    fail_unless_equals_string (to_string (candidate_of (*n)).c_str (), text);
    nice_candidate_free (n);
  }
  const auto mdns = parse_candidate ("candidate:1 1 udp 1 0a1b-2c.local 5000 typ host");
  fail_unless (mdns && is_usable (*mdns) && !nice_candidate_of (*mdns, 1));
  for (const char *text :
      {"candidate:1 1 udp 1 example.org 5 typ host", "candidate:1 2 udp 1 192.0.2.1 5 typ host",
          "candidate:1 1 tcp 1 192.0.2.1 5 typ host"}) {
    const auto c = parse_candidate (text);
    fail_unless (c && !is_usable (*c), "%s", text);
  }
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  TransportSettings s = loopback_settings (true);
  s.ice.remote_candidates = 3;
  PeerPair p (s);
  const auto remote = [&] (const char *ufrag, const char *password) {
    TransportPeer r = p.b.description (DtlsRole::server);
    r.ice = {ufrag, password};
    return p.a.on_loop ([&] (Transport &t) { return t.set_remote (r); });
  };
  const char *right = "0123456789012345678901";
  fail_unless (!remote ("abc", right));                    // 4 characters at least
  fail_unless (!remote ("abcd", "012345678901234567890")); // 22
  fail_unless (!remote ("ab d", right));
  fail_unless (!remote ("abcd", "0123456789\r\n0123456789x"));
  fail_unless (!remote (std::string (257, 'a').c_str (), right));
  fail_unless (remote ("abcd", right));
  const auto add = [&] (const std::string &text) {
    return p.a.on_loop ([&] (Transport &t) { return t.add_remote (text); });
  };
  const std::string base = "candidate:1 1 UDP 1 127.0.0.1 9 typ host";
  fail_unless (!add ("nonsense") && !add ("candidate:1 2 UDP 1 127.0.0.1 9 typ host"));
  fail_unless (!add (base + " ufrag old0")); // of another generation
  for (int i = 0; i < 3; i++)
    fail_unless (add (base));
  fail_unless (!add (base));
}
GST_END_TEST

GST_START_TEST (test_hooks_and_ports)
{
  const guint16 port = unused_port (G_SOCKET_TYPE_DATAGRAM);
  TransportSettings s = loopback_settings (true);
  s.ice.min_port = port;
  s.ice.max_port = static_cast<guint16> (port + 20);
  PeerPair p (s);
  p.a.accept = [] (const Candidate &c) { return !c.tcp; };
  introduce (p.a, p.b);
  p.expect_connected ();
  fail_unless (p.a.seen.wait ([] (const Seen &x) { return x.gathered; }));
  for (const std::string &c : p.a.seen.get ().candidates) {
    fail_unless (c.find ("TCP") == std::string::npos);
    fail_unless (port_of (c) >= port && port_of (c) <= port + 20, "%s", c.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_tcp)
{
  PeerPair p;
  for (Peer *x : {&p.a, &p.b})
    x->accept = [] (const Candidate &c) { return c.tcp; };
  p.connect ();
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.data; }));
  fail_unless (p.a.seen.get ().pair->local.tcp);
  fail_unless_equals_int (send_rtp (p.a, 1, 20), 20);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtp == 20; }));
}
GST_END_TEST

// Through a relay only; of our own addresses nothing is told.
static void relayed (const char *transport)
{
  if (!Coturn::there ())
    return;
  Coturn server;
  PeerPair p (relay_settings (true, server, transport), relay_settings (false, server, transport));
  p.connect ();
  fail_unless (p.a.seen.get ().pair->local.type == CandidateType::relay);
  for (Peer *x : {&p.a, &p.b})
    for (const std::string &text : x->seen.get ().candidates) {
      const auto c = parse_candidate (text);
      fail_unless (c->type == CandidateType::relay, "%s", text.c_str ());
      fail_unless (c->related_address == "0.0.0.0" && c->related_port == 0, "%s", text.c_str ());
    }
  for (Peer *x : {&p.a, &p.b})
    fail_unless (x->seen.wait ([] (const Seen &s) { return s.data; }));
  fail_unless_equals_int (send_rtp (p.a, 1, 20), 20);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtp >= 15; }));
  fail_unless (p.b.on_loop ([] (Transport &t) {
    return t.sctp ()->send (1, 53, {}, std::vector<std::uint8_t> (50000, 1));
  }) == Sctp::Sent::yes);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.message_bytes == 50000; }));
}

GST_START_TEST (test_relay_tcp)
{
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0) {
    g_print ("skipped: libnice 0.1.21 loses 80 KB of a relay over TCP when its agent ends\n");
    return;
  }
  relayed ("tcp");
}
GST_END_TEST

GST_START_TEST (test_relay_udp)
{
  relayed ("udp");
}
GST_END_TEST

GST_START_TEST (test_servers_refused)
{
  for (const char *uri : {"turns:127.0.0.1?transport=udp", "stuns:127.0.0.1", "turn:127.0.0.1"}) {
    TransportSettings s = loopback_settings (true);
    s.ice.servers = {{*turn::parse_uri (uri), "", ""}};
    fail_unless (!Ice::check (s.ice.servers[0]).empty ());
    PeerPair p (s);
    introduce (p.a, p.b);
    p.expect_connected (); // goes on without it
    fail_unless_equals_int (p.a.seen.get ().warnings.size (), 1);
  }
}
GST_END_TEST

// A name of a server that takes its time, and one that nobody knows.
GST_START_TEST (test_names)
{
  TransportSettings s = loopback_settings (true);
  s.ice.servers = {{*turn::parse_uri ("stun:localhost:9"), "", ""},
      {*turn::parse_uri ("stun:no-such-host.invalid"), "", ""}};
  PeerPair p (s);
  introduce (p.a, p.b);
  fail_unless (p.a.on_loop ([] (Transport &t) {
    return t.add_remote ("candidate:1 1 UDP 1 7e1f0c3a-nobody.local 5000 typ host");
  }));
  p.expect_connected ();
  fail_unless_equals_int (p.a.seen.get ().warnings.size (), 1);
}
GST_END_TEST

// A ClientHello, or anything else, from an address that ICE has not validated is as if it had never
// come (CVE-2023-49786, CVE-2023-51443): neither before nor after the connection.
GST_START_TEST (test_stranger)
{
  PeerPair p;
  p.a.other = &p.b;
  p.a.loop->call ([&] { p.a.transport->gather (); });
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.gathered; }));
  guint16 port = 0;
  for (const std::string &c : p.a.seen.get ().candidates)
    if (!parse_candidate (c)->tcp)
      port = port_of (c);
  fail_unless (port != 0);
  GSocket *socket =
      g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr);
  GSocketAddress *to = g_inet_socket_address_new_from_string ("127.0.0.1", port);
  Dtls hostile (make_context (), DtlsRole::client, {p.a.context->certificate ().fingerprint ()});
  hostile.start ();
  const auto hello = take (hostile.output ());
  const auto spray = [&] {
    for (int i = 0; i < 50; i++) {
      for (const Datagram &d : hello)
        g_socket_send_to (
            socket, to, reinterpret_cast<const char *> (d.data ()), d.size (), nullptr, nullptr);
      for (const Datagram &d : {make_rtp (1), Datagram (1, 0), Datagram (500, 0), Datagram (20, 1)})
        g_socket_send_to (
            socket, to, reinterpret_cast<const char *> (d.data ()), d.size (), nullptr, nullptr);
    }
  };
  spray ();
  introduce (p.a, p.b, false);
  p.b.loop->call ([&] { p.b.transport->gather (); });
  for (const std::string &c : p.a.seen.get ().candidates)
    p.b.on_loop ([&] (Transport &t) { return t.add_remote (c); });
  spray ();
  p.expect_connected ();
  spray ();
  fail_unless_equals_int (send_rtp (p.b, 1, 5), 5);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.rtp == 5; }));
  const auto stats = p.a.on_loop ([] (Transport &t) { return t.stats (); });
  fail_unless_equals_uint64 (stats.in.unauthentic, 0);
  fail_unless_equals_uint64 (stats.early_in + stats.unknown_in, 0);
  fail_unless (p.a.seen.get ().state == TransportState::connected);
  // And nothing was answered.
  g_socket_set_blocking (socket, FALSE);
  char buffer[2000];
  const gssize n = g_socket_receive (socket, buffer, sizeof buffer, nullptr, nullptr);
  fail_unless (n <= 0 || static_cast<guint8> (buffer[0]) < 4, "%d", buffer[0]);
  g_object_unref (to);
  g_object_unref (socket);
}
GST_END_TEST

// Nobody is answered before the owner has agreed to the address.
static void bindings_asked_about (const char *address)
{
  TransportSettings sa = loopback_settings (true), sb = loopback_settings (false);
  sa.ice.addresses = sb.ice.addresses = {address};
  sa.ice.ask_bindings = true;
  PeerPair p (sa, sb);
  Watched<unsigned> asked;
  std::atomic<bool> yes{false};
  p.a.accept_from = [&] (const Address &from) {
    fail_unless (from.host () == address && from.port () != 0);
    asked.update ([] (unsigned &n) { n++; });
    return yes.load ();
  };
  introduce (p.a, p.b);
  // Each time it asks, as it hears nothing.
  fail_unless (asked.wait ([] (unsigned n) { return n >= 3; }));
  fail_if (p.b.seen.get ().state == TransportState::connected);
  fail_if (p.b.seen.get ().ice == IceState::connected);
  yes = true;
  p.expect_connected ();
  for (const std::string &c : p.a.seen.get ().candidates)
    fail_if (parse_candidate (c)->tcp, "%s", c.c_str ());
  // It is not asked about any more, and both ways are open.
  const unsigned before = asked.get ();
  fail_unless_equals_int (send_rtp (p.a, 1, 20), 20);
  fail_unless_equals_int (send_rtp (p.b, 1, 20), 20);
  for (Peer *x : {&p.a, &p.b})
    fail_unless (x->seen.wait ([] (const Seen &s) { return s.rtp == 20; }));
  fail_unless_equals_int (asked.get (), before);
}

GST_START_TEST (test_bindings)
{
  bindings_asked_about ("127.0.0.1");
}
GST_END_TEST

GST_START_TEST (test_bindings_ipv6)
{
  bindings_asked_about ("::1");
}
GST_END_TEST

// Who does not know the password is not even asked about.
GST_START_TEST (test_bindings_of_strangers)
{
  TransportSettings s = loopback_settings (true);
  s.ice.ask_bindings = true;
  PeerPair p (s);
  guint16 own = 0;
  p.a.accept_from = [&] (const Address &from) { return from.port () != own; };
  introduce (p.a, p.b);
  p.expect_connected ();
  int fd = -1;
  std::string error;
  fail_unless ((fd = UdpSocket::bind ("127.0.0.1", 0, error)) >= 0);
  own = Address::local_of (fd).port ();
  const auto to = Address::parse ("127.0.0.1", port_of (p.a.seen.get ().candidates.front ()));
  const std::string user = p.a.on_loop ([] (Transport &t) { return t.local ().ufrag; }) + ":xxxx";
  std::atomic<unsigned> asked{0};
  p.a.loop->call ([&] {
    p.a.accept_from = [&] (const Address &) {
      asked++;
      return true;
    };
  });
  const stun::Crypto crypto = turn::make_crypto ();
  for (const char *password : {"0123456789012345678901", ""}) {
    std::array<std::uint8_t, 500> room;
    stun::Builder b (room, stun::Method::binding, stun::Class::request, {});
    b.text (stun::Attr::username, user);
    if (*password)
      b.integrity (crypto, stun::short_term_key (password));
    const Bytes m = b.message ();
    for (int i = 0; i < 20; i++)
      fail_unless (sendto (fd, m.data (), m.size (), 0, to->get (), to->length) > 0);
  }
  fail_unless_equals_int (send_rtp (p.b, 1, 20), 20);
  fail_unless (p.a.seen.wait ([] (const Seen &x) { return x.rtp == 20; }));
  p.a.loop->call ([] {});
  fail_unless_equals_int (asked, 0);
  std::uint8_t answer[100];
  fail_unless (recv (fd, answer, sizeof answer, MSG_DONTWAIT) < 0);
  close (fd);
}
GST_END_TEST

static Suite *net_ice_suite (void)
{
  Suite *s = suite_create ("rtc-net_ice");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_candidates);
  tcase_add_test (t, test_limits);
  tcase_add_test (t, test_hooks_and_ports);
  tcase_add_test (t, test_tcp);
  tcase_add_test (t, test_relay_tcp);
  tcase_add_test (t, test_relay_udp);
  tcase_add_test (t, test_servers_refused);
  tcase_add_test (t, test_names);
  tcase_add_test (t, test_stranger);
  tcase_add_test (t, test_bindings);
  tcase_add_test (t, test_bindings_ipv6);
  tcase_add_test (t, test_bindings_of_strangers);
  return s;
}
GST_CHECK_MAIN (net_ice)
