// SPDX-License-Identifier: LGPL-2.1-or-later
// Redirections (RFC 8489, 10), mobility (RFC 8016), broken paths, TCP allocations (RFC 6062).
#include "rig.h"
#include "turn/proto/data_connection.h"

using namespace reach::test;

namespace {
using reach::milliseconds;
using reach::seconds;
using State = Client::State;

const Address other_server = Address::v4 (192, 0, 2, 20, 3478);

Fill to_server (const Address &a, const char *domain = nullptr)
{
  return [a, domain] (Builder &b) {
    b.address (Attr::alternate_server, a);
    if (domain)
      b.text (Attr::alternate_domain, domain);
  };
}

void redirected (Rig &t)
{
  t.refuse (t.to_allocate (), 300, to_server (other_server, "turn2.example.org"));
  const auto e = t.event<Redirected> ();
  must (e.server == other_server && e.domain == "turn2.example.org" && t.quiet ());
  must (e.message.error ()->code == 300 && t.client->state () == State::no_path);
  t.pass (seconds (100));
  must (t.quiet ());
  t.realm = "other.org";
  t.call ([&] (Client &c) { c.connected (other_server, t.now); });
  const Message bare = t.next (Method::allocate);
  must (!bare.has (Attr::realm)); // it has not asked yet
  t.challenge (bare);
  const Message m = t.next (Method::allocate);
  must (t.proved (m)); // with the same credentials
  t.succeed (m, Rig::allocation ());
  must (t.has<Allocated> () && t.client->server () == other_server);
}

void redirected_unsigned_at_first (Rig &t)
{
  t.start ();
  t.refuse (t.next (Method::allocate), 300, to_server (other_server), Sign::none);
  must (t.event<Redirected> ().domain.empty ());
}

void redirected_unsigned_later (Rig &t)
{
  t.refuse (t.to_allocate (), 300, to_server (other_server), Sign::none);
  must (t.events.empty ());
}

void redirected_in_a_loop (Rig &t)
{
  t.refuse (t.to_allocate (), 300, to_server (other_server));
  t.call ([&] (Client &c) { c.connected (other_server, t.now); });
  t.refuse (t.next (Method::allocate), 300, to_server (server_address), Sign::none);
  must (t.event<Failed> ().why == Why::bad_redirect);
}

void redirected_to_itself (Rig &t)
{
  t.refuse (t.to_allocate (), 300, to_server (server_address));
  must (t.event<Failed> ().why == Why::bad_redirect);
}

void redirected_too_often (Rig &t)
{
  t.start ();
  Address next = other_server;
  unsigned n = 0;
  for (; !t.has<Failed> (); n++) {
    must (n < 10);
    next.port++;
    t.refuse (t.next (Method::allocate), 300, to_server (next), Sign::none);
    if (!t.has<Failed> ())
      t.call ([&] (Client &c) { c.connected (next, t.now); });
  }
  must (n == t.config.limits.redirects + 1);
}

void redirected_inside (Rig &t)
{
  const Address bad[] = {Address::v4 (127, 0, 0, 1, 3478), Address::v4 (10, 0, 0, 1, 3478),
      Address::v4 (169, 254, 169, 254, 80), Address::v4 (0, 0, 0, 0, 3478),
      Address::v4 (224, 0, 0, 1, 3478), Address::v4 (192, 168, 1, 1, 3478),
      Address::v4 (192, 0, 2, 99, 0), peer_6};
  for (const Address &a : bad) {
    t.refuse (t.to_allocate (), 300, to_server (a));
    const auto e = t.event<Failed> ();
    fail_unless (e.why == Why::bad_redirect, "%s: %s", t.name, to_string (a).c_str ());
    must (t.client->state () == State::idle);
  }
}

void redirected_within_a_lan (Rig &t)
{
  t.client = std::make_unique<Client> (t.config);
  t.call ([&] (Client &c) { c.connected (Address::v4 (10, 0, 0, 5, 3478), t.now); });
  t.call ([&] (Client &c) { c.allocate (t.now); });
  t.refuse (
      t.next (Method::allocate), 300, to_server (Address::v4 (10, 0, 0, 6, 3478)), Sign::none);
  must (t.has<Redirected> ());
}

void redirected_nowhere (Rig &t)
{
  t.refuse (t.to_allocate (), 300);
  must (t.event<Failed> ().why == Why::bad_redirect);
}

Fill mobile (const char *ticket)
{
  return [ticket] (Builder &b) {
    Rig::allocation () (b);
    b.text (Attr::mobility_ticket, ticket);
  };
}

void moves (Rig &t)
{
  t.config.mobility = true;
  t.succeed (t.to_allocate (), mobile ("ticket-1"));
  must (t.event<Allocated> ().mobile);
  t.to_channel ();
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  must (t.has<PathWanted> () && !t.has<AllocationLost> ());
  must (t.client->state () == State::no_path && t.client->relayed ().size () == 1);
  must (t.wrap (peer_a).route == Client::Route::pending);
  t.events.clear ();
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  const Message m = t.next (Method::refresh);
  must (m.text (Attr::mobility_ticket) == "ticket-1" && t.proved (m));
  must (t.client->state () == State::moving);
  t.nonce = "nonce-of-the-new-path";
  t.challenge (m, 401); // the nonce was for the old address
  const Message again = t.next (Method::refresh);
  must (again.text (Attr::mobility_ticket) == "ticket-1" && t.proved (again));
  t.succeed (again, [] (Builder &b) {
    b.u32 (Attr::lifetime, 600);
    b.text (Attr::mobility_ticket, "ticket-2");
  });
  must (t.event<Refreshed> ().moved && t.wrap (peer_a).route == Client::Route::channel);
  t.call ([&] (Client &c) { c.connected (server_address, t.now); }); // and again, without notice
  must (t.next (Method::refresh).text (Attr::mobility_ticket) == "ticket-2");
}

void move_refused (Rig &t)
{
  t.config.mobility = true;
  t.succeed (t.to_allocate (), mobile ("ticket-1"));
  (void)t.event<Allocated> ();
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  t.refuse (t.next (Method::refresh), 400);
  must (t.event<AllocationLost> ().code == 400);
  t.wait_sent ();
  must (t.next (Method::allocate).kind () == Class::request);
}

void move_unanswered (Rig &t)
{
  t.config.mobility = true;
  t.succeed (t.to_allocate (), mobile ("ticket-1"));
  (void)t.event<Allocated> ();
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  t.pass (milliseconds (39500));
  must (t.event<AllocationLost> ().why == Why::timeout);
}

void no_path_until_the_end (Rig &t)
{
  t.config.mobility = true;
  t.succeed (t.to_allocate (), mobile ("ticket-1"));
  (void)t.event<Allocated> ();
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  t.pass (seconds (599));
  must (!t.has<AllocationLost> () && t.quiet ());
  t.pass (seconds (1));
  must (t.event<AllocationLost> ().why == Why::expired);
}

void no_ticket_given (Rig &t)
{
  t.config.mobility = true;
  t.succeed (t.to_allocate (), Rig::allocation ());
  must (!t.event<Allocated> ().mobile);
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  must (t.event<AllocationLost> ().why == Why::disconnected);
}

void ticket_not_asked_for (Rig &t)
{
  t.succeed (t.to_allocate (), mobile ("ticket-1"));
  must (!t.event<Allocated> ().mobile);
}

void connection_lost (Rig &t)
{
  t.config.transport = Transport::tcp;
  t.to_allocated ();
  t.to_channel ();
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  must (t.event<AllocationLost> ().why == Why::disconnected);
  t.pass (seconds (2));
  must (t.has<PathWanted> () && t.quiet ());
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  t.succeed (t.next (Method::allocate), Rig::allocation ());
  must (t.has<Allocated> ());
  must (t.next (Method::channel_bind).u16 (Attr::channel_number) == 0x4000);
}

void first_connection_lost (Rig &t)
{
  t.start ();
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  must (t.event<Failed> ().why == Why::disconnected);
}

void lost_while_closing (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { c.close (t.now); });
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  must (t.has<Closed> () && t.client->state () == State::idle);
}

void nothing_before_connected (Rig &t)
{
  t.config.transport = Transport::tls;
  t.client = std::make_unique<Client> (t.config);
  t.call ([&] (Client &c) { c.allocate (t.now); });
  t.call ([&] (Client &c) { return c.binding_request (t.now); });
  t.call ([&] (Client &c) { return c.create_permission ({&peer_a, 1}, t.now); });
  t.give (hex ("4000000401020304"));
  t.pass (seconds (1000));
  must (t.quiet () && t.has<PathWanted> ());
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  (void)t.next (Method::allocate);
}

void another_path_unasked (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  must (t.event<AllocationLost> ().why == Why::disconnected);
  t.wait_sent ();
  (void)t.next (Method::allocate);
}

void requests_die_with_the_path (Rig &t)
{
  t.to_allocated ();
  t.call ([&] (Client &c) { return c.binding_request (t.now); });
  t.call ([&] (Client &c) { c.disconnected (t.now); });
  must (t.event<TimedOut> ().method == Method::binding);
}

void tcp_allocated (Rig &t)
{
  t.config.transport = Transport::tcp;
  t.config.relay = Relay::tcp;
  t.to_allocated ();
}

void peer_connected (Rig &t)
{
  tcp_allocated (t);
  must (t.call ([&] (Client &c) { return c.connect (peer_a, t.now); }));
  const Message m = t.next (Method::connect);
  must (m.xor_address (Attr::xor_peer_address) == peer_a && t.proved (m));
  t.succeed (m, [] (Builder &b) { b.u32 (Attr::connection_id, 77); });
  const auto e = t.event<PeerConnected> ();
  must (e.peer == peer_a && e.id == 77 && !e.incoming);
  must (t.wrap (peer_a).route == Client::Route::refused);
  must (t.call ([&] (Client &c) { return c.bind_channel (peer_a, 0, t.now); }) == 0);
}

void peer_not_connected (Rig &t)
{
  tcp_allocated (t);
  for (const unsigned code : {403u, 446u, 447u}) {
    t.call ([&] (Client &c) { return c.connect (peer_a, t.now); });
    t.refuse (t.next (Method::connect), code);
    const auto e = t.event<PeerRefused> ();
    must (e.code == code && e.method == Method::connect && e.peers[0] == peer_a);
  }
  t.call ([&] (Client &c) { return c.connect (peer_a, t.now); });
  t.succeed (t.next (Method::connect));
  must (t.event<PeerRefused> ().code == 0);
  t.call ([&] (Client &c) { return c.connect (peer_a, t.now); });
  t.pass (milliseconds (39500));
  must (t.event<TimedOut> ().peers[0] == peer_a && !t.has<AllocationLost> ());
}

void no_connect_with_udp (Rig &t)
{
  t.to_allocated ();
  must (!t.call ([&] (Client &c) { return c.connect (peer_a, t.now); }) && t.quiet ());
}

void peer_comes (Rig &t)
{
  tcp_allocated (t);
  const Fill attempt = [] (Builder &b) {
    b.u32 (Attr::connection_id, 5);
    b.xor_address (Attr::xor_peer_address, peer_a);
  };
  t.indication (Method::connection_attempt, attempt);
  must (t.events.empty () && t.client->stats ().unknown_peer == 1);
  t.to_permission ();
  t.indication (Method::connection_attempt, attempt);
  const auto e = t.event<PeerConnected> ();
  must (e.incoming && e.id == 5 && e.peer == peer_a);
}

// A DataConnection of the rig's client, and the rig's server.
struct Connection {
  explicit Connection (Rig &rig) : t (rig), data (*rig.client, 77, rig.now) {}
  Message next ()
  {
    wire = data.poll_transmit ();
    const auto m = Message::parse (wire);
    must (m && m->method () == Method::connection_bind);
    return *m;
  }
  Rig &t;
  DataConnection data;
  std::vector<std::uint8_t> wire;
};

void data_bound (Rig &t)
{
  tcp_allocated (t);
  Connection c (t);
  const Message m = c.next ();
  must (m.u32 (Attr::connection_id) == 77u && t.proved (m));
  auto wire = t.answer (m, Class::success, 0, {});
  const std::size_t n = wire.size ();
  for (const char x : std::string ("peer's bytes"))
    wire.push_back (static_cast<std::uint8_t> (x));
  for (std::size_t cut = 0; cut <= wire.size (); cut++) {
    Connection again (t);
    auto w = t.answer (again.next (), Class::success, 0, {});
    w.insert (w.end (), wire.begin () + static_cast<std::ptrdiff_t> (n), wire.end ());
    again.data.input (reach::Bytes (w).first (cut), t.now);
    std::string rest;
    if (again.data.state () == DataConnection::State::bound) {
      const auto first = again.data.take_rest ();
      rest.assign (first.begin (), first.end ());
      rest.append (w.begin () + static_cast<std::ptrdiff_t> (cut), w.end ());
    } else {
      again.data.input (reach::Bytes (w).subspan (cut), t.now);
      const auto all = again.data.take_rest ();
      rest.assign (all.begin (), all.end ());
    }
    must (again.data.state () == DataConnection::State::bound);
    must (again.data.poll_timeout () == reach::TimePoint::max ());
    fail_unless (rest == "peer's bytes", "%s: %zu: %s", t.name, cut, rest.c_str ());
  }
}

void data_challenged (Rig &t)
{
  tcp_allocated (t);
  Connection c (t);
  const Message m = c.next ();
  t.nonce = "nonce-2";
  c.data.input (t.answer (
                    m, Class::error, 438,
                    [&] (Builder &b) {
                      b.text (Attr::realm, t.realm);
                      b.text (Attr::nonce, t.nonce);
                    },
                    Sign::none),
      t.now);
  const Message again = c.next ();
  must (again.text (Attr::nonce) == "nonce-2" && t.proved (again));
  c.data.input (t.answer (again, Class::success, 0, {}), t.now);
  must (c.data.state () == DataConnection::State::bound);
}

void data_refused (Rig &t)
{
  tcp_allocated (t);
  Connection c (t);
  c.data.input (t.answer (c.next (), Class::error, 447, {}), t.now);
  must (c.data.state () == DataConnection::State::failed && c.data.code () == 447);
  Connection forged (t);
  forged.data.input (t.answer (forged.next (), Class::success, 0, {}, Sign::wrong), t.now);
  must (forged.data.why () == Why::integrity);
  Connection garbage (t);
  garbage.data.input (hex ("ffffffff"), t.now);
  must (garbage.data.why () == Why::bad_response);
}

void data_unanswered (Rig &t)
{
  tcp_allocated (t);
  Connection c (t);
  must (c.data.poll_timeout () == t.now + milliseconds (39500));
  t.now += milliseconds (39500);
  c.data.timeout (t.now);
  must (c.data.why () == Why::timeout && c.data.state () == DataConnection::State::failed);
}

const Case cases[] = {{"redirected", redirected},
    {"redirected, unsigned at first", redirected_unsigned_at_first},
    {"redirected, unsigned later", redirected_unsigned_later},
    {"redirected in a loop", redirected_in_a_loop}, {"redirected to itself", redirected_to_itself},
    {"redirected too often", redirected_too_often},
    {"redirected to where it must not", redirected_inside},
    {"redirected within a LAN", redirected_within_a_lan},
    {"redirected nowhere", redirected_nowhere}, {"moves", moves}, {"a move refused", move_refused},
    {"a move unanswered", move_unanswered}, {"no path until the end", no_path_until_the_end},
    {"no ticket given", no_ticket_given}, {"a ticket not asked for", ticket_not_asked_for},
    {"a connection lost", connection_lost}, {"the first connection lost", first_connection_lost},
    {"lost while closing", lost_while_closing},
    {"nothing before connected", nothing_before_connected},
    {"another path unasked", another_path_unasked},
    {"requests die with the path", requests_die_with_the_path}, {"Connect", peer_connected},
    {"Connect fails", peer_not_connected}, {"no Connect with UDP", no_connect_with_udp},
    {"ConnectionAttempt", peer_comes}, {"ConnectionBind", data_bound},
    {"ConnectionBind challenged", data_challenged}, {"ConnectionBind refused", data_refused},
    {"ConnectionBind unanswered", data_unanswered}};
} // namespace

CASES_MAIN (client_path, cases)
