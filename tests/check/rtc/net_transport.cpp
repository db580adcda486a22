// SPDX-License-Identifier: LGPL-2.1-or-later
// Two transports in one process over real sockets of this machine.
#include "peers.h"

using namespace reach;
using namespace reach::test;
using Seen = Peer::Seen;

GST_START_TEST (test_media_and_data)
{
  PeerPair p;
  p.connect ();
  const auto stats = p.a.on_loop ([] (Transport &t) { return t.stats (); });
  fail_unless_equals_string (stats.dtls_version.c_str (), "DTLSv1.2");
  fail_unless (stats.profile == SrtpProfile::aead_aes_128_gcm);
  fail_unless (p.a.seen.get ().pair->local.type == CandidateType::host);
  fail_unless_equals_string (p.a.seen.get ().pair->remote.address.c_str (), "127.0.0.1");

  fail_unless_equals_int (send_rtp (p.a, 1, 50), 50);
  fail_unless_equals_int (send_rtp (p.b, 1, 3, 10), 3);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtp == 50; }));
  fail_unless (p.b.seen.get ().last == make_rtp (50));
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.rtp == 3; }));
  // Equal packets go with one call of the kernel.
  const auto out = p.a.on_loop ([] (Transport &t) { return t.stats ().out; });
  fail_unless (out.path.calls + 40 < out.path.packets);

  std::vector<std::uint8_t> report{0x80, 200, 0, 6};
  report.resize (28 + MediaSender::trailer);
  MediaSender::Packet one{report, 28};
  fail_unless_equals_int (p.a.transport->sender ()->send_rtcp ({&one, 1}), 1);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtcp == 1; }));
  fail_unless_equals_int (p.b.seen.get ().last.size (), 28);

  for (Peer *x : {&p.a, &p.b}) {
    fail_unless (x->seen.wait ([] (const Seen &s) { return s.data; }));
    fail_unless (x->on_loop ([] (Transport &t) {
      return t.sctp ()->send (2, 53, {}, std::vector<std::uint8_t> (100000, 7));
    }) == Sctp::Sent::yes);
  }
  for (Peer *x : {&p.a, &p.b})
    fail_unless (x->seen.wait ([] (const Seen &s) { return s.message_bytes == 100000; }));

  p.a.loop->call ([&] { p.a.transport->close (); });
  fail_unless (p.b.wait_state (TransportState::closed));
  fail_unless_equals_int (send_rtp (p.a, 100, 1), 0);
}
GST_END_TEST

GST_START_TEST (test_datagrams)
{
  TransportSettings a = loopback_settings (true), b = loopback_settings (false);
  a.data = b.data = false;
  DtlsRules no_srtp;
  no_srtp.profiles = {};
  PeerPair p (a, b, make_context (no_srtp), make_context (no_srtp));
  fail_unless (!p.a.on_loop ([] (Transport &t) { return t.send_datagram (as_bytes ("early")); }));
  p.connect ();
  fail_unless (p.a.on_loop ([] (Transport &t) { return t.send_datagram (as_bytes ("ping")); }));
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.datagrams.size () == 1; }));
  fail_unless (p.b.on_loop ([] (Transport &t) { return t.send_datagram (as_bytes ("pong")); }));
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.datagrams.size () == 1; }));
  fail_unless_equals_string (p.a.seen.get ().datagrams[0].c_str (), "pong");
  fail_unless (p.a.on_loop ([] (Transport &t) { return t.max_datagram (); }) > 1100);
  fail_unless (!p.a.on_loop ([] (Transport &t) {
    return t.send_datagram (std::vector<std::uint8_t> (Dtls::max_record + 1));
  }));
}
GST_END_TEST

// No byte passes, and it fails within a second of the path being there.
GST_START_TEST (test_fingerprint)
{
  for (const bool missing : {false, true}) {
    TransportSettings a = loopback_settings (true), b = loopback_settings (false);
    PeerPair p (a, b);
    p.a.other = &p.b;
    p.b.other = &p.a;
    TransportPeer of_a = p.a.description (DtlsRole::client),
                  of_b = p.b.description (DtlsRole::server);
    if (missing)
      of_b.fingerprints.clear ();
    else
      of_b.fingerprints = of_a.fingerprints;
    p.b.on_loop ([&] (Transport &t) { return t.set_remote (of_a); });
    p.a.on_loop ([&] (Transport &t) { return t.set_remote (of_b); });
    for (Peer *x : {&p.a, &p.b})
      x->loop->call ([x] { x->transport->gather (); });
    fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.pairs > 0; }));
    const auto begin = Clock::now ();
    fail_unless (p.a.wait_state (TransportState::failed));
    fail_unless (Clock::now () - begin < seconds (1));
    fail_unless (p.a.seen.get ().fault.find ("certificate") != std::string::npos ||
                 p.a.seen.get ().fault.find ("fingerprint") != std::string::npos);
    fail_unless_equals_int (send_rtp (p.a, 1, 5), 0);
    fail_unless_equals_int (send_rtp (p.b, 1, 5), 0);
    fail_unless (!p.a.seen.get ().data && !p.b.seen.get ().data);
    fail_unless_equals_int (p.a.seen.get ().rtp + p.b.seen.get ().rtp, 0);
  }
}
GST_END_TEST

// Neither the certificate nor the role can change below keys in use.
GST_START_TEST (test_certificate_swap)
{
  PeerPair p;
  p.connect ();
  TransportPeer again = p.b.description (DtlsRole::server);
  fail_unless (p.a.on_loop ([&] (Transport &t) { return t.set_remote (again); }));
  TransportPeer swapped = again;
  swapped.fingerprints = {make_certificate ()->fingerprint ()};
  fail_unless (!p.a.on_loop ([&] (Transport &t) { return t.set_remote (swapped); }));
  swapped = again;
  swapped.own_role = DtlsRole::client;
  fail_unless (!p.a.on_loop ([&] (Transport &t) { return t.set_remote (swapped); }));
  fail_unless_equals_int (send_rtp (p.a, 1, 1), 1);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtp == 1; }));
}
GST_END_TEST

// Media pauses when nothing authentic comes, whatever else does, and goes on afterwards.
GST_START_TEST (test_silence)
{
  TransportSettings a = loopback_settings (true), b = loopback_settings (false);
  a.data = b.data = false;
  a.silence = milliseconds (300);
  PeerPair p (a, b);
  p.connect ();
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.silent; }));
  fail_unless_equals_int (send_rtp (p.a, 1, 1), 0);
  fail_unless_equals_int (send_rtp (p.b, 1, 1), 1);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return !s.silent; }));
  fail_unless_equals_int (send_rtp (p.a, 2, 1), 1);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.silences == 2; }));
}
GST_END_TEST

GST_START_TEST (test_ice_restart)
{
  PeerPair p;
  p.connect ();
  const auto keys = p.a.on_loop ([] (Transport &t) { return t.local ().ufrag; });
  for (Peer *x : {&p.a, &p.b}) {
    x->other = nullptr; // what is told at once is of no use before the credentials
    x->seen.update ([] (Seen &s) { s.candidates.clear (); });
    x->loop->call ([x] { x->transport->restart_ice (); });
  }
  fail_unless (p.a.on_loop ([] (Transport &t) { return t.local ().ufrag; }) != keys);
  fail_unless (p.a.seen.get ().candidates.size () > 0);
  const TransportPeer of_a = p.a.description (DtlsRole::client),
                      of_b = p.b.description (DtlsRole::server);
  const unsigned pairs = p.a.seen.get ().pairs;
  fail_unless (p.b.on_loop ([&] (Transport &t) { return t.set_remote (of_a); }));
  fail_unless (p.a.on_loop ([&] (Transport &t) { return t.set_remote (of_b); }));
  for (const auto &[from, to] : {std::pair (&p.a, &p.b), std::pair (&p.b, &p.a)})
    for (const std::string &c : from->seen.get ().candidates)
      fail_unless (to->on_loop ([&] (Transport &t) { return t.add_remote (c); }), "%s", c.c_str ());
  fail_unless (p.a.seen.wait ([&] (const Seen &s) { return s.pairs > pairs; }));
  fail_unless_equals_int (send_rtp (p.a, 9, 2), 2); // with the counters of before
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.rtp == 2; }));
}
GST_END_TEST

// The peer has not answered a restart: what was agreed upon before goes on, connects if it had not,
// and is what a rollback returns to.
GST_START_TEST (test_restart_rolled_back)
{
  const auto flows = [] (Peer &from, Peer &to) {
    const std::size_t before = to.seen.get ().rtp;
    fail_unless_equals_int (send_rtp (from, static_cast<std::uint16_t> (before + 1), 2), 2);
    fail_unless (to.seen.wait ([before] (const Seen &s) { return s.rtp == before + 2; }));
  };
  for (const bool connected_before : {false, true}) {
    PeerPair p;
    introduce (p.a, p.b, false);
    const IceCredentials agreed = p.a.on_loop ([] (Transport &t) { return t.local (); });
    p.a.loop->call ([&] { p.a.transport->gather (); });
    if (connected_before) {
      p.b.loop->call ([&] { p.b.transport->gather (); });
      p.expect_connected ();
    }
    for (int i = 0; i < 2; i++) { // one is taken back, another one follows, twice
      for (int n = 0; n <= i; n++)
        p.a.loop->call ([&] { p.a.transport->restart_ice (); });
      fail_unless (p.a.on_loop ([] (Transport &t) { return t.local (); }) != agreed);
      if (i == 1 && !connected_before)
        p.b.loop->call ([&] { p.b.transport->gather (); });
      if (i == 1) {
        p.expect_connected ();
        flows (p.a, p.b);
        flows (p.b, p.a);
      }
      p.a.loop->call ([&] { p.a.transport->restart_ice (agreed); });
      fail_unless (p.a.on_loop ([] (Transport &t) { return t.local (); }) == agreed);
    }
    p.expect_connected ();
    flows (p.a, p.b);
    flows (p.b, p.a);
  }
}
GST_END_TEST

// Two restarts within a moment, the second of which is rolled back: to the first, which connects.
GST_START_TEST (test_second_restart_rolled_back)
{
  PeerPair p;
  p.connect ();
  for (Peer *x : {&p.a, &p.b})
    x->loop->call ([x] { x->transport->restart_ice (); });
  const unsigned pairs = p.a.seen.get ().pairs;
  const TransportPeer of_a = p.a.description (DtlsRole::client),
                      of_b = p.b.description (DtlsRole::server);
  const IceCredentials agreed = of_a.ice;
  fail_unless (p.a.on_loop ([&] (Transport &t) { return t.set_remote (of_b); }));
  p.a.loop->call ([&] { p.a.transport->restart_ice (); });
  p.a.loop->call ([&] { p.a.transport->restart_ice (agreed); });
  fail_unless (p.b.on_loop ([&] (Transport &t) { return t.set_remote (of_a); }));
  for (const auto &[from, to] : {std::pair (&p.a, &p.b), std::pair (&p.b, &p.a)})
    for (const std::string &c : from->seen.get ().candidates)
      if (parse_candidate (c)->ufrag == (from == &p.a ? of_a : of_b).ice.ufrag)
        to->on_loop ([&] (Transport &t) { return t.add_remote (c); });
  fail_unless (p.a.seen.wait ([&] (const Seen &s) { return s.pairs > pairs; }));
  fail_unless (p.b.seen.wait ([&] (const Seen &s) { return s.pairs > 1; }));
  for (const auto &[from, to] : {std::pair (&p.a, &p.b), std::pair (&p.b, &p.a)}) {
    fail_unless_equals_int (send_rtp (*from, 9, 2), 2);
    fail_unless (to->seen.wait ([] (const Seen &s) { return s.rtp == 2; }));
  }
}
GST_END_TEST

// A peer whose candidates never come, and one that passes ICE and says no word of DTLS.
GST_START_TEST (test_no_progress)
{
  TransportSettings s = loopback_settings (true);
  s.ice.connect_limit = milliseconds (100);
  {
    PeerPair p (s);
    introduce (p.a, p.b, false);
    fail_unless (p.a.wait_state (TransportState::failed));
    fail_unless_equals_string (p.a.seen.get ().fault.c_str (), "ICE finds no path to the peer");
    // What comes later still counts.
    for (Peer *peer : {&p.a, &p.b})
      peer->loop->call ([peer] { peer->transport->gather (); });
    fail_unless (p.a.wait_state (TransportState::connected));
  }
  s = loopback_settings (true);
  s.handshake = milliseconds (100);
  TransportSettings mute = loopback_settings (false);
  mute.plain = true;
  PeerPair p (s, mute);
  introduce (p.a, p.b);
  fail_unless (p.a.wait_state (TransportState::failed));
  fail_unless_equals_string (p.a.seen.get ().fault.c_str (), "the peer does not go on with DTLS");
}
GST_END_TEST

static Suite *net_transport_suite (void)
{
  Suite *s = suite_create ("rtc-net_transport");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_media_and_data);
  tcase_add_test (t, test_datagrams);
  tcase_add_test (t, test_fingerprint);
  tcase_add_test (t, test_certificate_swap);
  tcase_add_test (t, test_silence);
  tcase_add_test (t, test_ice_restart);
  tcase_add_test (t, test_restart_rolled_back);
  tcase_add_test (t, test_second_restart_rolled_back);
  tcase_add_test (t, test_no_progress);
  return s;
}
GST_CHECK_MAIN (net_transport)
