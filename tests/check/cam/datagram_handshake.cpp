// SPDX-License-Identifier: LGPL-2.1-or-later
// Setting up, moving and ending associations.
#include "datagram_sim.h"

using namespace sim;

namespace {
PacketType type_of (Bytes d)
{
  return static_cast<PacketType> (d[0]);
}

void delays (Sim &s, Duration d)
{
  s.up.delay = s.down.delay = d;
}
} // namespace

GST_START_TEST (test_connect)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  // SYN, cookie, SYN, ACCEPT: two round trips.
  fail_unless (s.now - TimePoint (seconds (1000)) <= milliseconds (85));
  fail_unless_equals_int (s.acceptor.size (), 1);
  fail_unless (s.client.link->stats ().min_rtt == milliseconds (40));
}
GST_END_TEST

// Every packet of the handshake is lost once, twice or three times.
GST_START_TEST (test_every_handshake_packet_lost)
{
  for (const PacketType t : {PacketType::syn, PacketType::cookie, PacketType::accept})
    for (int times = 1; times <= 3; times++)
      for (const bool with_cookie : {false, true}) {
        Sim s (static_cast<std::uint64_t> (times));
        delays (s, milliseconds (20));
        int left = times;
        const auto drop = [&] (Bytes d) {
          const auto syn = SynPacket::parse (d);
          return type_of (d) == t && (!syn || syn->has_cookie () == with_cookie) && left-- > 0;
        };
        s.up.drop = s.down.drop = drop;
        fail_unless (s.connect ());
        s.client.link->send (reliable (1, 3000, s.now), s.now);
        s.server.link->send (reliable (2, 3000, s.now), s.now);
        s.run (seconds (1));
        fail_unless (left < 0 || t != PacketType::syn);
        fail_unless_equals_int (s.server.received.size (), 1);
        fail_unless_equals_int (s.client.received.size (), 1);
        fail_unless_equals_int (s.acceptor.stats ().accepted, 1);
        fail_unless (!s.client.number_repeated && !s.server.number_repeated);
      }
}
GST_END_TEST

GST_START_TEST (test_connect_timeout)
{
  Sim s;
  s.up.cut = true;
  s.run (milliseconds (2999));
  fail_unless (!s.client.closed);
  fail_unless (s.up.packets >= 5 && s.up.packets <= 9, "backs off");
  s.run (milliseconds (2));
  fail_unless (s.client.closed && s.client.fault == DatagramFault::timed_out);
  fail_unless (s.client.link->poll_timeout () == TimePoint::max ());
}
GST_END_TEST

GST_START_TEST (test_no_amplification)
{
  // Spoofed SYN packets, with and without wrong cookies, of any length and version.
  Sim s;
  Rng rng (5);
  std::uint64_t in = 0, out = 0;
  for (int i = 0; i < 5000; i++) {
    SynPacket syn;
    syn.client_id = rng.next ();
    syn.version = static_cast<std::uint8_t> (i % 3);
    if (i % 2)
      syn.cookie.fill (static_cast<std::uint8_t> (i));
    std::vector<std::uint8_t> d (SynPacket::size);
    syn.write (std::span<std::uint8_t, SynPacket::size> (d.data (), SynPacket::size));
    d.resize (rng.next () % 100);
    const auto r = s.acceptor.input (d, address ("victim"), s.now);
    fail_unless (r.what == DatagramAcceptor::Result::What::nothing ||
                 r.what == DatagramAcceptor::Result::What::reply);
    fail_unless (r.reply.size () <= d.size ());
    in += d.size ();
    out += r.reply.size ();
  }
  fail_unless (out > 0 && out <= in);
  fail_unless_equals_int (s.acceptor.size (), 0);
}
GST_END_TEST

GST_START_TEST (test_cookies)
{
  Sim s;
  std::vector<std::uint8_t> syn_bytes (SynPacket::size), copy;
  SynPacket syn;
  syn.client_id = 77;
  const auto write = [&] {
    syn.write (std::span<std::uint8_t, SynPacket::size> (syn_bytes.data (), SynPacket::size));
  };
  write ();
  auto r = s.acceptor.input (syn_bytes, address ("a"), s.now);
  const auto cookie = CookiePacket::parse (r.reply);
  fail_unless (cookie.has_value () && cookie->client_id == 77);
  syn.bucket = cookie->bucket;
  syn.cookie = cookie->cookie;
  write ();
  using What = DatagramAcceptor::Result::What;
  fail_unless (
      s.acceptor.input (syn_bytes, address ("b"), s.now).what == What::reply, "another address");
  fail_unless (
      s.acceptor.input (syn_bytes, address ("a"), s.now + seconds (21)).what == What::reply,
      "too old");
  syn.client_id = 78;
  write ();
  fail_unless (
      s.acceptor.input (syn_bytes, address ("a"), s.now).what == What::reply, "another client");
  syn.client_id = 77;
  write ();
  r = s.acceptor.input (syn_bytes, address ("a"), s.now);
  fail_unless (r.what == What::accepted && r.link);
  const std::uint32_t cid = r.cid;
  r = s.acceptor.input (syn_bytes, address ("a"), s.now);
  fail_unless (r.what == What::existing && r.cid == cid);
  // A late copy must not bring a closed association back.
  s.acceptor.remove (cid, s.now);
  fail_unless (
      s.acceptor.input (syn_bytes, address ("a"), s.now + seconds (9)).what == What::nothing);
}
GST_END_TEST

GST_START_TEST (test_limit_and_version)
{
  DatagramAcceptor::Config listen;
  listen.max_associations = 0;
  Sim s (1, {}, listen);
  s.run (milliseconds (100));
  fail_unless (s.client.closed && s.client.fault == DatagramFault::refused);

  Sim v;
  v.up.drop = [] (Bytes d) {
    const_cast<std::uint8_t &> (d[1]) = 9; // a version of the future
    return false;
  };
  v.run (milliseconds (100));
  fail_unless (v.client.closed && v.client.fault == DatagramFault::version);
}
GST_END_TEST

GST_START_TEST (test_close)
{
  for (const double loss : {0.0, 0.3}) {
    Sim s (3);
    delays (s, milliseconds (20));
    fail_unless (s.connect ());
    s.up.loss = s.down.loss = loss;
    s.client.link->close (s.now);
    s.run (seconds (2));
    fail_unless (s.client.closed && s.client.fault == DatagramFault::local);
    fail_unless (s.server.closed && s.server.fault == DatagramFault::orderly);
  }
}
GST_END_TEST

GST_START_TEST (test_dead_peer)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  // Nothing is sent above for a long time: the pings keep it open.
  s.run (seconds (60));
  fail_unless (!s.client.closed && !s.server.closed);
  fail_unless (s.up.packets < 60 * 4, "%lu packets in 60 s of silence", s.up.packets);
  s.up.cut = s.down.cut = true;
  s.run (milliseconds (1900));
  fail_unless (!s.client.closed && !s.server.closed);
  s.run (milliseconds (1200));
  fail_unless (s.client.closed && s.client.fault == DatagramFault::timed_out);
  fail_unless (s.server.closed && s.server.fault == DatagramFault::timed_out);

  DatagramConfig patient;
  patient.timeout = milliseconds (-1);
  DatagramAcceptor::Config listen;
  listen.link = patient;
  Sim w (1, patient, listen);
  fail_unless (w.connect ());
  w.up.cut = w.down.cut = true;
  w.run (seconds (600));
  fail_unless (!w.client.closed && !w.server.closed);
}
GST_END_TEST

GST_START_TEST (test_nat_rebinding)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  std::uint32_t n = 0;
  s.every (milliseconds (10), [&] {
    s.client.link->send (reliable (n, 500, s.now), s.now);
    s.server.link->send (reliable (n++, 2000, s.now), s.now);
  });
  s.run (seconds (1));
  s.client.address = address ("client:2000");
  s.run (seconds (1));
  fail_unless (s.server.link->peer () == s.client.address);
  fail_unless (!s.client.closed && !s.server.closed);
  s.run (seconds (1));
  fail_unless (s.client.received.size () >= n - 20u && s.server.received.size () >= n - 20u);
  fail_unless_equals_int (s.client.lost + s.server.lost, 0);
}
GST_END_TEST

// Somebody sends copies of packets from elsewhere, faster than the originals arrive.
GST_START_TEST (test_rebinding_is_validated)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  std::uint64_t stolen = 0;
  s.up.drop = [&] (Bytes d) {
    if (type_of (d) == PacketType::data) {
      stolen += d.size ();
      s.server.link->input (d, address ("thief"), s.now);
    }
    return false;
  };
  std::uint32_t n = 0;
  s.every (milliseconds (10), [&] {
    s.client.link->send (reliable (n, 100, s.now), s.now);
    s.server.link->send (reliable (n++, 4000, s.now), s.now);
  });
  s.run (seconds (2));
  fail_unless (s.server.link->peer () == s.client.address);
  fail_unless (s.to_address["thief"] > 0 && s.to_address["thief"] <= stolen);
  fail_unless (s.client.received.size () > 150);
}
GST_END_TEST

static Suite *datagram_handshake_suite ()
{
  Suite *s = suite_create ("datagram-handshake");
  TCase *c = tcase_create ("general");
  suite_add_tcase (s, c);
  tcase_add_test (c, test_connect);
  tcase_add_test (c, test_every_handshake_packet_lost);
  tcase_add_test (c, test_connect_timeout);
  tcase_add_test (c, test_no_amplification);
  tcase_add_test (c, test_cookies);
  tcase_add_test (c, test_limit_and_version);
  tcase_add_test (c, test_close);
  tcase_add_test (c, test_dead_peer);
  tcase_add_test (c, test_nat_rebinding);
  tcase_add_test (c, test_rebinding_is_validated);
  return s;
}
GST_CHECK_MAIN (datagram_handshake);
