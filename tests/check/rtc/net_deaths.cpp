// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers that die after each single datagram of the DTLS handshake, in both roles.
#include "dying_peer.h"
#include <dirent.h>
#include <list>

using namespace reach;
using namespace reach::test;
using Seen = Peer::Seen;

namespace {
// A handshake is of so many datagrams at most, at either side.
constexpr unsigned steps = 8;

struct Duel {
  Duel (const std::shared_ptr<Loop> &loop, const std::shared_ptr<const DtlsContext> &context,
      DyingPeer::Plan plan)
      : victim (loop, context, settings ()), peer (loop, make_context (), std::move (plan))
  {
    victim.other = nullptr;
    peer.on_candidate = [this] (const std::string &c) {
      if (victim.transport)
        victim.transport->add_remote (c);
    };
    const TransportPeer of_peer = peer.description ();
    fail_unless (victim.on_loop ([&] (Transport &t) { return t.set_remote (of_peer); }));
    loop->call ([this] { victim.transport->gather (); });
    peer.meet (victim.on_loop ([] (Transport &t) { return t.local (); }),
        {context->certificate ().fingerprint ()});
    fail_unless (victim.seen.wait ([] (const Seen &s) { return s.gathered; }));
    for (const std::string &c : victim.seen.get ().candidates)
      peer.add_remote (c);
  }
  ~Duel () { peer.on_candidate = nullptr; }
  static TransportSettings settings ()
  {
    TransportSettings s = loopback_settings (false);
    s.handshake = milliseconds (1500);
    s.silence = milliseconds (1000);
    return s;
  }
  Peer victim;
  DyingPeer peer;
};

unsigned descriptors ()
{
  unsigned n = 0;
  if (DIR *d = opendir ("/proc/self/fd")) {
    while (readdir (d))
      n++;
    closedir (d);
  }
  return n;
}

// It fails in words, or is connected and then falls silent: nothing hangs, nothing else happens.
// Returns whether it was connected.
bool ends (Duel &d, const DyingPeer::Plan &plan)
{
  const auto over = [] (const Seen &s) { return s.state == TransportState::failed || s.silent; };
  fail_unless (
      d.victim.seen.wait (over), "%u, %s", plan.datagrams, to_text (d.victim.seen.get ().state));
  const Seen s = d.victim.seen.get ();
  if (s.silent)
    return true;
  // Sockets that are gone ICE may notice first.
  fail_unless (s.fault == "the peer does not go on with DTLS" ||
                   (plan.how == Death::gone && s.fault == "ICE finds no path to the peer"),
      "%u: %s", plan.datagrams, s.fault.c_str ());
  fail_unless (!d.victim.on_loop ([] (Transport &t) { return t.sender ()->ready (); }));
  return false;
}
} // namespace

GST_START_TEST (test_deaths)
{
  const auto role = __i__ % 2 ? DtlsRole::client : DtlsRole::server;
  const auto how = static_cast<Death> (__i__ / 2);
  PeerPair honest;
  honest.connect ();
  const auto loop = std::make_shared<Loop> ("victims");
  const auto context = make_context ();
  const unsigned before = descriptors ();
  {
    std::list<Duel> duels;
    std::vector<DyingPeer::Plan> plans;
    for (unsigned n = 0; n < steps; n++) {
      plans.push_back ({role, n, how, true, {"127.0.0.1"}});
      duels.emplace_back (loop, context, plans.back ());
    }
    // The last of them have no more to say, and are idle.
    unsigned n = 0, connected = 0;
    for (Duel &d : duels)
      connected += ends (d, plans[n++]);
    fail_unless (connected > 0 && connected < steps - 1, "%u", connected);
    fail_unless_equals_int (send_rtp (honest.a, 1, 20), 20);
    fail_unless (honest.b.seen.wait ([] (const Seen &s) { return s.rtp >= 15; }));
    // Ended while it is in the midst of it, for each step.
    for (unsigned k = 0; k < steps; k++) {
      duels.emplace_back (loop, context, plans[k]);
      fail_unless (iterate_until ([&d = duels.back ()] {
        return d.peer.dead.get () || d.victim.seen.get ().state == TransportState::connected;
      }));
      const TimePoint begin = Clock::now ();
      duels.back ().victim.end ();
      fail_unless (Clock::now () - begin < seconds (2));
    }
  }
  loop->call ([] {});
  fail_unless (iterate_until ([&] { return descriptors () <= before; }),
      "%u descriptors, %u before", descriptors (), before);
}
GST_END_TEST

static Suite *net_deaths_suite (void)
{
  Suite *s = suite_create ("rtc-net_deaths");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_loop_test (t, test_deaths, 0, 6);
  return s;
}

GST_CHECK_MAIN (net_deaths)
