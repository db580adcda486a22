// SPDX-License-Identifier: LGPL-2.1-or-later
// What loss, reordering and restarts leave of a stream.
#include "receiver_sim.h"

using namespace reach;
using namespace reach::test;

namespace {
// A latency that leaves time for some requests.
void patient (Stream &s, Duration latency)
{
  s.config.latency.adaptive = false;
  s.config.latency.start = latency;
  s.config.nacks.max_age = latency;
}
} // namespace

// All that random loss and reordering take comes back, on both ways, while the numbers wrap.
GST_START_TEST (test_nack_recovers_all)
{
  for (const double loss : {0.0, 0.02, 0.1, 0.25})
    for (const int jitter : {0, 15})
      for (const int delay : {5, 40}) {
        Stream s;
        s.forward.loss = s.back.loss = loss;
        s.forward.delay = s.back.delay = milliseconds (delay);
        s.forward.jitter = milliseconds (jitter);
        patient (s, seconds (3));
        s.config.nacks.max_tries = 25;
        s.sending.history.resends = 25;
        s.sending.history.age = seconds (4);
        s.start ();
        s.run (seconds (10));
        s.finish ();
        const std::uint32_t tail = s.count - 1 - s.released.back ();
        // Nobody can know of the last ones that nothing follows.
        fail_unless (tail <= 6 && s.lost.empty (), "loss %g, jitter %d, delay %d: %u missing", loss,
            jitter, delay, tail);
        // The first to come is where it begins, whatever it overtook.
        const std::uint32_t front = s.released.front ();
        fail_unless (s.ordered () && front <= (jitter > 0 ? 5u : loss > 0 ? 20u : 0u));
        fail_unless (s.released.back () - front == s.released.size () - 1);
        fail_unless (loss > 0 || jitter > 0 || s.receiver->nack_stats ().requests == 0);
        fail_unless (s.receiver->keyframe_requests () == 0, "loss %g, jitter %d, delay %d: %lu",
            loss, jitter, delay, s.receiver->nack_stats ().given_up);
      }
  fail_unless_equals_int (Shared::alive, 0);
}
GST_END_TEST

// Without answers: gaps are lost in time, the rest comes in order, a key frame is asked for.
GST_START_TEST (test_nobody_answers)
{
  Stream s;
  s.rtx = false;
  s.forward.loss = 0.05;
  patient (s, milliseconds (200));
  s.start ();
  s.run (seconds (60));
  s.finish ();
  std::int64_t gone = 0;
  for (const auto &l : s.lost)
    gone += l.count;
  fail_unless (s.ordered () && gone > 300);
  fail_unless (s.released.size () + static_cast<std::size_t> (gone) + 6 >= s.count);
  for (const Duration d : s.waited)
    fail_unless (
        d <= milliseconds (20 + 200 + 20), "%ld ms", static_cast<long> (d / milliseconds (1)));
  fail_unless (s.plis > 10 && s.plis <= 63 * 1000 / 300 + 2, "%lu", s.plis);
  const auto &n = s.receiver->nack_stats ();
  fail_unless (n.given_up >= static_cast<std::uint64_t> (gone) && n.requests < n.missing * 11);
}
GST_END_TEST

// Reports: highest number with cycles, loss, jitter; over several wraps with loss.
GST_START_TEST (test_reports_over_wraps)
{
  Stream s;
  s.rtx = false;
  s.forward.loss = 0.1;
  s.config.nack = false;
  s.period = milliseconds (1);
  s.per_frame = 1;
  s.forward.jitter = milliseconds (4);
  patient (s, milliseconds (50));
  s.start ();
  s.run (seconds (70)); // past 2^16 twice: it starts at 65000
  s.finish ();
  const auto r = s.receiver->report (s.now);
  fail_unless (r.has_value ());
  const std::uint32_t last = 65000 + s.count - 1;
  fail_unless (r->highest <= last && r->highest + 50 > last, "%u of %u", r->highest, last);
  fail_unless (r->highest >> 16 == 2);
  const double lost = r->total_lost / static_cast<double> (s.count);
  fail_unless (lost > 0.09 && lost < 0.11, "%g", lost);
  fail_unless (r->fraction_lost > 20 && r->fraction_lost < 32);
  // Uniform between 0 and 4 ms: differences are 1.3 ms on average.
  const double jitter = std::chrono::duration<double, std::milli> (s.receiver->jitter ()).count ();
  fail_unless (jitter > 0.8 && jitter < 2.0, "%g ms", jitter);
  fail_unless (s.receiver->report (s.now)->fraction_lost == 0); // nothing since
}
GST_END_TEST

GST_START_TEST (test_restarts)
{
  Stream s;
  patient (s, milliseconds (100));
  s.start ();
  s.run (seconds (2));
  const std::uint64_t plis = s.receiver->keyframe_requests ();
  s.restart_numbers (30000); // far away
  s.run (seconds (2));
  fail_unless (s.restarts == 1 && s.receiver->stats ().strange == 1);
  fail_unless (s.receiver->keyframe_requests () > plis);
  fail_unless (s.released.back () + 20 > s.count && s.ordered ());
  // One stray packet is none.
  s.receive (make_packet ({false, 96, 5, 0, 0x1111}, hex ("00000000")));
  s.run (seconds (1));
  fail_unless (s.restarts == 1 && s.receiver->stats ().strange == 2);
  // Another SSRC is another stream at once.
  s.receive (make_packet ({false, 96, 5, 0, 0x3333}, hex ("7fffffff")));
  fail_unless (s.restarts == 2 && s.receiver->ssrc () == 0x3333u);
}
GST_END_TEST

// Adaptive latency: as short as the jitter lets it, and longer when packets need to be asked for.
GST_START_TEST (test_adaptive_latency)
{
  Stream s;
  s.start ();
  s.run (seconds (20));
  const Duration calm = s.receiver->latency ();
  fail_unless (calm <= milliseconds (30), "calm");
  s.forward.jitter = milliseconds (60);
  s.run (seconds (10));
  const Duration rough = s.receiver->latency ();
  fail_unless (rough >= milliseconds (50) && rough < milliseconds (120), "rough: %ld ms",
      static_cast<long> (rough / milliseconds (1)));
  s.forward.jitter = {};
  s.forward.loss = 0.05;
  s.run (seconds (20));
  const std::size_t before = s.lost.size ();
  s.run (seconds (30)); // 6000 packets, 300 of them lost
  fail_unless (s.lost.size () - before < 60, "%zu of 300", s.lost.size () - before);
  s.forward.loss = 0;
  s.run (seconds (60));
  fail_unless (s.receiver->latency () < milliseconds (60));
}
GST_END_TEST

// Headers and payloads by themselves; what came in vain; the sender's own count.
GST_START_TEST (test_counts)
{
  ReceiverStream s ({.nack = false});
  const auto input = [&] (std::uint16_t number, Duration at,
                         std::vector<std::pair<std::uint8_t, std::string>> extensions = {}) {
    Handle h = Shared::make (make_packet (
        {false, 96, number, number * 3000u, 7}, hex ("00010203"), std::move (extensions)));
    const auto p = RtpPacket::parse (Shared::of (h));
    s.input (*p, std::move (h), TimePoint{} + at);
    s.timeout (TimePoint{} + at);
    while (s.poll_event ())
      ;
  };
  input (1, seconds (1), {{3, "abc"}});
  input (2, seconds (1));
  input (4, seconds (1)); // waits for the third
  input (5, seconds (3)); // which is given up
  input (3, seconds (3));
  input (20000, seconds (3)); // of elsewhere
  fail_unless (s.stats ().packets == 5 && s.stats ().bytes == 20);
  fail_unless_equals_uint64 (s.stats ().header_bytes, 5 * 12 + 8);
  fail_unless (s.stats ().late == 1 && s.stats ().strange == 1 && s.stats ().lost == 1);
  fail_unless_equals_uint64 (s.delay ().emitted, 3);
  fail_unless (s.delay ().waited == seconds (2)); // the fourth
  s.input (SenderInfo{0xe000000000000000, 9000, 55, 666}, TimePoint{} + seconds (3));
  fail_unless (s.stats ().reports == 1 && s.stats ().report->packets == 55);
}
GST_END_TEST

// A queue that never moves on is bounded, in packets and in bytes.
GST_START_TEST (test_bounded)
{
  for (const bool by_bytes : {false, true}) {
    Stream s;
    s.rtx = false;
    patient (s, seconds (1000));
    (by_bytes ? s.config.buffer.bytes : s.config.buffer.packets) = by_bytes ? 212 * 100 : 100;
    s.start ();
    s.run (seconds (1));
    s.forward.loss = 1; // a gap
    s.run (milliseconds (20));
    s.forward.loss = 0;
    std::size_t most = 0;
    for (int i = 0; i < 3000; i++) {
      s.step ();
      most = std::max (most, s.receiver->buffer ().packets ());
    }
    fail_unless (most == 100, "%zu", most);
    fail_unless (s.lost.size () == 1 && s.receiver->buffer ().packets () == 0 && s.ordered ());
  }
  fail_unless_equals_int (Shared::alive, 0);
}
GST_END_TEST

static Suite *rtp_receiver_suite ()
{
  Suite *s = suite_create ("rtc-rtp-receiver");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_nack_recovers_all);
  tcase_add_test (tc, test_nobody_answers);
  tcase_add_test (tc, test_reports_over_wraps);
  tcase_add_test (tc, test_restarts);
  tcase_add_test (tc, test_adaptive_latency);
  tcase_add_test (tc, test_counts);
  tcase_add_test (tc, test_bounded);
  return s;
}
GST_CHECK_MAIN (rtp_receiver)
