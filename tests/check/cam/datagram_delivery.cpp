// SPDX-License-Identifier: LGPL-2.1-or-later
// What arrives: all of it, once, in order, within the limits.
#include "datagram_sim.h"

using namespace sim;

namespace {
void delays (Sim &s, Duration d)
{
  s.up.delay = s.down.delay = d;
}

// Random sizes both ways, one message in eight a large one.
void exchange (Sim &s, std::uint32_t count, Duration limit)
{
  fail_unless (s.connect (seconds (20)));
  std::uint32_t n = 0;
  s.every (milliseconds (5), [&] {
    if (n >= count)
      return;
    const std::size_t size = s.rng.next () % (n % 8 ? 3000 : 60000);
    s.client.link->send (reliable (n, size, s.now), s.now);
    s.server.link->send (reliable (n++, size / 3, s.now), s.now);
  });
  fail_unless (
      s.run_until (
          [&] { return s.server.received.size () == count && s.client.received.size () == count; },
          limit),
      "%zu and %zu of %u", s.server.received.size (), s.client.received.size (), count);
  for (const End *e : {&s.client, &s.server}) {
    for (std::uint32_t i = 0; i < count; i++) {
      fail_unless (load_be<std::uint32_t> (e->received[i].body.data ()) == i, "in order");
      fail_unless (body_right (e->received[i].body));
    }
    fail_unless_equals_int (e->lost, 0);
    fail_unless (!e->number_repeated);
  }
  s.run (seconds (1));
  fail_unless (s.client.link->idle () && s.server.link->idle ());
}
} // namespace

GST_START_TEST (test_clean)
{
  Sim s;
  delays (s, milliseconds (5));
  exchange (s, 400, seconds (10));
  fail_unless_equals_int (s.client.link->stats ().packets_lost, 0);
  fail_unless_equals_int (s.client.link->stats ().fragments_retransmitted, 0);
}
GST_END_TEST

GST_START_TEST (test_reliable_over_30_percent_loss)
{
  for (std::uint64_t seed = 1; seed <= 5; seed++) {
    DatagramConfig config;
    config.timeout = seconds (20);
    DatagramAcceptor::Config listen;
    listen.link = config;
    Sim s (seed, config, listen);
    delays (s, milliseconds (20));
    s.up.loss = s.down.loss = 0.3;
    exchange (s, 300, seconds (60));
  }
}
GST_END_TEST

GST_START_TEST (test_duplicates_and_reordering)
{
  for (std::uint64_t seed = 1; seed <= 5; seed++) {
    Sim s (seed);
    delays (s, milliseconds (20));
    for (Pipe *p : {&s.up, &s.down}) {
      p->duplicate = 0.2;
      p->reorder = 0.2;
      p->jitter = milliseconds (8);
    }
    exchange (s, 400, seconds (10));
    fail_unless (s.server.link->stats ().packets_duplicate > 0);
    // The threshold learns that late is not lost.
    const DatagramStats st = s.client.link->stats ();
    fail_unless (st.bytes_retransmitted * 100 < st.bytes_payload * 15, "%lu of %lu",
        st.bytes_retransmitted, st.bytes_payload);
  }
}
GST_END_TEST

// A random source whose values are all just below a power of two, so that the 32-bit fields wrap.
GST_START_TEST (test_wraps)
{
  class High final : public Random {
  public:
    std::uint64_t next () override { return 0xffffffff'ffffff00u + n_++ % 200; }
    std::uint64_t n_ = 0;
  } high;
  VectorStorage storage;
  ToyMac mac;
  Sim s (1);
  s.acceptor.~DatagramAcceptor ();
  new (&s.acceptor) DatagramAcceptor ({}, {1}, mac, high, storage);
  s.client.link =
      std::make_unique<DatagramLink> (DatagramConfig{}, storage, high, s.server.address, s.now);
  delays (s, milliseconds (20));
  s.up.loss = s.down.loss = 0.05;
  exchange (s, 500, seconds (20));
}
GST_END_TEST

GST_START_TEST (test_unwrap)
{
  fail_unless (unwrap32 (0, 0xffffffff) == UINT64_MAX);
  fail_unless (unwrap32 (0xfffffff0, 5) == 0x100000005);
  fail_unless (unwrap32 (0x100000005, 0xfffffff0) == 0xfffffff0);
  fail_unless (unwrap32 (0x1234500000000, 0x7fffffff) == 0x123457fffffff);
}
GST_END_TEST

// One lost message holds those behind it back until its deadline, not longer.
GST_START_TEST (test_gap_until_deadline)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  std::uint32_t n = 0;
  std::vector<std::pair<std::uint32_t, TimePoint>> arrived;
  s.server.on_message = [&] (const Incoming &m) {
    arrived.emplace_back (load_be<std::uint32_t> (frame_payload (m.body ()).data ()), s.now);
  };
  // Message 5 is blanked out of the packets it comes in; they are acknowledged, so nobody repeats
  // it.
  std::optional<std::uint32_t> start;
  s.up.drop = [&] (Bytes d) {
    if (static_cast<PacketType> (d[0]) != PacketType::data)
      return false;
    FrameReader r (d.subspan (DataHeader::size));
    while (r.next ())
      if (r.type == FrameType::fragment) {
        start = start.value_or (r.fragment.message);
        const std::size_t at =
            static_cast<std::size_t> (r.payload.data () - d.data ()) - FragmentHeader::size;
        if (r.fragment.message == *start + 5)
          std::memset (const_cast<std::uint8_t *> (d.data ()) + at, 0,
              FragmentHeader::size + r.payload.size ());
      }
    return false;
  };
  std::vector<TimePoint> made;
  s.every (milliseconds (20), [&] {
    if (n >= 30)
      return;
    made.push_back (s.now);
    s.client.link->send (frame (n++, 1500, true, s.now), s.now);
  });
  s.run (seconds (2));
  fail_unless_equals_int (arrived.size (), 29);
  fail_unless_equals_int (s.server.lost, 1);
  for (const auto &[number, at] : arrived) {
    const Duration late = at - made[number];
    fail_unless (number != 5);
    if (number == 4 || number > 15)
      fail_unless (late <= milliseconds (30), "message %u came after %ld us", number,
          (long)late.count () / 1000);
    if (number == 6)
      fail_unless (at - made[5] >= milliseconds (218) && at - made[5] <= milliseconds (222));
  }
}
GST_END_TEST

// The same, but the missing one is reliable: the rest waits until it came.
GST_START_TEST (test_no_skip_past_reliable)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  s.up.drop = [&] (Bytes d) {
    FrameReader r (d.subspan (std::min (d.size (), DataHeader::size)));
    while (r.next ())
      if (r.type == FrameType::reliable_fragment && s.now < TimePoint (seconds (1001)))
        return true;
    return false;
  };
  std::vector<Kind> kinds;
  s.server.on_message = [&] (const Incoming &m) { kinds.push_back (m.header ().kind); };
  s.client.link->send (reliable (0, 500, s.now), s.now);
  for (std::uint32_t i = 1; i < 5; i++) {
    s.run (milliseconds (20));
    s.client.link->send (frame (i, 500, true, s.now), s.now);
  }
  s.run (milliseconds (700));
  fail_unless (kinds.empty ());
  s.run (seconds (2));
  // A frame that shared its packets with the reliable message may be lost as well.
  fail_unless (kinds.size () >= 3 && kinds.size () + s.server.lost == 5);
  fail_unless (kinds[0] == Kind::command && kinds[1] == Kind::frame);
}
GST_END_TEST

// The end of the stream is lost for good: the receiver still gets to know.
GST_START_TEST (test_lost_tail_and_outage)
{
  Sim s;
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  std::uint32_t n = 0;
  s.server.on_message = [] (const Incoming &) {};
  s.every (milliseconds (10), [&] {
    if (n < 100)
      s.client.link->send (frame (n++, 900, true, s.now), s.now);
  });
  s.run (milliseconds (500));
  s.up.cut = true;
  s.run (milliseconds (900));
  fail_unless (s.client.link->idle (), "given up");
  s.up.cut = false;
  s.run (seconds (2));
  fail_unless (!s.client.closed && !s.server.closed);
  fail_unless (s.server.lost > 20, "%lu", s.server.lost);
  const DatagramStats st = s.server.link->stats ();
  fail_unless_equals_int (
      st.messages_received + st.messages_lost, s.client.link->stats ().messages_sent);
}
GST_END_TEST

// More messages than the peer's window are lost in an outage; what follows still arrives.
GST_START_TEST (test_window_after_outage)
{
  DatagramAcceptor::Config listen;
  listen.link.max_window = 32;
  Sim s (1, {}, listen);
  delays (s, milliseconds (20));
  fail_unless (s.connect ());
  std::uint32_t n = 0;
  s.server.on_message = [] (const Incoming &) {};
  s.every (milliseconds (2), [&] { s.client.link->send (frame (n++, 300, true, s.now), s.now); });
  s.run (milliseconds (300));
  const std::uint64_t before = s.server.link->stats ().messages_received;
  fail_unless (before > 50);
  s.up.cut = true;
  s.run (milliseconds (1000));
  s.up.cut = false;
  s.run (milliseconds (500));
  const std::uint64_t after = s.server.link->stats ().messages_received;
  s.run (seconds (1));
  fail_unless (s.server.link->stats ().messages_received > after + 200, "%lu %lu",
      s.server.link->stats ().messages_received, after);
}
GST_END_TEST

GST_START_TEST (test_small_messages_share_packets)
{
  Sim s;
  delays (s, milliseconds (5));
  fail_unless (s.connect ());
  const std::uint64_t before = s.up.packets;
  for (std::uint32_t i = 0; i < 50; i++)
    s.client.link->send (reliable (i, 80, s.now), s.now);
  s.run (seconds (1));
  fail_unless_equals_int (s.server.received.size (), 50);
  fail_unless (s.up.packets - before <= 15, "%lu packets", s.up.packets - before);
}
GST_END_TEST

// A message with nothing before it leaves at once.
GST_START_TEST (test_no_added_latency)
{
  Sim s;
  delays (s, milliseconds (5));
  fail_unless (s.connect ());
  s.run (seconds (1));
  for (std::uint32_t i = 0; i < 20; i++) {
    const TimePoint sent = s.now;
    TimePoint got{};
    s.server.on_message = [&] (const Incoming &) { got = s.now; };
    s.client.link->send (frame (i, 6000, true, s.now), s.now);
    s.run (milliseconds (100));
    fail_unless (got - sent == milliseconds (5), "%ld", (long)(got - sent).count ());
  }
}
GST_END_TEST

// The receiver itself was late: what waits in its socket is not lost, however old it is.
GST_START_TEST (test_late_reader)
{
  Sim s;
  delays (s, milliseconds (5));
  fail_unless (s.connect ());
  s.run (milliseconds (200));
  std::uint32_t n = 0;
  s.every (milliseconds (30), [&] { s.client.link->send (frame (n++, 6000, true, s.now), s.now); });
  s.run (milliseconds (600));
  std::vector<std::vector<std::uint8_t>> waiting;
  s.up.drop = [&] (Bytes d) { return waiting.emplace_back (d.begin (), d.end ()), true; };
  s.run (milliseconds (320)); // with a latency of 200 ms
  std::size_t got = 0;
  s.server.on_message = [&] (const Incoming &) { got++; };
  for (std::size_t i = 0; i < waiting.size (); i++) {
    s.server.link->input (waiting[i], s.client.address, s.now);
    if (i % 4 == 0)
      s.server.link->timeout (s.now, false);
  }
  s.server.link->timeout (s.now);
  s.run (milliseconds (1));
  fail_unless (got >= 6, "%zu frames", got); // the others were not begun, for lack of answers
  fail_unless_equals_int (s.server.lost, 0);
}
GST_END_TEST

GST_START_TEST (test_storage_refused)
{
  class Stingy final : public StorageSource {
  public:
    std::unique_ptr<Storage> allocate (std::size_t size) override
    {
      return size > 5000 ? nullptr : std::make_unique<VectorStorage> (size);
    }
  } stingy;
  Sim s;
  s.acceptor.~DatagramAcceptor ();
  new (&s.acceptor) DatagramAcceptor ({}, {1}, s.mac, s.rng, stingy);
  fail_unless (s.connect ());
  s.client.link->send (reliable (0, 1000, s.now), s.now);
  s.run (milliseconds (10));
  s.client.link->send (reliable (1, 6000, s.now), s.now);
  s.run (seconds (1));
  fail_unless_equals_int (s.server.received.size (), 1);
  fail_unless (s.server.closed && s.server.fault == DatagramFault::storage);
  fail_unless (s.client.closed && s.client.fault == DatagramFault::orderly);
}
GST_END_TEST

GST_START_TEST (test_too_big)
{
  DatagramAcceptor::Config listen;
  listen.link.max_message = 10000;
  Sim s (1, {}, listen);
  fail_unless (s.connect ());
  s.client.link->send (reliable (1, 10001, s.now), s.now);
  s.run (seconds (1));
  fail_unless (s.server.closed && s.server.fault == DatagramFault::too_big);
}
GST_END_TEST

static Suite *datagram_delivery_suite ()
{
  Suite *s = suite_create ("datagram-delivery");
  TCase *c = tcase_create ("general");
  tcase_set_timeout (c, 120);
  suite_add_tcase (s, c);
  tcase_add_test (c, test_clean);
  tcase_add_test (c, test_reliable_over_30_percent_loss);
  tcase_add_test (c, test_duplicates_and_reordering);
  tcase_add_test (c, test_wraps);
  tcase_add_test (c, test_unwrap);
  tcase_add_test (c, test_gap_until_deadline);
  tcase_add_test (c, test_no_skip_past_reliable);
  tcase_add_test (c, test_lost_tail_and_outage);
  tcase_add_test (c, test_window_after_outage);
  tcase_add_test (c, test_small_messages_share_packets);
  tcase_add_test (c, test_no_added_latency);
  tcase_add_test (c, test_late_reader);
  tcase_add_test (c, test_storage_refused);
  tcase_add_test (c, test_too_big);
  return s;
}
GST_CHECK_MAIN (datagram_delivery);
