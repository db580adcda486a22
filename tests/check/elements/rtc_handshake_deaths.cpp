// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers of rtcpeer that die in the midst of the DTLS handshake; rtc/net_deaths has each step of it.
#include "../bus_error.h"
#include "../rtc/dying_peer.h"
#include "rtc_hostile.h"

using namespace reach;
using namespace reach::test;

namespace {
// Its victim takes the other role in DTLS.
struct Duel {
  Duel (const std::shared_ptr<Loop> &loop, const DyingPeer::Plan &plan)
      : victim (std::string ("rtcpeer name=peer dtls-role=") +
                (plan.role == DtlsRole::client ? "server" : "client")),
        context (make_context ()), peer (loop, context, plan)
  {
    handler = g_signal_connect (victim.peer, "on-ice-candidate",
        G_CALLBACK (+[] (GstElement *, guint, const char *text, gpointer p) {
          static_cast<DyingPeer *> (p)->add_remote (text);
        }),
        &peer);
    peer.on_candidate = [v = victim.peer] (const std::string &c) {
      g_signal_emit_by_name (v, "add-ice-candidate", 0u, c.c_str ());
    };
    victim.play ();
    const TransportPeer answer = call_victim (
        victim.peer, offer_text (peer.description ().ice, context->certificate ().fingerprint ()));
    fail_unless (answer.own_role == plan.role);
    peer.meet (answer.ice, answer.fingerprints);
  }
  ~Duel () { g_signal_handler_disconnect (victim.peer, handler); }
  Caller victim;
  const std::shared_ptr<const DtlsContext> context;
  DyingPeer peer;
  gulong handler = 0;
};

std::string warning_of (Caller &c)
{
  const auto m = wait_message (c.pipeline, GST_MESSAGE_WARNING, {}, milliseconds (50000));
  if (!m)
    return "nothing";
  const auto e = error_of (m.get ());
  return e->message;
}
// Which of them it is depends on who was to speak next, and on what ICE sees of it.
bool is_clear (const std::string &said)
{
  for (const char *text : {"the peer does not go on with DTLS", "the peer does not answer",
           "ICE finds no path to the peer"})
    if (said.find (text) != std::string::npos)
      return true;
  return false;
}
} // namespace

// Each says so when its 30 s are over, and ends at once then, as do those that are ended long
// before; others in the process see nothing of it.
GST_START_TEST (test_deaths)
{
  HonestPair honest;
  const auto loop = std::make_shared<Loop> ("dying");
  {
    std::list<Duel> duels;
    for (const auto role : {DtlsRole::client, DtlsRole::server})
      for (const auto how : {Death::silent, Death::half, Death::gone})
        for (const unsigned n : {0u, 1u})
          duels.emplace_back (loop, DyingPeer::Plan{role, n, how, true, {}});
    for (Duel &d : duels)
      fail_unless (d.peer.dead.wait ([] (bool b) { return b; }));
    fail_unless (honest.goes_on ());
    for (auto d = duels.begin (); d != duels.end (); d = std::next (d, 2)) {
      const double took = time_to_end (d->victim);
      fail_unless (took < longest_end, "%g ms", took);
    }
    for (auto d = std::next (duels.begin ()); d != duels.end ();) {
      const std::string said = warning_of (d->victim);
      fail_unless (is_clear (said), "%s", said.c_str ());
      const auto state = d->victim.get<GstWebRTCPeerConnectionState> ("connection-state");
      fail_unless_equals_int (state, GST_WEBRTC_PEER_CONNECTION_STATE_FAILED);
      const double took = time_to_end (d->victim);
      fail_unless (took < longest_end, "%g ms", took);
      if (++d != duels.end ())
        ++d;
    }
  }
  fail_unless (honest.goes_on ());
}
GST_END_TEST

static Suite *rtc_handshake_deaths_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_handshake_deaths");
  TCase *tc = tcase_create ("hostile");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, test_deaths);
  return s;
}

GST_CHECK_MAIN (rtc_handshake_deaths)
