// SPDX-License-Identifier: LGPL-2.1-or-later
// The packet codec: what is written is read again, and cut or changed bytes do no harm.
#include "datagram_sim.h"

using namespace sim;

namespace {
template <typename P> std::vector<std::uint8_t> bytes_of (const P &p)
{
  std::vector<std::uint8_t> d (P::size);
  p.write (std::span<std::uint8_t, P::size> (d.data (), P::size));
  return d;
}

template <typename P> void check_truncation (const P &p)
{
  const auto d = bytes_of (p);
  for (std::size_t n = 0; n < d.size (); n++)
    fail_unless (!P::parse (Bytes (d).first (n)));
  fail_unless (P::parse (d).has_value ());
}

// Every frame type in one datagram.
std::vector<std::uint8_t> full_packet (std::uint32_t cid, std::uint64_t number)
{
  std::vector<std::uint8_t> d (600);
  DataHeader{cid, number, 5}.write (d.data ());
  std::size_t at = DataHeader::size;
  AckFrame a;
  a.count = 3;
  a.ranges[0] = {8, 8};
  a.ranges[1] = {4, 5};
  a.ranges[2] = {0, 2};
  a.write (d.data () + at);
  at += a.wire_size ();
  FragmentHeader f;
  f.message = 3;
  f.total = 100;
  f.length = 50;
  f.offset = 50;
  f.write (d.data () + at);
  at += FragmentHeader::size + f.length;
  d[at++] = static_cast<std::uint8_t> (FrameType::ping);
  d[at++] = static_cast<std::uint8_t> (FrameType::forward);
  at += 4;
  d[at++] = static_cast<std::uint8_t> (FrameType::path_challenge);
  at += 8;
  d[at++] = static_cast<std::uint8_t> (FrameType::close);
  d.resize (at + 1);
  return d;
}
} // namespace

GST_START_TEST (test_round_trips)
{
  SynPacket s;
  s.latency_ms = 250;
  s.client_cid = 0x01020304;
  s.client_id = 0x1122334455667788;
  s.number = max_packet_number;
  s.first_message = 77;
  s.message_window = 88;
  s.byte_window = 99;
  s.bucket = 5;
  s.cookie.fill (3);
  const auto p = SynPacket::parse (bytes_of (s));
  fail_unless (
      p && p->latency_ms == 250 && p->client_cid == s.client_cid && p->client_id == s.client_id);
  fail_unless (p->number == s.number && p->first_message == 77 && p->message_window == 88);
  fail_unless (p->byte_window == 99 && p->bucket == 5 && p->cookie == s.cookie && p->has_cookie ());
  AcceptPacket a;
  a.server_cid = 5;
  a.number = 6;
  a.byte_window = 7;
  const auto q = AcceptPacket::parse (bytes_of (a));
  fail_unless (q && q->server_cid == 5 && q->number == 6 && q->byte_window == 7);
  const auto r = RejectPacket::parse (bytes_of (RejectPacket{RejectReason::overload, 1, 2}));
  fail_unless (r && r->reason == RejectReason::overload && r->client_cid == 1 && r->client_id == 2);
  check_truncation (s);
  check_truncation (a);
  check_truncation (CookiePacket{});
  check_truncation (RejectPacket{});
}
GST_END_TEST

GST_START_TEST (test_ack_ranges)
{
  AckFrame a;
  a.delay_us = 1234;
  a.next_message = 9;
  a.count = AckFrame::max_ranges;
  std::uint64_t at = max_packet_number;
  for (auto &r : a.ranges) {
    r = {at - 100, at};
    at -= 300;
  }
  std::vector<std::uint8_t> d (AckFrame::max_size);
  fail_unless (a.wire_size () == d.size ());
  a.write (d.data ());
  FrameReader r (d);
  fail_unless (
      r.next () && r.type == FrameType::ack && r.ack.count == a.count && r.ack.delay_us == 1234);
  for (std::size_t i = 0; i < a.count; i++)
    fail_unless (
        r.ack.ranges[i].first == a.ranges[i].first && r.ack.ranges[i].last == a.ranges[i].last);
  fail_unless (!r.next () && !r.malformed ());
  // Ranges that go below zero.
  store_be48 (d.data () + 2, 1000);
  FrameReader bad (d);
  fail_unless (!bad.next () && bad.malformed ());
}
GST_END_TEST

GST_START_TEST (test_cut_at_every_byte)
{
  const auto d = full_packet (1, 2);
  std::set<std::size_t> whole; // lengths that end between frames
  FrameReader all (Bytes (d).subspan (DataHeader::size));
  int frames = 0;
  while (all.next ())
    frames++;
  fail_unless_equals_int (frames, 6);
  fail_unless (!all.malformed ());
  int clean = 0;
  for (std::size_t n = DataHeader::size; n <= d.size (); n++) {
    FrameReader r (Bytes (d).subspan (DataHeader::size, n - DataHeader::size));
    while (r.next ()) {
    }
    clean += !r.malformed ();
  }
  fail_unless_equals_int (clean, 7); // behind the header and behind each frame
}
GST_END_TEST

GST_START_TEST (test_link_takes_garbage)
{
  Rng rng (9);
  unsigned closed = 0;
  for (int round = 0; round < 300; round++) {
    Sim s (static_cast<std::uint64_t> (round));
    fail_unless (s.connect ());
    for (int i = 0; i < 50; i++) {
      auto d = full_packet (s.server.link->cid (), static_cast<std::uint64_t> (100 + i));
      d.resize (d.size () - rng.next () % d.size ());
      for (int k = 0; k < 3 && !d.empty (); k++)
        d[rng.next () % d.size ()] = static_cast<std::uint8_t> (rng.next ());
      s.server.link->input (d, s.client.address, s.now);
    }
    s.run (milliseconds (500));
    closed += s.server.closed;
  }
  fail_unless (closed > 0);
}
GST_END_TEST

GST_START_TEST (test_malformed_closes)
{
  Sim s;
  fail_unless (s.connect ());
  for (unsigned i = 0; i < 16; i++) {
    fail_unless (!s.server.closed);
    std::vector<std::uint8_t> d (20, 0xff);
    DataHeader{s.server.link->cid (), 100 + i, 0}.write (d.data ());
    s.server.link->input (d, s.client.address, s.now);
    // Those with another connection id do not count.
    DataHeader{s.server.link->cid () + 1, 100 + i, 0}.write (d.data ());
    s.server.link->input (d, s.client.address, s.now);
  }
  s.run (milliseconds (100));
  fail_unless (s.server.closed && s.server.fault == DatagramFault::malformed);
  fail_unless (s.client.closed && s.client.fault == DatagramFault::orderly);
}
GST_END_TEST

static Suite *datagram_packet_suite ()
{
  Suite *s = suite_create ("datagram-packet");
  TCase *c = tcase_create ("general");
  suite_add_tcase (s, c);
  tcase_add_test (c, test_round_trips);
  tcase_add_test (c, test_ack_ranges);
  tcase_add_test (c, test_cut_at_every_byte);
  tcase_add_test (c, test_link_takes_garbage);
  tcase_add_test (c, test_malformed_closes);
  return s;
}
GST_CHECK_MAIN (datagram_packet);
