// SPDX-License-Identifier: LGPL-2.1-or-later
// ICE credentials, restarts, candidates, DTLS roles, and what is refused for safety.
#include "browser_sdp.h"
#include "jsep_peer.h"

using namespace reach::test;
using T = DescriptionType;
using K = MediaKind;
using F = JsepFault;

namespace {
const std::string &ufrag (const Peer &p)
{
  return p.n.negotiated ()->local.ufrag;
}

CandidateInit candidate (std::optional<std::string> mid, std::optional<std::string> ufrag,
    std::optional<std::size_t> mline = {})
{
  return {"candidate:1 1 udp 1 192.0.2.1 5000 typ host", std::move (mid), mline, std::move (ufrag)};
}

// A description that is changed before it is set.
template <typename Change> JsepError offered (Peer &to, Change &&change)
{
  Peer a (9);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  fine (a.n.set_local ());
  sdp::Description d = *a.n.local ();
  change (d);
  return to.n.set_remote (T::offer, d);
}

template <typename Change> JsepError answered (Change &&change)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  offer (a, b);
  sdp::Description d = *b.n.create_answer ();
  change (d);
  return a.n.set_remote (T::answer, d);
}
} // namespace

GST_START_TEST (test_refused)
{
  Peer b (2);
  const auto no_keys = [] (sdp::Media &m) { m.transport.fingerprints.clear (); };
  faulty (offered (b, [&] (auto &d) { no_keys (d.media[0]); }), F::no_fingerprint);
  faulty (offered (b,
              [&] (auto &d) {
                no_keys (d.media[0]);
                d.media[0].protocol = "RTP/SAVPF";
                d.media[0].crypto = true;
              }),
      F::insecure);
  for (const char *plain : {"RTP/AVP", "RTP/AVPF"})
    faulty (offered (b,
                [&] (auto &d) {
                  no_keys (d.media[0]);
                  d.media[0].protocol = plain;
                }),
        F::insecure);
  faulty (offered (b, [] (auto &d) { d.media[0].transport.ufrag.clear (); }), F::no_ice);
  faulty (offered (b, [] (auto &d) { d.media[0].transport.pwd.clear (); }), F::no_ice);
  faulty (offered (b, [] (auto &d) { d.media[0].transport.setup = sdp::Setup::holdconn; }),
      F::bad_setup);
  fail_unless (b.state () == SignalingState::stable && b.take ().empty ());
  // With DTLS keys beside SDES ones DTLS is used; old names of the profile do.
  fine (offered (b, [] (auto &d) { d.media[0].crypto = true; }));
  for (const char *profile : {"RTP/SAVPF", "RTP/AVP"}) {
    Peer c (3);
    fine (offered (c, [&] (auto &d) { d.media[0].protocol = profile; }));
    fine (c.n.set_local ());
    fail_unless (c.n.local ()->media[0].protocol == profile);
  }
}
GST_END_TEST

// What an offer asks for and we do not do is rejected by the answer.
GST_START_TEST (test_rejected)
{
  const auto rejects = [] (auto &&change) {
    Peer b (2);
    fine (offered (b, change));
    fine (b.n.set_local ());
    return b.n.local ()->media[1].rejected ();
  };
  fail_unless (!rejects ([] (auto &) {}));
  fail_unless (rejects ([] (auto &d) { d.media[1].rtcp_mux = false; }));
  fail_unless (rejects ([] (auto &d) { d.media[1].protocol = "UDP/TLS/RTP/FOO"; }));
  fail_unless (rejects ([] (auto &d) { d.media[1].kind = "text"; }));
  fail_unless (rejects ([] (auto &d) { d.media[1].bundle_only = false; })); // port 0
  fail_unless (rejects ([] (auto &d) {
    d.groups[0].mids = {"0"};
    d.media[1].port = 9;
    d.media[1].transport = d.media[0].transport;
  }));
  fail_unless (rejects ([] (auto &d) {
    d.groups.clear ();
    d.media[1].port = 9;
    d.media[1].bundle_only = false;
    d.media[1].transport = d.media[0].transport;
  }));
}
GST_END_TEST

GST_START_TEST (test_answers)
{
  fine (answered ([] (auto &) {}));
  faulty (answered ([] (auto &d) { d.media.pop_back (); }), F::mline_mismatch);
  faulty (answered ([] (auto &d) { d.media.push_back (d.media[0]); }), F::mline_mismatch);
  faulty (answered ([] (auto &d) { d.media[1].kind = "audio"; }), F::mline_mismatch);
  faulty (answered ([] (auto &d) { d.media[1].mid = "x"; }), F::not_bundled);
  faulty (answered ([] (auto &d) { d.groups[0].mids = {"0"}; }), F::not_bundled);
  faulty (answered ([] (auto &d) { d.groups.clear (); }), F::not_bundled);
  faulty (answered ([] (auto &d) { d.media[0].rtcp_mux = false; }), F::no_rtcp_mux);
  faulty (
      answered ([] (auto &d) { d.media[0].transport.setup = sdp::Setup::actpass; }), F::bad_setup);
  faulty (
      answered ([] (auto &d) { d.media[0].transport.fingerprints.clear (); }), F::no_fingerprint);
  // Without mids, by place; and with the group's other m-lines bare.
  fine (answered ([] (auto &d) { d.media[1].transport = {}; }));
  fine (answered ([] (auto &d) {
    d.media[1].port = 0;
    d.groups.clear ();
    d.media[0].mid.clear ();
    d.media[1].mid.clear ();
  }));
}
GST_END_TEST

GST_START_TEST (test_m_lines_stay)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  negotiate (a, b);
  fine (a.n.set_local ());
  const sdp::Description good = *a.n.local ();
  sdp::Description d = good;
  d.media.pop_back ();
  faulty (b.n.set_remote (T::offer, d), F::mline_mismatch);
  d = good;
  std::swap (d.media[0], d.media[1]);
  faulty (b.n.set_remote (T::offer, d), F::mline_mismatch);
  d = good;
  d.media[0].mid = "new";
  d.groups[0].mids[0] = "new";
  faulty (b.n.set_remote (T::offer, d), F::mline_mismatch);
  fail_unless (b.state () == SignalingState::stable);
  fine (b.n.set_remote (T::offer, good));
}
GST_END_TEST

GST_START_TEST (test_edited)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  const sdp::Description made = *a.n.create_offer ();
  const auto edit = [&] (auto &&change) {
    sdp::Description d = made;
    change (d);
    return a.n.set_local (T::offer, d);
  };
  faulty (edit ([] (auto &d) { d.media[0].transport.ufrag = "abcd"; }), F::modified);
  faulty (edit ([] (auto &d) { d.media[0].transport.fingerprints[0].digest[0]++; }), F::modified);
  faulty (edit ([] (auto &d) { d.media[0].mid = "x"; }), F::modified);
  faulty (edit ([] (auto &d) { d.media.clear (); }), F::modified);
  faulty (edit ([] (auto &d) { d.media[0].codecs[0].payload_type = 77; }), F::modified);
  fail_unless (a.state () == SignalingState::stable);
  fine (edit ([] (auto &d) {
    d.media[0].codecs.resize (1);
    d.media[0].bandwidth = {"AS:30"};
  }));
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  sdp::Description answer = *b.n.create_answer ();
  answer.media[0].transport.setup = sdp::Setup::actpass;
  faulty (b.n.set_local (T::answer, answer), F::bad_setup);
  answer.media[0].transport.setup = sdp::Setup::active; // another choice is one
  fine (b.n.set_local (T::answer, answer));
  fine (a.n.set_remote (T::answer, answer));
  fail_unless (
      b.n.negotiated ()->role == DtlsRole::client && a.n.negotiated ()->role == DtlsRole::server);
}
GST_END_TEST

GST_START_TEST (test_roles)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  negotiate (a, b);
  fail_unless (
      a.n.negotiated ()->role == DtlsRole::client && b.n.negotiated ()->role == DtlsRole::server);
  // The role stays, whoever offers.
  b.track (K::video, "cam");
  negotiate (b, a);
  fail_unless (a.n.local ()->media[0].transport.setup == sdp::Setup::active);
  fail_unless (a.n.negotiated ()->role == DtlsRole::client &&
               (a.n.negotiated ()->changed & changed_role) == 0);
  // A peer that would swap them in the same association is refused; with another certificate not.
  fine (b.n.set_local ());
  sdp::Description d = *b.n.local ();
  d.media[0].transport.setup = sdp::Setup::active;
  faulty (a.n.set_remote (T::offer, d), F::bad_setup);
  d.media[0].transport.fingerprints[0].digest[0]++;
  fine (a.n.set_remote (T::offer, d));
  fine (a.n.set_local ());
  fail_unless (a.n.negotiated ()->role == DtlsRole::server);
  fail_unless ((a.n.negotiated ()->changed & changed_fingerprints) != 0);
  // What an offer leaves no choice of.
  for (const auto setup : {sdp::Setup::active, sdp::Setup::passive}) {
    Peer c (3);
    fine (offered (c, [&] (auto &x) { x.media[0].transport.setup = setup; }));
    fine (c.n.set_local ());
    fail_unless (c.n.negotiated ()->role ==
                 (setup == sdp::Setup::active ? DtlsRole::server : DtlsRole::client));
  }
  JsepConfig config = peer_config (4);
  config.role = DtlsRole::client;
  Peer e (4, config);
  fine (offered (e, [] (auto &) {}));
  fine (e.n.set_local ());
  fail_unless (e.n.negotiated ()->role == DtlsRole::client);
}
GST_END_TEST

GST_START_TEST (test_restart)
{
  Peer a (1), b (2);
  a.n.restart_ice (); // nothing to restart
  fail_unless (!a.n.needed ());
  a.track (K::audio, "mic");
  negotiate (a, b);
  const std::string ua = ufrag (a), ub = ufrag (b);
  fail_unless (ua.size () >= 4 && a.n.negotiated ()->local.pwd.size () >= 22 && ua != ub);
  negotiate (a, b); // goes on
  fail_unless (ufrag (a) == ua && ufrag (b) == ub);
  a.n.restart_ice ();
  fail_unless (a.n.needed ());
  negotiate (a, b);
  fail_unless (ufrag (a) != ua && ufrag (b) != ub && !a.n.needed ());
  fail_unless ((b.n.negotiated ()->changed & changed_remote_ice) != 0);
  fail_unless ((b.n.negotiated ()->changed & changed_role) == 0);
  // As an option of one offer.
  const std::string now = ufrag (a);
  const auto made = a.n.create_offer (true);
  fail_unless (made->media[0].transport.ufrag != now);
  fine (a.n.set_local (T::offer, *made));
  fine (b.n.set_remote (T::offer, *made));
  answer (b, a);
  fail_unless (ufrag (a) == made->media[0].transport.ufrag);
}
GST_END_TEST

GST_START_TEST (test_restart_and_rollback)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  negotiate (a, b);
  const std::string ua = ufrag (a);
  a.n.restart_ice ();
  fine (a.n.set_local ());
  const std::string tried = a.n.local ()->media[0].transport.ufrag;
  fail_unless (tried != ua);
  a.take ();
  fine (a.n.set_local (T::rollback));
  a.take ();
  fail_unless (a.told ("local-ice") && a.told ("needed") && a.n.needed ());
  // An offer of the peer that restarts nothing leaves the wish.
  negotiate (b, a);
  fail_unless (ufrag (a) == ua && a.n.needed ());
  // One that restarts fulfils it.
  b.n.restart_ice ();
  negotiate (b, a);
  fail_unless (ufrag (a) != ua && ufrag (a) != tried && !a.n.needed () && !b.n.needed ());
  // Asked for while an offer is pending: that one is to be replaced too.
  offer (a, b);
  a.n.restart_ice ();
  answer (b, a);
  fail_unless (a.n.needed ());
  negotiate (a, b);
  fail_unless (!a.n.needed ());
  // In the other's glare.
  a.n.restart_ice ();
  fine (a.n.set_local ());
  negotiate (b, a);
  fail_unless (a.n.needed ());
}
GST_END_TEST

GST_START_TEST (test_candidates)
{
  Peer a (1), b (2);
  faulty (a.n.add_candidate (candidate ("0", {})), F::wrong_state);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  offer (a, b);
  const std::string u = a.n.local ()->media[0].transport.ufrag;
  b.take ();
  fine (b.n.add_candidate (candidate ("0", u)));
  fine (b.n.add_candidate (candidate ("1", u)));
  fine (b.n.add_candidate (candidate ({}, {}, 0)));
  b.take ();
  fail_unless (b.count ("candidate") == 3);
  fail_unless (std::get<event::RemoteCandidate> (b.events[0]).ufrag == u);
  fail_unless (b.n.remote ()->media[0].candidates.size () == 1); // the same again
  faulty (b.n.add_candidate (candidate ({}, u)), F::bad_argument);
  faulty (b.n.add_candidate (candidate ("7", u)), F::unknown);
  faulty (b.n.add_candidate (candidate ({}, u, 7)), F::unknown);
  faulty (b.n.add_candidate (candidate ("0", "old1")), F::unknown_ufrag);
  faulty (b.n.add_candidate ({"candidate:x", "0", {}, {}}), F::bad_candidate);
  b.take ();
  fine (b.n.add_candidate ({"", "0", {}, u}));
  fine (b.n.add_candidate ({}));
  b.take ();
  fail_unless (b.count ("end") == 2 && b.n.remote ()->media[0].end_of_candidates);
  // After a rollback they are of a generation that is over.
  fine (b.n.set_remote (T::rollback));
  faulty (b.n.add_candidate (candidate ("0", u)), F::wrong_state);
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  answer (b, a);
  a.n.restart_ice ();
  offer (a, b);
  // Both generations are there, until the answer.
  fine (b.n.add_candidate (candidate ("0", u)));
  fine (b.n.add_candidate (candidate ("0", a.n.local ()->media[0].transport.ufrag)));
  answer (b, a);
  faulty (b.n.add_candidate (candidate ("0", u)), F::unknown_ufrag);
}
GST_END_TEST

GST_START_TEST (test_local_candidates)
{
  Peer a (1), b (2);
  const Candidate c = *parse_candidate ("candidate:1 1 udp 1 192.0.2.1 5000 typ host");
  faulty (a.n.add_local_candidate (c, "abcd").error, F::wrong_state);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  fine (a.n.set_local ());
  const std::string u = a.n.local ()->media[0].transport.ufrag;
  const auto said = a.n.add_local_candidate (c, u);
  fail_unless (said && said->mid == "0" && said->mline == 0u && said->ufrag == u);
  fail_unless (said->candidate.find ("ufrag " + u) != std::string::npos);
  faulty (a.n.add_local_candidate (c, "old1").error, F::unknown_ufrag);
  fail_unless (static_cast<bool> (a.n.end_local_candidates (u)));
  const sdp::Media &m = a.n.local ()->media[0];
  fail_unless (m.candidates.size () == 1 && m.end_of_candidates);
  // Who gets the description later gets them in it.
  fine (b.n.set_remote (T::offer, wire (*a.n.local ())));
  b.take ();
  fail_unless (b.told ("candidate") && b.told ("end"));
  answer (b, a);
  fail_unless (a.n.create_offer ()->media[0].candidates.size () == 1);
  fail_unless (a.n.create_offer (true)->media[0].candidates.empty ());
}
GST_END_TEST

static Suite *jsep_suite ()
{
  Suite *s = suite_create ("rtc-jsep-transport");
  TCase *tc = tcase_create ("transport");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_rejected);
  tcase_add_test (tc, test_answers);
  tcase_add_test (tc, test_m_lines_stay);
  tcase_add_test (tc, test_edited);
  tcase_add_test (tc, test_roles);
  tcase_add_test (tc, test_restart);
  tcase_add_test (tc, test_restart_and_rollback);
  tcase_add_test (tc, test_candidates);
  tcase_add_test (tc, test_local_candidates);
  return s;
}

GST_CHECK_MAIN (jsep)
