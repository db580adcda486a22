// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients whose address changes (RFC 8016): scripted, and the client's core against the server's.
#include "server_rig.h"
#include "turn/proto/client.h"

using namespace reach;
using namespace reach::test;

namespace {
ts::Config mobile ()
{
  ts::Config c = server_config ();
  c.mobility = true;
  return c;
}

Response allocate (Scripted &c)
{
  return c.allocate ([] (Builder &b) { b.flag (Attr::mobility_ticket); });
}

Blob ticket_of (const Response &r)
{
  const auto t = r.m->find (Attr::mobility_ticket);
  return t ? Blob (t->begin (), t->end ()) : Blob{};
}

Response move (Scripted &c, Bytes ticket, std::uint32_t lifetime = 600)
{
  return c.signed_request (Method::refresh, [&] (Builder &b) {
    b.u32 (Attr::lifetime, lifetime);
    b.add (Attr::mobility_ticket, ticket);
  });
}
} // namespace

GST_START_TEST (test_off)
{
  Rig rig;
  Scripted c (rig), elsewhere (rig, 40001);
  fail_unless (ticket_of (allocate (c)).empty ());
  const std::uint8_t made_up[16] = {1};
  fail_unless_equals_int (move (elsewhere, made_up).code (), 437);
  Rig on (mobile ());
  Scripted d (on), e (on, 40001);
  fail_unless (ticket_of (e.allocate ()).empty ()); // only who asks for one gets one
  fail_unless_equals_int (
      d.allocate ([&] (Builder &b) { b.add (Attr::mobility_ticket, made_up); }).code (), 400);
}
GST_END_TEST

GST_START_TEST (test_move)
{
  Rig rig (mobile ());
  Scripted c (rig), next (rig, 40001);
  const Blob ticket = ticket_of (allocate (c));
  fail_unless (ticket.size () == 16);
  fail_unless (std::ranges::all_of (ticket, [] (int b) { return g_ascii_isgraph (b); })); // a text
  c.bind (0x4000, peer4);
  const Response r = move (next, ticket);
  const Blob fresh = ticket_of (r);
  fail_unless (r.good () && next.proved (r) && fresh.size () == 16 && fresh != ticket);
  fail_unless (rig.core.stats ().moved == 1 && rig.core.allocations () == 1);
  // Channels and permissions come along; the old place has nothing any more.
  const auto down = rig.peer (c.relay, peer4, as_bytes ("in"));
  fail_unless (down && down->client == next.self && down->bytes[0] == 0x40);
  const auto up = next.send (0x4000, "out");
  fail_unless (up && up->peer == peer4);
  fail_unless (!c.send (0x4000, "out") && rig.discarded (ts::Discard::no_allocation) == 1);
  fail_unless_equals_int (c.refresh (600).code (), 437);
  // The answer was lost: the same again, with the old ticket; and back, with the new one.
  fail_unless (ticket_of (move (next, ticket)) == fresh);
  const Response back = move (c, fresh);
  fail_unless (back.good () && ticket_of (back) != fresh && rig.core.stats ().moved == 2);
  fail_unless_equals_int (move (next, ticket).code (), 400); // the one before the one before
  fail_unless (c.refresh (0).good () && rig.core.allocations () == 0);
  fail_unless_equals_int (move (next, fresh).code (), 400);
}
GST_END_TEST

GST_START_TEST (test_event)
{
  Rig rig (mobile ());
  Scripted c (rig), next (rig, 40001);
  const Blob ticket = ticket_of (allocate (c));
  rig.taken<ts::AllocationCreated> ();
  move (next, ticket);
  const auto e = rig.taken<ts::AllocationMoved> ();
  fail_unless (e.size () == 1 && e[0].from == c.self.address && e[0].client == next.self &&
               e[0].user == "alice");
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  Rig rig (mobile ());
  Scripted c (rig), bob (rig, 40001, "bob", "hidden"), eve (rig, 40002, "alice", "wrong");
  const Blob ticket = ticket_of (allocate (c));
  fail_unless_equals_int (move (bob, ticket).code (), 441);
  fail_unless_equals_int (move (eve, ticket).code (), 401);
  Scripted next (rig, 40003);
  fail_unless_equals_int (move (next, Bytes (ticket).first (15)).code (), 400);
  Blob wrong = ticket;
  wrong[3] ^= 1;
  fail_unless_equals_int (move (next, wrong).code (), 400);
  const Blob others = ticket_of (allocate (next));
  fail_unless_equals_int (move (next, ticket).code (), 400); // it has one of its own
  fail_unless (ticket_of (move (next, others)) == others && rig.core.stats ().moved == 0);
  fail_unless (c.send (peer4, "x") == std::nullopt && rig.core.allocations () == 2);
}
GST_END_TEST

GST_START_TEST (test_lost_connection)
{
  Rig rig (mobile ());
  const auto connection = [&] (std::uint16_t port) {
    Scripted s (rig, port);
    s.self.path = *rig.core.add_path ({ts::Transport::tcp, {}, s.self.address});
    return s;
  };
  Scripted c = connection (41000);
  const Blob ticket = ticket_of (allocate (c));
  c.permit (peer4);
  rig.core.remove_path (c.self.path, rig.now);
  fail_unless (rig.core.allocations () == 1); // it waits
  fail_unless (!rig.peer (c.relay, peer4, as_bytes ("nobody")));
  Scripted again = connection (41000); // its path has the old one's number
  fail_unless (again.self == c.self && !again.send (peer4, "x"));
  fail_unless (move (again, ticket).good ());
  const auto down = rig.peer (c.relay, peer4, as_bytes ("here"));
  fail_unless (down && down->client == again.self);
  rig.core.remove_path (again.self.path, rig.now);
  rig.pass (seconds (601)); // and no longer than it lives
  fail_unless (rig.core.allocations () == 0 && rig.ports.opened.empty ());
  Scripted last (rig);
  const Blob t = ticket_of (allocate (last));
  Scripted other = connection (41001);
  fail_unless (move (other, t, 0).good () && rig.core.allocations () == 0);
}
GST_END_TEST

// The client's core: its address changes on the way.
GST_START_TEST (test_client)
{
  Rig rig (mobile ());
  turn::Config config;
  config.crypto = turn_crypto (7);
  config.credentials.kind = turn::Credentials::Kind::long_term;
  config.credentials.username = "alice";
  config.credentials.password = "secret";
  config.mobility = true;
  turn::Client client (config);
  ts::Client self{rig.udp, Address::v4 (203, 0, 113, 5, 40000)};
  const auto exchange = [&] {
    for (auto wire = client.poll_transmit (); !wire.empty (); wire = client.poll_transmit ())
      if (const auto s = rig.input (self, wire); s && s->client == self)
        client.input (s->bytes, rig.now);
    while (client.poll_event ()) {
    }
  };
  client.connected (Address::v4 (198, 51, 100, 1, 3478), rig.now);
  client.allocate (rig.now);
  exchange ();
  const auto relayed = client.relayed ();
  fail_unless (client.state () == turn::Client::State::allocated && relayed.size () == 1);
  for (std::uint16_t i = 1; i < 5; i++) {
    client.disconnected (rig.now);
    self.address.port = static_cast<std::uint16_t> (40000 + i);
    self.address.ip[3]++; // the nonce is another address's now
    client.connected (Address::v4 (198, 51, 100, 1, 3478), rig.now);
    exchange ();
    fail_unless (client.state () == turn::Client::State::allocated);
    fail_unless (client.relayed () == relayed && rig.core.stats ().moved == i);
  }
  fail_unless (rig.core.stats ().created == 1);
}
GST_END_TEST

static Suite *server_mobility_suite ()
{
  Suite *s = suite_create ("turn-server-mobility");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_off);
  tcase_add_test (tc, test_move);
  tcase_add_test (tc, test_event);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_lost_connection);
  tcase_add_test (tc, test_client);
  return s;
}
GST_CHECK_MAIN (server_mobility)
