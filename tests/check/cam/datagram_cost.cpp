// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stream costs: each batch is a system call that wakes the other side up.
#include "datagram_sim.h"

using namespace sim;

namespace {
struct Counts {
  std::uint64_t batches, answers;
};

// Frames of one size at a steady rate; what went in `length`, after `settle`.
Counts stream (Sim &s, std::size_t size, Duration period, Duration settle, Duration length)
{
  std::uint32_t n = 0;
  s.server.on_message = [] (const Incoming &) {};
  s.every (period, [&] { s.client.link->send (frame (n++, size, true, s.now), s.now); });
  s.run (settle);
  const std::uint64_t batches = s.client.batches, answers = s.server.batches;
  s.run (length);
  return {s.client.batches - batches, s.server.batches - answers};
}

void connect (Sim &s, Duration delay)
{
  s.up.delay = s.down.delay = delay;
  fail_unless (s.connect ());
}
} // namespace

// Frames of 20 Mbit/s video leave in a few batches, not one each millisecond.
GST_START_TEST (test_large_frames)
{
  Sim s;
  connect (s, milliseconds (5));
  const Counts c = stream (s, 82000, microseconds (33333), seconds (2), seconds (10));
  fail_unless (c.batches <= 300 * 4, "%lu batches for 300 frames", c.batches);
  fail_unless (c.answers <= 60 * 10, "%lu acknowledgements in 10 s", c.answers);
  fail_unless_equals_int (s.client.link->stats ().fragments_retransmitted, 0);
  fail_unless_equals_int (s.server.link->stats ().messages_lost, 0);
}
GST_END_TEST

// What fits the allowance after a pause is one batch.
GST_START_TEST (test_small_frames)
{
  Sim s;
  connect (s, milliseconds (5));
  const Counts c = stream (s, 8192, milliseconds (4), seconds (2), seconds (10));
  fail_unless (c.batches <= 2500 + 20, "%lu batches for 2500 frames", c.batches);
  fail_unless (c.answers <= 60 * 10, "%lu acknowledgements in 10 s", c.answers);
}
GST_END_TEST

// Faster than a batch may be long: Sim checks each batch's size.
GST_START_TEST (test_fast)
{
  Sim s;
  connect (s, milliseconds (1));
  const Counts c = stream (s, 400000, milliseconds (10), seconds (2), seconds (2));
  fail_unless (c.batches <= 200 * 10, "%lu batches for 200 frames", c.batches);
}
GST_END_TEST

// Acknowledgements come sooner for a while after a loss, and when the latency is short.
GST_START_TEST (test_acknowledgements)
{
  Sim s;
  connect (s, milliseconds (5));
  const auto answers = [&] (Duration settle) {
    return stream (s, 1000, milliseconds (4), settle, seconds (5)).answers;
  };
  fail_unless (answers (seconds (1)) <= 60 * 5);
  int left = 1;
  s.up.drop = [&] (Bytes) { return left-- > 0; };
  const std::uint64_t troubled = answers (milliseconds (200));
  fail_unless (troubled >= 80 * 5, "%lu acknowledgements in 5 s", troubled);
  fail_unless (answers (seconds (31)) <= 60 * 5);
  fail_unless_equals_int (s.server.link->stats ().messages_lost, 0);

  DatagramConfig config;
  config.latency = milliseconds (60);
  DatagramAcceptor::Config listen;
  listen.link = config;
  Sim fast (1, config, listen);
  connect (fast, milliseconds (5));
  const std::uint64_t short_latency =
      stream (fast, 1000, milliseconds (4), seconds (1), seconds (5)).answers;
  fail_unless (short_latency >= 80 * 5, "%lu acknowledgements in 5 s", short_latency);
}
GST_END_TEST

// Nobody repeats what is only acknowledged late; and after a lost tail the probe comes soon.
GST_START_TEST (test_lost_tail)
{
  Sim s;
  connect (s, milliseconds (20));
  (void)stream (s, 8000, microseconds (33333), seconds (5), seconds (1));
  fail_unless_equals_int (s.client.link->stats ().fragments_retransmitted, 0);
  s.every (seconds (100), [] {});
  s.run (milliseconds (500));
  std::size_t packets = 0;
  s.up.drop = [&] (Bytes) { return ++packets == 7; }; // the last of the frame
  const TimePoint sent = s.now;
  TimePoint got{};
  s.server.on_message = [&] (const Incoming &) { got = s.now; };
  s.client.link->send (frame (1000, 8000, true, s.now), s.now);
  s.run (milliseconds (200));
  fail_unless (got != TimePoint{}, "the frame is lost");
  fail_unless (got - sent <= milliseconds (120), "%ld ms",
      static_cast<long> (std::chrono::duration_cast<milliseconds> (got - sent).count ()));
}
GST_END_TEST

static Suite *datagram_cost_suite ()
{
  Suite *s = suite_create ("datagram-cost");
  TCase *c = tcase_create ("general");
  tcase_set_timeout (c, 120);
  suite_add_tcase (s, c);
  tcase_add_test (c, test_large_frames);
  tcase_add_test (c, test_small_frames);
  tcase_add_test (c, test_fast);
  tcase_add_test (c, test_acknowledgements);
  tcase_add_test (c, test_lost_tail);
  return s;
}
GST_CHECK_MAIN (datagram_cost);
