// SPDX-License-Identifier: LGPL-2.1-or-later
// SCTP of a peer, between two loops.
#include "sctp_pair.h"

using namespace reach;
using namespace reach::test;

namespace {
using Seen = SctpEnd::Seen;

std::vector<std::uint8_t> pattern (std::size_t size, std::uint8_t first = 0)
{
  std::vector<std::uint8_t> v (size);
  for (std::size_t i = 0; i < size; i++)
    v[i] = static_cast<std::uint8_t> (first + i * 31 + (i >> 8));
  return v;
}
bool wait_messages (SctpEnd &e, std::size_t n, milliseconds limit = milliseconds (50000))
{
  return e.seen.wait ([n] (const Seen &s) { return s.count >= n; }, limit);
}
} // namespace

GST_START_TEST (test_checksum)
{
  SctpStack::get ();
  for (std::size_t size = 12; size < 1300; size += 7) {
    const auto p = pattern (size);
    fail_unless_equals_uint64 (sctp_checksum (p), sctp_checksum_portable (p));
  }
}
GST_END_TEST

GST_START_TEST (test_messages)
{
  SctpPair p;
  fail_unless_equals_int (p.a.seen.get ().streams, 256);
  const std::size_t sizes[] = {1, 2, 1000, 1160, 16384, 65535, 65536, 256 << 10};
  std::uint16_t stream = 0;
  for (const std::size_t size : sizes)
    for (SctpEnd *e : {&p.a, &p.b})
      fail_unless (e->send (stream++, pattern (size), {}, 51) == Sctp::Sent::yes);
  for (SctpEnd *e : {&p.a, &p.b}) {
    fail_unless (wait_messages (*e, std::size (sizes)));
    for (const SctpMessage &m : e->seen.get ().messages) {
      fail_unless_equals_int (m.ppid, 51);
      fail_unless (m.bytes == pattern (sizes[m.stream / 2]));
    }
    fail_unless (e->seen.get ().largest_packet <= 1160);
  }
  fail_unless (p.a.send (0, pattern ((256 << 10) + 1)) == Sctp::Sent::too_big);
  fail_unless (p.a.send (256, pattern (1)) == Sctp::Sent::not_connected); // no such stream
}
GST_END_TEST

// All arrives once and in order, whatever the path does.
GST_START_TEST (test_loss_reordering_duplicates)
{
  SctpPair p ({}, {0.1, 0.05, 0.1}, 7);
  constexpr unsigned n = 60;
  for (unsigned i = 0; i < n; i++)
    fail_unless (p.a.send (1, pattern (5000, static_cast<std::uint8_t> (i))) == Sctp::Sent::yes);
  fail_unless (wait_messages (p.b, n));
  unsigned i = 0;
  for (const SctpMessage &m : p.b.seen.get ().messages)
    fail_unless (m.bytes == pattern (5000, static_cast<std::uint8_t> (i++)));
}
GST_END_TEST

// Nothing waits for what may be given up.
GST_START_TEST (test_partial_reliability)
{
  for (const Reliability how : {Reliability{false, 0, {}}, Reliability{true, {}, 1}}) {
    SctpPair p ({}, {0.1, 0, 0}, 3);
    constexpr unsigned n = 300;
    for (unsigned i = 0; i < n; i++)
      fail_unless (p.a.send (1, pattern (900), how) == Sctp::Sent::yes);
    fail_unless (p.a.send (1, pattern (7), {}, 51) == Sctp::Sent::yes); // reliable: is the last
    fail_unless (p.b.seen.wait (
        [] (const Seen &s) { return !s.messages.empty () && s.messages.back ().ppid == 51; },
        milliseconds (50000)));
    const std::size_t got = p.b.seen.get ().count;
    fail_unless (got > n / 2, "%u", static_cast<unsigned> (got));
  }
}
GST_END_TEST

namespace {
// From a to b nothing arrives until it is over.
struct Outage {
  Watched<unsigned> lost; // packets with data
  bool over = false;      // loop thread of a
  SctpPair pair;
  Outage ()
  {
    pair.a.loop.call ([this] {
      pair.a.change_outgoing = [this] (std::vector<std::uint8_t> &packet) {
        if (over)
          return;
        const bool data = packet[12] == 0; // not a HEARTBEAT
        packet.back () ^= 1;               // the checksum is wrong
        lost.update ([data] (unsigned &n) { n += data; });
      };
    });
  }
  void end_after (unsigned n)
  {
    fail_unless (lost.wait ([n] (unsigned seen) { return seen >= n; }, milliseconds (50000)));
    pair.a.loop.call ([this] { over = true; });
  }
};
} // namespace

// It is given up, too: what got lost does not come again. Its time is over before the next attempt,
// 200 ms at least.
GST_START_TEST (test_given_up)
{
  for (const Reliability how : {Reliability{false, 0, {}}, Reliability{true, {}, 100}}) {
    Outage o;
    for (unsigned i = 0; i < 5; i++)
      fail_unless (o.pair.a.send (1, pattern (900), how) == Sctp::Sent::yes);
    o.end_after (5);
    fail_unless (o.pair.a.send (1, pattern (7), {}, 51) == Sctp::Sent::yes);
    fail_unless (wait_messages (o.pair.b, 1));
    fail_unless_equals_int (o.pair.b.seen.get ().messages.front ().ppid, 51);
  }
}
GST_END_TEST

// The time between two attempts does not grow beyond 3 s, so that what waits is there soon after a
// path is back.
GST_START_TEST (test_outage)
{
  Outage o;
  fail_unless (o.pair.a.send (1, pattern (900)) == Sctp::Sent::yes);
  o.end_after (7);
  fail_unless (wait_messages (o.pair.b, 1, milliseconds (5000)));
}
GST_END_TEST

GST_START_TEST (test_resets)
{
  SctpPair p;
  p.a.send (3, pattern (100000));
  p.a.reset (3); // behind the message
  for (std::uint16_t s = 10; s < 110; s++)
    p.a.reset (s); // more than one request
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.resets.size () == 101; }));
  fail_unless_equals_int (p.b.seen.get ().count, 1);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.resets.size () == 101; }));
  for (const auto &[stream, incoming] : p.b.seen.get ().resets)
    fail_unless (incoming);
  for (const auto &[stream, incoming] : p.a.seen.get ().resets)
    fail_unless (!incoming);
  p.a.send (3, pattern (10)); // the stream is as new
  fail_unless (wait_messages (p.b, 2));
}
GST_END_TEST

// The queue has a limit, tells when it is down to the threshold, and loses nothing.
GST_START_TEST (test_back_pressure)
{
  SctpSettings settings;
  settings.queue = 1 << 20;
  SctpPair p (settings);
  p.b.keep_messages = false;
  p.a.loop.call ([&] { p.a.sctp->set_threshold (5, 100000); });
  const auto message = pattern (50000);
  unsigned sent = 0;
  Sctp::Sent last = Sctp::Sent::yes;
  p.a.loop.call ([&] { // nothing can leave meanwhile
    while ((last = p.a.sctp->send (5, 53, {}, message)) == Sctp::Sent::yes)
      sent++;
    fail_unless (p.a.sctp->buffered (5) > 900000 && p.a.sctp->buffered (5) <= 1 << 20);
    fail_unless_equals_uint64 (p.a.sctp->buffered (5), p.a.sctp->buffered ());
  });
  fail_unless (last == Sctp::Sent::full && sent > 20);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.low > 0; }));
  fail_unless (wait_messages (p.b, sent));
  fail_unless_equals_int (p.a.seen.get ().low, 1);
}
GST_END_TEST

GST_START_TEST (test_message_over_limit)
{
  SctpSettings small;
  small.max_message_in = 10000;
  SctpPair p (small);
  fail_unless (p.a.send (0, pattern (10000)) == Sctp::Sent::yes);
  fail_unless (wait_messages (p.b, 1));
  fail_unless (p.a.send (0, pattern (200000)) == Sctp::Sent::yes);
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.closed; }));
  fail_unless (p.b.seen.get ().fault == SctpFault::too_big);
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.closed; }));
  fail_unless (p.a.seen.get ().fault == SctpFault::aborted);
}
GST_END_TEST

GST_START_TEST (test_end_is_told)
{
  SctpPair p;
  p.a.end ();
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.closed; }));
  fail_unless (p.b.seen.get ().fault == SctpFault::aborted);
  fail_unless (p.b.send (0, pattern (1)) == Sctp::Sent::not_connected);
}
GST_END_TEST

// Bits turned behind a right checksum, as only the peer itself could: nothing crashes. A forged
// ABORT, with another tag, ends nothing.
GST_START_TEST (test_hostile_packets)
{
  SctpPair p;
  const std::uint8_t header[] = {0x13, 0x88, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0};
  const std::vector<std::uint8_t> chunks[] = {{6, 0, 0, 4}, // ABORT
      {14, 0, 0, 4},                                        // SHUTDOWN COMPLETE
      {0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 53, 65},
      {1, 0, 0, 255, 0, 0, 0, 1}, // INIT, with a length that lies
      // INIT with addresses that reach beyond its end (CVE-2019-20503).
      {1, 0, 0, 28, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1, 0, 5, 0, 8, 127, 0, 0, 1},
      {1, 0, 0, 24, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1, 0, 6, 255, 255},
      {193, 0, 0, 4}, {130, 0, 0, 6, 0, 13}, {192, 0, 0, 8, 0, 0, 0, 0}, {255, 255, 0, 0}};
  p.b.loop.call ([&] {
    for (const auto &c : chunks) {
      std::vector<std::uint8_t> packet (std::begin (header), std::end (header));
      packet.insert (packet.end (), c.begin (), c.end ());
      for (const bool right : {false, true}) {
        const std::uint32_t crc = sctp_checksum (packet) ^ (right ? 0 : 1);
        std::memcpy (&packet[8], &crc, 4);
        p.b.sctp->input (packet);
      }
      p.b.sctp->input (Bytes (packet).first (11));
    }
    fail_unless_equals_uint64 (p.b.sctp->bad_packets (), 2 * std::size (chunks));
  });
  fail_unless (p.a.send (0, pattern (100)) == Sctp::Sent::yes);
  fail_unless (wait_messages (p.b, 1));
  fail_unless (!p.b.seen.get ().closed);
}
GST_END_TEST

GST_START_TEST (test_corrupted_by_peer)
{
  for (unsigned seed = 0; seed < 20; seed++) {
    SctpPair p;
    std::mt19937 random (seed);
    p.a.loop.call ([&] {
      p.a.change_outgoing = [&] (std::vector<std::uint8_t> &d) {
        d[12 + random () % (d.size () - 12)] ^= static_cast<std::uint8_t> (1 << random () % 8);
        const std::uint32_t crc = sctp_checksum (d);
        std::memcpy (&d[8], &crc, 4);
      };
    });
    for (int i = 0; i < 20; i++)
      p.a.send (static_cast<std::uint16_t> (i), pattern (3000));
    p.a.reset (2);
    for (SctpEnd *e : {&p.a, &p.b})
      e->loop.call ([] {});
  }
}
GST_END_TEST

// Where nobody answers, or only later.
GST_START_TEST (test_late_peer)
{
  SctpPair p ({}, {}, 1, false);
  p.a.loop.call ([&] { p.a.sctp->start (); });
  fail_unless (p.a.send (0, pattern (1)) == Sctp::Sent::not_connected);
  p.b.loop.call ([&] { p.b.sctp->start (); });
  fail_unless (p.a.seen.wait ([] (const Seen &s) { return s.connected; }));
  fail_unless (p.b.seen.wait ([] (const Seen &s) { return s.connected; }));
}
GST_END_TEST

static Suite *net_sctp_suite (void)
{
  Suite *s = suite_create ("rtc-net_sctp");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_checksum);
  tcase_add_test (t, test_messages);
  tcase_add_test (t, test_loss_reordering_duplicates);
  tcase_add_test (t, test_partial_reliability);
  tcase_add_test (t, test_given_up);
  tcase_add_test (t, test_outage);
  tcase_add_test (t, test_resets);
  tcase_add_test (t, test_back_pressure);
  tcase_add_test (t, test_message_over_limit);
  tcase_add_test (t, test_end_is_told);
  tcase_add_test (t, test_hostile_packets);
  tcase_add_test (t, test_corrupted_by_peer);
  tcase_add_test (t, test_late_peer);
  return s;
}
GST_CHECK_MAIN (net_sctp)
