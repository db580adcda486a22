// SPDX-License-Identifier: LGPL-2.1-or-later
// NAT behaviour discovery (RFC 5780): the server's core with its four sockets, NATs of every kind
// in front of it, and the client that finds out which.
#include "turn/proto/nat_discovery.h"
#include "server_rig.h"
#include "turn/proto/change_request.h"
#include <algorithm>

using namespace reach;
using namespace reach::test;
using turn::NatBehaviour;
using turn::NatDiscovery;
using turn::NatReport;
using turn::NatTrouble;

namespace {
const Address inner = Address::v4 (192, 168, 1, 5, 5000);
const Address outer = Address::v4 (203, 0, 113, 5, 0);

Address corner_address (unsigned c)
{
  return Address::v4 (198, 51, 100, c & ts::other_host ? 2 : 1, c & ts::other_port ? 3479 : 3478);
}

ts::Config discovery_config ()
{
  ts::Config c = server_config ();
  c.limits.unauthenticated = {};
  return c;
}

// All four sockets, or fewer.
struct Server {
  explicit Server (unsigned paths = ts::corners, ts::Config config = discovery_config ())
      : core (std::move (config), ports, commons, now)
  {
    for (unsigned c = 0; c < paths; c++)
      path[c] = *core.add_path (
          {ts::Transport::udp, corner_address (c), {}, paths == 1 ? -1 : static_cast<int> (c)});
  }
  struct Answer {
    Address from, to;
    Blob bytes;
  };
  // Nothing: it does not listen there, or says nothing.
  std::optional<Answer> ask (const Address &from, const Address &to, Bytes bytes)
  {
    for (unsigned c = 0; c < ts::corners; c++)
      if (path[c] && corner_address (c) == to) {
        core.input ({*path[c], from}, bytes, now);
        while (core.poll_event ())
          continue;
        if (const ts::Transmit *t = core.poll_transmit ())
          return Answer{of (t->client.path), t->client.address, {t->head.begin (), t->head.end ()}};
      }
    return {};
  }
  Address of (ts::PathId id) const
  {
    for (unsigned c = 0; c < ts::corners; c++)
      if (path[c] == id)
        return corner_address (c);
    return {};
  }
  // Of somebody at `from`, a request with attributes.
  Response request (const Scripted::Add &add, Address *came_from = nullptr,
      Address *went_to = nullptr, const Address &to = corner_address (0))
  {
    Blob buffer (200);
    Builder b (buffer, Method::binding, Class::request, {7});
    if (add)
      add (b);
    auto a = ask (peer4, to, b.message ());
    if (!a)
      return {};
    if (came_from)
      *came_from = a->from;
    if (went_to)
      *went_to = a->to;
    return Response (std::move (a->bytes));
  }

  TimePoint now{seconds (1000)};
  FakePorts ports;
  ts::LocalCommons commons;
  ts::Core core;
  std::array<std::optional<ts::PathId>, ts::corners> path;
};

// What of an address a NAT looks at.
Address seen (NatBehaviour b, const Address &a)
{
  if (b == NatBehaviour::address_and_port_dependent)
    return a;
  return b == NatBehaviour::address_dependent ? a.host () : Address{};
}

struct Nat {
  NatBehaviour mapping, filtering;
  std::map<Address, Address> mapped; // by what of the destination is looked at
  std::set<std::pair<Address, Address>> open;

  Address out (const Address &to)
  {
    Address ours = inner;
    if (mapping != NatBehaviour::direct) {
      auto &m = mapped[seen (mapping, to)];
      if (!m) {
        m = outer;
        m.port = static_cast<std::uint16_t> (40000 + mapped.size ());
      }
      ours = m;
    }
    open.insert ({ours, seen (filtering, to)});
    return ours;
  }
  bool in (const Address &ours, const Address &from) const
  {
    return open.contains ({ours, seen (filtering, from)});
  }
};

struct World {
  World (NatBehaviour mapping, NatBehaviour filtering, unsigned paths = ts::corners)
      : nat{mapping, filtering, {}, {}}, server (paths)
  {
    config.crypto = turn_crypto (5);
    config.server = corner_address (0);
    config.local = inner;
  }
  NatReport run ()
  {
    NatDiscovery d (config);
    d.start (server.now);
    for (int i = 0; i < 1000; i++) {
      for (auto t = d.poll_transmit (); !t.bytes.empty (); t = d.poll_transmit ()) {
        sent++;
        if (lost && lost (sent))
          continue;
        const auto a = server.ask (nat.out (t.to), t.to, t.bytes);
        if (!a || !nat.in (a->to, a->from))
          continue;
        Blob bytes = a->bytes;
        if (changed)
          bytes = changed (std::move (bytes));
        d.input (bytes, wrong_source ? corner_address (0) : a->from, server.now);
      }
      if (const auto r = d.report ()) {
        fail_unless (d.poll_timeout () == TimePoint::max ());
        return *r;
      }
      fail_unless (d.poll_timeout () > server.now && d.poll_timeout () != TimePoint::max ());
      server.now = d.poll_timeout ();
      d.timeout (server.now);
    }
    fail_unless (false, "it never ends");
    return {};
  }
  Nat nat;
  Server server;
  NatDiscovery::Config config;
  unsigned sent = 0;
  bool wrong_source = false; // the server answers from where it was asked
  std::function<bool (unsigned)> lost;
  std::function<Blob (Blob)> changed;
};

constexpr NatBehaviour kinds[] = {NatBehaviour::endpoint_independent,
    NatBehaviour::address_dependent, NatBehaviour::address_and_port_dependent,
    NatBehaviour::direct};
} // namespace

// Each mapping with each filter; a host without a NAT, with a firewall, too.
GST_START_TEST (test_kinds)
{
  const NatBehaviour mapping = kinds[__i__ % 4], filtering = kinds[__i__ / 4];
  World w (mapping, filtering);
  const TimePoint begin = w.server.now;
  const NatReport r = w.run ();
  fail_unless (r.trouble == NatTrouble::none && r.code == 0);
  fail_unless (r.mapping == mapping && r.filtering == filtering, "%d %d",
      static_cast<int> (r.mapping), static_cast<int> (r.filtering));
  fail_unless (r.local == inner && r.other == corner_address (3));
  fail_unless (
      r.mapped == (mapping == NatBehaviour::direct ? inner : w.nat.mapped.begin ()->second));
  fail_unless (w.server.now - begin <= milliseconds (15000)); // two waits of 7.5 s
}
GST_END_TEST

// Each first packet, and then each second one, gets lost.
GST_START_TEST (test_loss)
{
  World w (kinds[__i__], NatBehaviour::endpoint_independent);
  w.lost = [] (unsigned n) { return n % 2 == 1; };
  const NatReport r = w.run ();
  fail_unless (r.trouble == NatTrouble::none && r.mapping == kinds[__i__] &&
               r.filtering == NatBehaviour::endpoint_independent);
}
GST_END_TEST

GST_START_TEST (test_no_server)
{
  World w (NatBehaviour::endpoint_independent, NatBehaviour::endpoint_independent);
  w.lost = [] (unsigned) { return true; };
  const TimePoint begin = w.server.now;
  const NatReport r = w.run ();
  fail_unless (r.trouble == NatTrouble::no_answer && r.mapping == NatBehaviour::unknown &&
               r.filtering == NatBehaviour::unknown && !r.mapped);
  fail_unless (w.sent == 7 && w.server.now - begin == milliseconds (39500));
}
GST_END_TEST

// It can tell our address, and no more.
GST_START_TEST (test_server_without)
{
  World w (NatBehaviour::endpoint_independent, NatBehaviour::endpoint_independent, 1);
  NatReport r = w.run ();
  fail_unless (r.trouble == NatTrouble::not_there && r.mapped && w.sent == 1);
  World direct (NatBehaviour::direct, NatBehaviour::endpoint_independent, 1);
  r = direct.run ();
  fail_unless (r.trouble == NatTrouble::not_there && r.mapping == NatBehaviour::direct &&
               r.filtering == NatBehaviour::unknown);
}
GST_END_TEST

// The other address does not answer when it is asked: what is known is told.
GST_START_TEST (test_other_address_dead)
{
  World w (NatBehaviour::endpoint_independent, NatBehaviour::address_dependent);
  w.server.path[ts::other_host].reset ();
  const NatReport r = w.run ();
  fail_unless (r.trouble == NatTrouble::no_answer && r.mapping == NatBehaviour::unknown &&
               r.filtering == NatBehaviour::address_dependent);
}
GST_END_TEST

// A server that ignores CHANGE-REQUEST says nothing about filters.
GST_START_TEST (test_change_ignored)
{
  World w (NatBehaviour::endpoint_independent, NatBehaviour::endpoint_independent);
  w.wrong_source = true;
  const NatReport r = w.run ();
  fail_unless (r.filtering == NatBehaviour::unknown && r.trouble != NatTrouble::none);
}
GST_END_TEST

// OTHER-ADDRESS where nobody has to be asked: the same host, the same port, another family, inside.
GST_START_TEST (test_bad_other)
{
  const Address cases[] = {corner_address (0), corner_address (ts::other_port),
      corner_address (ts::other_host), Address::v4 (198, 51, 100, 2, 0),
      Address::v4 (10, 0, 0, 1, 3479), Address::v4 (127, 0, 0, 1, 3479),
      Address::v4 (169, 254, 169, 254, 80), Address::v4 (0, 0, 0, 0, 3479),
      Address::v4 (224, 0, 0, 1, 3479), peer6};
  for (const Address &other : cases) {
    World w (NatBehaviour::endpoint_independent, NatBehaviour::endpoint_independent);
    w.changed = [&] (Blob in) {
      const Response r (std::move (in));
      Blob out (200);
      Builder b (out, Method::binding, Class::success, r.m->transaction ());
      b.xor_address (Attr::xor_mapped_address, *r.m->mapped ());
      b.address (Attr::other_address, other);
      return Blob (b.message ().begin (), b.message ().end ());
    };
    const NatReport r = w.run ();
    fail_unless (
        r.trouble == NatTrouble::not_there && w.sent == 1, "%s", to_string (other).c_str ());
  }
}
GST_END_TEST

// What is not the answer that is waited for changes nothing.
GST_START_TEST (test_strangers)
{
  NatDiscovery::Config c;
  c.crypto = turn_crypto (5);
  c.server = corner_address (0);
  NatDiscovery d (std::move (c));
  const TimePoint now (seconds (1));
  d.input (Blob (20), corner_address (0), now); // before anything was asked
  d.start (now);
  const auto t = d.poll_transmit ();
  const auto request = Message::parse (t.bytes);
  const auto answer = [&] (Class kind, Method method, const stun::TransactionId &id) {
    Blob out (200);
    Builder b (out, method, kind, id);
    if (kind == Class::error)
      b.error (400, "no");
    b.xor_address (Attr::xor_mapped_address, outer);
    return Blob (b.message ().begin (), b.message ().end ());
  };
  const auto id = request->transaction ();
  d.input (answer (Class::success, Method::binding, {1}), corner_address (0), now);
  d.input (answer (Class::success, Method::allocate, id), corner_address (0), now);
  d.input (answer (Class::request, Method::binding, id), corner_address (0), now);
  d.input (answer (Class::success, Method::binding, id), corner_address (1), now);
  d.input (answer (Class::error, Method::binding, id), corner_address (1), now);
  d.input (Blob (3, 1), corner_address (0), now);
  d.input ({}, corner_address (0), now);
  fail_unless (!d.report () && d.poll_transmit ().bytes.empty ());
  d.input (answer (Class::error, Method::binding, id), corner_address (0), now);
  fail_unless (
      d.report () && d.report ()->trouble == NatTrouble::refused && d.report ()->code == 400);
}
GST_END_TEST

// From where the server answers (RFC 5780, 7.2), whichever of its sockets was asked.
GST_START_TEST (test_server_answers)
{
  Server s;
  for (unsigned at = 0; at < ts::corners; at++)
    for (unsigned change = 0; change < 4; change++) {
      Address from, to;
      const Response r = s.request ([&] (Builder &b) { b.u32 (Attr::change_request, change << 1); },
          &from, &to, corner_address (at));
      const unsigned expected =
          at ^ (change & 1 ? ts::other_port : 0) ^ (change & 2 ? ts::other_host : 0);
      fail_unless (r.good () && from == corner_address (expected) && to == peer4);
      fail_unless (*r.m->address (Attr::response_origin) == corner_address (expected));
      fail_unless (*r.m->address (Attr::other_address) == corner_address (at ^ 3));
      fail_unless (*r.m->mapped () == peer4 && *r.m->address (Attr::mapped_address) == peer4);
    }
}
GST_END_TEST

// How large an answer is, which anybody can have sent to anybody: on IPv6 the addresses are longer.
// Who asks for nothing of RFC 5780 gets no MAPPED-ADDRESS for it.
GST_START_TEST (test_answer_sizes)
{
  const bool v6 = __i__ == 1;
  const auto at = [&] (unsigned c) {
    Address a = v6 ? peer6 : corner_address (c);
    a.ip[15] = static_cast<std::uint8_t> (v6 && (c & ts::other_host) ? 9 : a.ip[15]);
    a.port = corner_address (c).port;
    return a;
  };
  FakePorts ports;
  ts::LocalCommons commons;
  const TimePoint now (seconds (1000));
  ts::Core core (discovery_config (), ports, commons, now);
  ts::Client client{0, v6 ? peer6 : peer4};
  for (unsigned c = 0; c < ts::corners; c++) {
    const auto id = *core.add_path ({ts::Transport::udp, at (c), {}, static_cast<int> (c)});
    client.path = c == 0 ? id : client.path;
  }
  const auto ask = [&] (bool looks, bool fingerprint) {
    Blob buffer (200);
    Builder b (buffer, Method::binding, Class::request, {7});
    if (looks)
      b.u32 (Attr::change_request, stun::change_ip | stun::change_port);
    if (fingerprint)
      b.fingerprint ();
    core.input (client, b.message (), now);
    const ts::Transmit *t = core.poll_transmit ();
    fail_unless (t != nullptr);
    Response r (Blob (t->head.begin (), t->head.end ()));
    fail_unless (r.good () && r.m->has (Attr::mapped_address) == looks);
    fail_unless (r.m->has (Attr::other_address) && r.m->has (Attr::response_origin));
    return r.bytes.size ();
  };
  fail_unless_equals_int (ask (true, false), v6 ? 116 : 68);
  fail_unless_equals_int (ask (true, true), v6 ? 124 : 76);
  fail_unless_equals_int (ask (false, true), v6 ? 100 : 64);
}
GST_END_TEST

// RESPONSE-PORT changes the port, never the host; PADDING is refused.
GST_START_TEST (test_response_port)
{
  Server s;
  Address to;
  const auto port = [] (std::uint16_t p) {
    return [p] (Builder &b) { b.u16 (Attr::response_port, p); };
  };
  fail_unless (s.request (port (7777), nullptr, &to).good () && to.port == 7777 &&
               to.host () == peer4.host ());
  fail_unless_equals_int (s.request (port (0), nullptr, &to).code (), 400);
  fail_unless (to == peer4);
  fail_unless_equals_int (
      s.request ([] (Builder &b) { b.add (Attr::padding, Blob (64)); }).code (), 420);
}
GST_END_TEST

// Without all four sockets there is no such service, and a request for an allocation has none.
GST_START_TEST (test_server_refuses)
{
  const auto change = [] (Builder &b) { b.u32 (Attr::change_request, 6); };
  Server three;
  three.core.remove_path (*three.path[1], three.now);
  three.path[1].reset ();
  fail_unless_equals_int (three.request (change).code (), 420);
  fail_unless (three.request ({}).good ());
  Server s;
  ts::Client tcp{*s.core.add_path ({ts::Transport::tcp, corner_address (0), peer4}), peer4};
  Blob buffer (200);
  for (const Method method : {Method::binding, Method::allocate}) {
    Builder b (buffer, method, Class::request, {8});
    change (b);
    s.core.input (
        method == Method::binding ? tcp : ts::Client{*s.path[0], peer4}, b.message (), s.now);
    const ts::Transmit *t = s.core.poll_transmit ();
    const Response r (Blob (t->head.begin (), t->head.end ()));
    fail_unless (
        r.code () == (method == Method::binding ? 420u : 401u) && t->client.path != *s.path[3]);
  }
}
GST_END_TEST

static Suite *nat_discovery_suite ()
{
  Suite *s = suite_create ("turn-nat-discovery");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_kinds, 0, 12);
  tcase_add_loop_test (tc, test_loss, 0, 4);
  tcase_add_test (tc, test_no_server);
  tcase_add_test (tc, test_server_without);
  tcase_add_test (tc, test_other_address_dead);
  tcase_add_test (tc, test_change_ignored);
  tcase_add_test (tc, test_bad_other);
  tcase_add_test (tc, test_strangers);
  tcase_add_test (tc, test_server_answers);
  tcase_add_loop_test (tc, test_answer_sizes, 0, 2);
  tcase_add_test (tc, test_response_port);
  tcase_add_test (tc, test_server_refuses);
  return s;
}
GST_CHECK_MAIN (nat_discovery)
