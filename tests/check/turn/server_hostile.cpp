// SPDX-License-Identifier: LGPL-2.1-or-later
// What somebody hostile asks of the server's core: not everybody's places, no way into the server's
// own host, no large answers to others' addresses.
#include "server_rig.h"

using namespace reach;
using namespace reach::test;

namespace {
const Address here = Address::v4 (198, 51, 100, 1, 0); // where the server relays

Address here_at (std::uint16_t port)
{
  Address a = here;
  a.port = port;
  return a;
}

ts::Config with_doors ()
{
  ts::Config c = server_config ();
  c.peers.add_host (here);
  c.peers.add_door (3478);
  return c;
}

void transport (Builder &b)
{
  b.u8 (Attr::requested_transport, 17);
}

// On the wire, with the headers of IPv4 and UDP.
double times_as_large (const Response &answer, Bytes request)
{
  fail_unless (!answer.bytes.empty ());
  return static_cast<double> (answer.bytes.size () + 28) /
         static_cast<double> (request.size () + 28);
}
} // namespace

// Users that only the application knows are made up by the hundred: others' questions are asked.
GST_START_TEST (test_questions_of_one_network)
{
  ts::Config config = server_config ();
  config.ask_password = [] { return true; };
  config.limits.unauthenticated = {};
  Rig rig (std::move (config));
  Scripted known (rig, 1, "mallory", "-");
  known.learn (known.request (Method::allocate, transport));
  for (std::uint16_t i = 2; i < 600; i++) {
    Scripted s (rig, i, "mallory", "-");
    s.realm = known.realm;
    s.nonce = known.nonce;
    fail_unless (s.request (Method::allocate, transport).none ());
  }
  fail_unless_equals_int (rig.taken<ts::AuthorizeRequest> ().size (), 64);
  Scripted honest (rig, 700, "carol", "-");
  honest.self.address = Address::v4 (203, 0, 113, 99, 700);
  honest.learn (honest.request (Method::allocate, transport));
  fail_unless (honest.request (Method::allocate, transport).none ());
  fail_unless_equals_int (rig.taken<ts::AuthorizeRequest> ().size (), 1);
}
GST_END_TEST

// An allocation that is another one's client, and what is relayed could go in circles.
GST_START_TEST (test_own_ports_are_no_peers)
{
  ts::Config config = with_doors ();
  config.peers.allow (*ts::Prefix::parse ("198.51.100.1"));
  config.peers.allow (*ts::Prefix::parse ("127.0.0.0/8"));
  config.peers.allow (*ts::Prefix::parse ("0.0.0.0/8"));
  Rig rig (std::move (config));
  Scripted c (rig);
  fail_unless (c.allocate ().good ());
  const Address doors[] = {
      here_at (3478), Address::v4 (127, 0, 0, 9, 3478), Address::v4 (0, 0, 0, 0, 3478)};
  unsigned denied = 0;
  for (const Address &door : doors) {
    fail_unless (c.permit (door).good ()); // of the host, whatever the port
    fail_unless (!c.send (door, "x"));
    fail_unless_equals_int (c.bind (0x4000, door).code (), 403);
    denied += 2;
    fail_unless_equals_int (rig.discarded (ts::Discard::denied_peer), denied);
  }
  fail_unless (c.send (here_at (50000), "another allocation").has_value ());
  fail_unless (c.bind (0x4000, here_at (50000)).good () && c.send (0x4000, "x"));
  rig.core.listens (50001); // from now on
  fail_unless (!c.send (here_at (50001), "x"));
}
GST_END_TEST

// Over TCP, nothing that this host's firewall keeps for this host.
GST_START_TEST (test_neighbours)
{
  for (const bool rule : {false, true}) {
    ts::Config config = with_doors ();
    if (rule)
      config.peers.allow (*ts::Prefix::parse ("198.51.100.1"));
    Rig rig (std::move (config));
    Scripted c (rig);
    c.self.path = *rig.core.add_path ({ts::Transport::tcp, {}, c.self.address});
    const auto connect = [&] (const Address &peer) {
      return c.signed_request (
          Method::connect, [&] (Builder &b) { b.xor_address (Attr::xor_peer_address, peer); });
    };
    fail_unless (c.signed_request (Method::allocate, [] (Builder &b) {
                    b.u8 (Attr::requested_transport, 6);
                  }).good ());
    fail_unless_equals_int (connect (here_at (3478)).code (), 403);
    fail_unless_equals_int (connect (here_at (22)).code (), rule ? 0 : 403);
    fail_unless_equals_int (connect (here_at (50000)).code (), 0);
    fail_unless_equals_int (rig.ports.connecting.size (), rule ? 2 : 1);
  }
}
GST_END_TEST

// Who sends in another's name makes us send little more than he does.
GST_START_TEST (test_amplification)
{
  ts::Config config = server_config ();
  config.limits.unauthenticated = {};
  config.software = "a name that is somewhat long, and a version 1.2.3";
  Rig rig (std::move (config));
  Scripted c (rig);
  const Blob binding = c.build (Method::binding);
  Blob old = binding;
  old[4] ^= 1; // RFC 3489: no cookie
  for (const Blob &request : {binding, old})
    fail_unless (times_as_large (c.raw (request), request) < 1.6, "%f",
        times_as_large (c.raw (request), request));
  for (const Method m : {Method::allocate, Method::refresh, Method::connect}) {
    const Blob bare = c.build (m);
    fail_unless (
        times_as_large (c.raw (bare), bare) < 3.2, "%f", times_as_large (c.raw (bare), bare));
  }
  Blob unknown = c.build (Method::binding, [] (Builder &b) {
    for (unsigned i = 0; i < 20; i++)
      b.add (static_cast<Attr> (0x7000 + i), {});
  });
  const Response r = c.raw (unknown);
  fail_unless (r.code () == 420 && times_as_large (r, unknown) < 1);
}
GST_END_TEST

// A message has so many attributes and no more; of those that it has, no more permissions than
// there may be.
GST_START_TEST (test_a_thousand_peers)
{
  Rig rig;
  Scripted c (rig);
  fail_unless (c.allocate ().good ());
  Blob to (40000);
  const auto ask = [&] (unsigned n, unsigned step) {
    const auto crypto = turn_crypto (9);
    Builder b (to, Method::create_permission, Class::request, stun::TransactionId{});
    for (unsigned i = 0; i < n; i++)
      b.xor_address (
          Attr::xor_peer_address, Address::v4 (192, 0, static_cast<std::uint8_t> (2 + i / 200),
                                      static_cast<std::uint8_t> (1 + step * (i % 200)), 5000));
    b.text (Attr::username, c.name);
    b.text (Attr::realm, c.realm);
    b.text (Attr::nonce, c.nonce);
    b.integrity (crypto,
        stun::long_term_key (crypto, stun::PasswordAlgorithm::md5, c.name, c.realm, c.secret));
    return c.raw (b.message ()).code ();
  };
  fail_unless_equals_int (ask (1000, 1), 0); // no answer
  fail_unless_equals_int (rig.discarded (ts::Discard::malformed), 1);
  fail_unless (!c.send (Address::v4 (192, 0, 2, 1, 5000), "x")); // all of them or none
  fail_unless_equals_int (ask (64, 1), 0);
  fail_unless_equals_int (ask (65, 1), 508);
}
GST_END_TEST

// A user who asks for more than can be done in time: dropped before any work, and nobody else's.
GST_START_TEST (test_requests_of_one_allocation)
{
  Rig rig;
  Scripted c (rig), other (rig, 40001, "bob", "hidden");
  fail_unless (c.allocate ().good () && other.allocate ().good ());
  unsigned answered = 0;
  for (unsigned i = 0; i < 1000; i++)
    answered += c.permit (peer4).good ();
  fail_unless_equals_int (answered, 400);
  fail_unless_equals_int (rig.discarded (ts::Discard::rate_limited), 600);
  fail_unless (other.permit (peer4).good ());
  rig.pass (seconds (1));
  for (unsigned i = 0; i < 1000; i++)
    answered += c.permit (peer4).good ();
  fail_unless_equals_int (answered, 600);
  fail_unless (c.send (peer4, "as before").has_value ());
}
GST_END_TEST

// Refusals without an allocation are counted with what strangers ask. Then proofs are not looked
// at.
GST_START_TEST (test_refusals)
{
  ts::Config config = server_config ();
  config.limits.user_allocations = 1;
  Rig rig (std::move (config));
  Scripted one (rig), two (rig, 40001);
  fail_unless (one.allocate ().good ());
  unsigned refused = 0;
  for (unsigned i = 0; i < 500; i++)
    refused += two.allocate ().code () == 486;
  fail_unless (refused > 90 && refused <= 100, "%u", refused);
  fail_unless (one.permit (peer4).good ()); // from the same host
}
GST_END_TEST

static Suite *server_hostile_suite ()
{
  Suite *s = suite_create ("turn-server-hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_questions_of_one_network);
  tcase_add_test (tc, test_own_ports_are_no_peers);
  tcase_add_test (tc, test_neighbours);
  tcase_add_test (tc, test_amplification);
  tcase_add_test (tc, test_a_thousand_peers);
  tcase_add_test (tc, test_requests_of_one_allocation);
  tcase_add_test (tc, test_refusals);
  return s;
}
GST_CHECK_MAIN (server_hostile)
