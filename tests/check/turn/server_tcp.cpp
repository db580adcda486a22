// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers over TCP (RFC 6062), the core.
#include "server_rig.h"

using namespace reach;
using namespace reach::test;

namespace {
struct Tcp : Rig {
  explicit Tcp (ts::Config config = server_config ()) : Rig (std::move (config))
  {
    control = *core.add_path ({ts::Transport::tcp, {}, Address::v4 (203, 0, 113, 5, 40000)});
  }
  Scripted client (const char *user = "alice", const char *password = "secret")
  {
    Scripted s (*this, 40000, user, password);
    s.self.path = control;
    return s;
  }
  // A further connection of the client's.
  Scripted data (const char *user = "alice", const char *password = "secret")
  {
    Scripted s (*this, ++port, user, password);
    s.self.path = *core.add_path ({ts::Transport::tcp, {}, s.self.address});
    return s;
  }
  ts::PathId control = 0;
  std::uint16_t port = 41000;
};

Response allocate (Scripted &c, const Scripted::Add &add = {})
{
  return c.signed_request (Method::allocate, [&] (Builder &b) {
    b.u8 (Attr::requested_transport, 6);
    if (add)
      add (b);
  });
}

Response connect (Scripted &c, const Address &peer = peer4)
{
  return c.signed_request (
      Method::connect, [&] (Builder &b) { b.xor_address (Attr::xor_peer_address, peer); });
}

Response bind (Scripted &c, ts::ConnectionId id)
{
  return c.signed_request (
      Method::connection_bind, [&] (Builder &b) { b.u32 (Attr::connection_id, id); });
}

Response answered (Rig &rig, ts::ConnectionId id, bool good)
{
  rig.core.connected (id, good, rig.now);
  const auto s = rig.take ();
  return s ? Response (s->bytes) : Response ();
}

// Of the ConnectionAttempt that follows.
ts::ConnectionId come (Rig &rig, const Address &peer = peer4)
{
  const auto id = rig.core.accepted (rig.ports.opened.begin ()->first, peer, rig.now);
  if (!id)
    return 0;
  const auto s = rig.take ();
  const auto m = Message::parse (s->bytes);
  fail_unless (m && m->kind () == Class::indication && m->method () == Method::connection_attempt);
  fail_unless (m->u32 (Attr::connection_id) == *id);
  fail_unless (m->xor_address (Attr::xor_peer_address) == peer);
  return *id;
}
} // namespace

GST_START_TEST (test_allocate)
{
  Tcp rig;
  Scripted c = rig.client (), udp (rig);
  fail_unless_equals_int (allocate (udp).code (), 400); // the control connection must be TCP
  fail_unless_equals_int (
      allocate (c, [] (Builder &b) { b.flag (Attr::dont_fragment); }).code (), 400);
  fail_unless_equals_int (
      allocate (c, [] (Builder &b) { b.u8 (Attr::even_port, 0); }).code (), 400);
  const std::uint8_t token[8] = {};
  fail_unless_equals_int (
      allocate (c, [&] (Builder &b) { b.add (Attr::reservation_token, token); }).code (), 400);
  const Response r = allocate (c);
  fail_unless (r.good () && r.m->xor_address (Attr::xor_relayed_address) &&
               rig.taken<ts::AllocationCreated> ()[0].relaying == ts::Relaying::tcp);
  // Nothing for datagrams.
  fail_unless_equals_int (c.bind (0x4000, peer4).code (), 400);
  fail_unless (c.permit (peer4).good () && !c.send (peer4, "x") &&
               rig.discarded (ts::Discard::no_allocation) == 1);
  fail_unless (c.refresh (0).good () && rig.ports.opened.empty ());
  ts::Config off = server_config ();
  off.relay_tcp = false;
  Tcp without (off);
  Scripted d = without.client ();
  fail_unless_equals_int (allocate (d).code (), 442);
}
GST_END_TEST

GST_START_TEST (test_connect)
{
  Tcp rig;
  Scripted c = rig.client (), data = rig.data ();
  fail_unless_equals_int (connect (c).code (), 437);
  allocate (c);
  fail_unless (connect (c).none () && rig.ports.connecting.size () == 1);
  const auto [id, peer] = *rig.ports.connecting.begin ();
  const stun::TransactionId asked = c.transaction;
  fail_unless (peer == peer4);
  fail_unless_equals_int (connect (c).code (), 446); // while it is under way
  const Response r = answered (rig, id, true);
  fail_unless (r.good () && r.m->transaction () == asked && c.proved (r) &&
               r.m->u32 (Attr::connection_id) == id);
  fail_unless_equals_int (connect (c).code (), 446); // and when it is there
  fail_unless (bind (data, id).good () && rig.ports.spliced.at (id) == data.self.path);
  Scripted two = rig.data ();
  fail_unless_equals_int (bind (two, id).code (), 400); // it has one
  const TimePoint next = rig.core.relayed (id, true, 700, rig.now);
  rig.core.relayed (id, false, 300, rig.now);
  fail_unless (next <= rig.now && rig.core.stats ().traffic.to_peers_bytes == 700);
  rig.pass (seconds (60)); // bound: no deadline
  fail_unless (rig.ports.disconnected.empty ());
  rig.core.peer_closed (id, rig.now);
  fail_unless (rig.ports.disconnected == std::vector{id});
  fail_unless (connect (c).none ()); // again
}
GST_END_TEST

GST_START_TEST (test_connect_refused)
{
  Tcp rig;
  Scripted c = rig.client ();
  allocate (c);
  fail_unless_equals_int (connect (c, Address::v4 (127, 0, 0, 1, 22)).code (), 403);
  fail_unless_equals_int (connect (c, peer6).code (), 443);
  fail_unless_equals_int (connect (c, Address::v4 (192, 0, 2, 7, 0)).code (), 400);
  fail_unless_equals_int (c.signed_request (Method::connect).code (), 400);
  fail_unless (rig.ports.connecting.empty () && rig.discarded (ts::Discard::denied_peer) == 1);
  Scripted udp (rig);
  udp.allocate ();
  fail_unless_equals_int (connect (udp).code (), 400);
  connect (c);
  const Response r = answered (rig, rig.ports.connecting.begin ()->first, false);
  fail_unless (r.code () == 447 && c.proved (r) && rig.ports.disconnected.size () == 1);
}
GST_END_TEST

GST_START_TEST (test_deadlines)
{
  Tcp rig;
  Scripted c = rig.client (), data = rig.data ();
  allocate (c);
  connect (c);
  connect (c, Address::v4 (192, 0, 2, 8, 80));
  std::set<ts::ConnectionId> ids;
  for (const auto &[id, peer] : rig.ports.connecting)
    ids.insert (id);
  fail_unless (!rig.pass (seconds (29)));
  for (int i = 0; i < 2; i++) { // one answer in a call
    fail_unless (rig.core.poll_timeout () <= rig.now + seconds (1));
    const auto s = rig.pass (i == 0 ? seconds (1) : seconds (0));
    fail_unless (s && Response (s->bytes).code () == 447);
  }
  fail_unless (rig.ports.disconnected.size () == 2);
  fail_unless (answered (rig, *ids.begin (), true).none ()); // too late
  c.permit (peer4);
  const ts::ConnectionId id = come (rig);
  rig.pass (seconds (29));
  fail_unless (rig.ports.disconnected.size () == 2);
  fail_unless (!rig.pass (seconds (1)) && rig.ports.disconnected.back () == id);
  fail_unless_equals_int (bind (data, id).code (), 400);
}
GST_END_TEST

GST_START_TEST (test_peers_come)
{
  Tcp rig;
  Scripted c = rig.client ();
  allocate (c);
  fail_unless (come (rig) == 0 && rig.discarded (ts::Discard::no_permission) == 1);
  c.permit (peer4);
  const ts::ConnectionId one = come (rig), two = come (rig);
  fail_unless (one != 0 && two != 0 && one != two);
  Scripted bob = rig.data ("bob", "hidden"), data = rig.data (), more = rig.data ();
  fail_unless_equals_int (bind (bob, one).code (), 441);
  fail_unless_equals_int (bind (data, one + 1).code (), 400);
  fail_unless_equals_int (data.signed_request (Method::connection_bind).code (), 400);
  Scripted udp (rig);
  fail_unless_equals_int (bind (udp, one).code (), 400);
  fail_unless_equals_int (bind (c, one).code (), 400); // the control connection
  fail_unless (bind (data, one).good () && bind (more, two).good ());
  rig.core.remove_path (data.self.path, rig.now); // the client ends one
  fail_unless (rig.ports.disconnected == std::vector{one});
  rig.core.remove_path (rig.control, rig.now); // and the allocation
  fail_unless (rig.ports.disconnected == (std::vector{one, two}) && rig.core.allocations () == 0);
}
GST_END_TEST

GST_START_TEST (test_bounded)
{
  ts::Config config = server_config ();
  config.limits.connections = 2;
  config.bandwidth = {1000, 1000};
  Tcp rig (config);
  Scripted c = rig.client ();
  allocate (c);
  c.permit (peer4);
  fail_unless (come (rig) != 0);
  fail_unless (connect (c).code () == 446 || rig.ports.connecting.size () == 1);
  fail_unless (come (rig) == 0 || rig.ports.connecting.empty ());
  fail_unless (come (rig) == 0 && rig.discarded (ts::Discard::too_many_connections) >= 1);
  fail_unless_equals_int (connect (c, Address::v4 (192, 0, 2, 8, 80)).code (), 508);
}
GST_END_TEST

GST_START_TEST (test_rate)
{
  ts::Config config = server_config ();
  config.bandwidth = {1000, 1000};
  Tcp rig (config);
  Scripted c = rig.client ();
  allocate (c);
  c.permit (peer4);
  const ts::ConnectionId id = come (rig);
  fail_unless (rig.core.relayed (id, true, 1000, rig.now) <= rig.now); // at once
  const TimePoint next = rig.core.relayed (id, false, 2000, rig.now);
  fail_unless (next == rig.now + seconds (2));
  rig.now = next;
  fail_unless (rig.core.relayed (id, true, 500, rig.now) == rig.now + milliseconds (500));
}
GST_END_TEST

GST_START_TEST (test_expiry)
{
  Tcp rig;
  Scripted c = rig.client (), data = rig.data ();
  allocate (c);
  c.permit (peer4);
  const ts::ConnectionId one = come (rig), two = come (rig);
  bind (data, one);
  rig.pass (seconds (20));
  fail_unless (c.refresh (0).good ());
  fail_unless (std::set (rig.ports.disconnected.begin (), rig.ports.disconnected.end ()) ==
               (std::set{one, two}));
  rig.core.remove_path (data.self.path, rig.now); // its connection closes later
  fail_unless (rig.core.poll_timeout () == TimePoint::max ());
}
GST_END_TEST

GST_START_TEST (test_ids_of_several_cores)
{
  ts::Config config = server_config ();
  config.cores = 3;
  config.core = 2;
  Tcp rig (config);
  Scripted c = rig.client ();
  allocate (c);
  c.permit (peer4);
  for (int i = 0; i < 10; i++)
    fail_unless (come (rig) % 3 == 2);
}
GST_END_TEST

static Suite *server_tcp_suite ()
{
  Suite *s = suite_create ("turn-server-tcp");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_allocate);
  tcase_add_test (tc, test_connect);
  tcase_add_test (tc, test_connect_refused);
  tcase_add_test (tc, test_deadlines);
  tcase_add_test (tc, test_peers_come);
  tcase_add_test (tc, test_bounded);
  tcase_add_test (tc, test_rate);
  tcase_add_test (tc, test_expiry);
  tcase_add_test (tc, test_ids_of_several_cores);
  return s;
}
GST_CHECK_MAIN (server_tcp)
