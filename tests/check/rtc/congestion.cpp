// SPDX-License-Identifier: LGPL-2.1-or-later
// The estimate of one flow over a link that changes.
#include "congestion_sim.h"

using namespace reach;
using namespace reach::test;

namespace {
struct Case {
  double loss;
  int delay; // ms, each way
};
constexpr Case paths[] = {
    {0, 5}, {0, 25}, {0, 75}, {0, 150}, {0.02, 25}, {0.02, 75}, {0.05, 5}, {0.05, 25}, {0.05, 75}};

void set (Flow &f, const Case &c)
{
  f.forward.delay = f.back.delay = milliseconds (c.delay);
  f.forward.loss = c.loss;
}

double in_seconds (Duration d)
{
  return std::chrono::duration<double> (d).count ();
}
} // namespace

GST_START_TEST (test_follows_the_link)
{
  for (const Case &c : paths) {
    Flow f;
    f.config.start = 1e6;
    f.config.max = 20e6;
    f.forward.rate = 4e6;
    set (f, c);
    f.start ();
    const Duration start = f.until (seconds (5), [&] { return f.control->bitrate () > 3.2e6; });
    fail_unless (start < seconds (5), "loss %g, %d ms: start", c.loss, c.delay);
    f.run (seconds (10));
    const double high = f.use (seconds (20));
    fail_unless (high > 0.8, "loss %g, %d ms: uses %.2f of 4 Mbit/s", c.loss, c.delay, high);

    f.forward.rate = 1e6;
    const TimePoint fell = f.now;
    f.until (seconds (5), [&] { return f.control->bitrate () < 1.1e6; });
    f.until (seconds (5), [&] { return f.forward.queueing (f.now) < milliseconds (100); });
    fail_unless (f.now - fell < seconds (5), "loss %g, %d ms: down after %.2f s", c.loss, c.delay,
        in_seconds (f.now - fell));
    f.run (seconds (5));
    const double low = f.use (seconds (20));
    fail_unless (low > 0.65, "loss %g, %d ms: uses %.2f of 1 Mbit/s", c.loss, c.delay, low);

    f.forward.rate = 4e6;
    const Duration up = f.until (seconds (5), [&] { return f.control->bitrate () > 3.2e6; });
    fail_unless (up < seconds (5), "loss %g, %d ms: up", c.loss, c.delay);
    const double again = f.use (seconds (20));
    fail_unless (again > 0.8, "loss %g, %d ms: uses %.2f again", c.loss, c.delay, again);
    fail_unless (f.padding_bytes * 25 < f.sent_bytes, "%lu of %lu bytes are padding",
        f.padding_bytes, f.sent_bytes);
  }
}
GST_END_TEST

// Queues stay short once the estimate has settled: that is what delay is measured for.
GST_START_TEST (test_short_queue)
{
  Flow f;
  f.config.start = 1e6;
  f.forward.rate = 2e6;
  f.forward.queue = 500000; // two seconds
  f.start ();
  f.run (seconds (10));
  Duration sum{}, most{};
  for (int i = 0; i < 1000; i++) {
    f.run (milliseconds (20));
    sum += f.forward.queueing (f.now);
    most = std::max (most, f.forward.queueing (f.now));
  }
  fail_unless (sum / 1000 < milliseconds (60), "on average %.0f ms", in_seconds (sum));
  fail_unless (most < milliseconds (400), "at most %.0f ms", in_seconds (most) * 1000);
}
GST_END_TEST

// What an application does not use does not let the estimate run away by itself, and it is there
// when the application wants it.
GST_START_TEST (test_application_limited)
{
  Flow f;
  f.config.start = 1e6;
  f.config.max = 8e6;
  f.config.probing = false;
  f.forward.rate = 20e6;
  f.encoder_max = 300e3;
  f.start ();
  f.run (seconds (60));
  fail_unless (f.control->bitrate () < 1.2e6, "%.0f without any evidence", f.control->bitrate ());

  f.config.probing = true;
  f.start ();
  f.run (seconds (20));
  fail_unless (f.control->bitrate () > 6e6, "%.0f", f.control->bitrate ());
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  Flow f;
  f.config.start = 1e6;
  f.config.min = 200e3;
  f.config.max = 1.5e6;
  f.forward.rate = 50e6;
  f.start ();
  for (int i = 0; i < 300; i++) {
    f.run (milliseconds (50));
    fail_unless (f.control->bitrate () <= 1.5e6 && f.control->bitrate () >= 200e3);
  }
  fail_unless (f.control->bitrate () > 1.4e6);
  f.forward.rate = 50e3; // below the least
  for (int i = 0; i < 200; i++) {
    f.run (milliseconds (50));
    fail_unless (f.control->bitrate () >= 200e3);
  }
  f.control->set_limits (100e3, 150e3);
  fail_unless (f.control->bitrate () <= 150e3);
  f.control->set_limits (100e3, 1e6);
  f.control->input_remb (120000);
  f.forward.rate = 50e6;
  f.run (seconds (5));
  fail_unless (f.control->bitrate () <= 120e3);
  f.control->forget_remb ();
  f.control->set_limits (100e3, 10e6); // more than at the start
  f.run (seconds (30));
  fail_unless (f.control->bitrate () > 9.9e6, "%.0f", f.control->bitrate ());
  // There is nothing to look for above the maximum.
  const std::uint64_t probes = f.control->stats ().probes;
  f.run (seconds (10));
  fail_unless (f.control->stats ().probes == probes);
}
GST_END_TEST

// What a probe is padded with is what was sent before: it waits until something was.
GST_START_TEST (test_first_probe)
{
  TimePoint now{seconds (5000)};
  CongestionController c ({.max = 10e6, .start = 1e6}, now);
  const auto run = [&] (Duration d) {
    unsigned timeouts = 0;
    for (const TimePoint end = now + d; c.poll_timeout () < end; timeouts++)
      c.timeout (now = std::max (now, c.poll_timeout ()));
    return timeouts;
  };
  fail_unless (run (seconds (10)) <= 21, "it wakes up often for nothing");
  fail_unless (!c.probing () && c.stats ().probes == 0);
  c.sent (1200, now);
  run (seconds (1));
  fail_unless_equals_uint64 (c.stats ().probes, 1);
}
GST_END_TEST

// Nothing comes back any more: less and less is sent, and later it recovers.
GST_START_TEST (test_silence)
{
  Flow f;
  f.config.start = 2e6;
  f.config.max = 4e6;
  f.forward.rate = 10e6;
  f.start ();
  f.run (seconds (5));
  const double before = f.control->bitrate ();
  f.back.loss = 1;
  f.run (seconds (5));
  fail_unless (f.control->bitrate () < before / 3, "%.0f of %.0f", f.control->bitrate (), before);
  f.back.loss = 0;
  const Duration took = f.until (seconds (10), [&] { return f.control->bitrate () > 3e6; });
  fail_unless (took < seconds (10));
}
GST_END_TEST

// Feedback that gets lost in part neither stops nor breaks it.
GST_START_TEST (test_lossy_feedback)
{
  Flow f;
  f.config.start = 1e6;
  f.forward.rate = 3e6;
  f.back.loss = 0.2;
  f.start ();
  f.run (seconds (10));
  const double used = f.use (seconds (20));
  fail_unless (used > 0.75, "%.2f", used);
  fail_unless (f.control->in_flight () < 100000, "%zu in flight", f.control->in_flight ());
}
GST_END_TEST

// Receiver reports are all that some peers have.
GST_START_TEST (test_reports_only)
{
  TimePoint now{seconds (100)};
  CongestionController::Config config;
  config.start = 1e6;
  CongestionController c (config, now);
  const auto reports = [&] (double lost) {
    for (int i = 0; i < 10; i++) {
      now += seconds (1);
      c.input_report (lost, milliseconds (50), now);
    }
    return c.bitrate ();
  };
  const double fallen = reports (0.3);
  fail_unless (fallen < 0.4e6, "%.0f", fallen);
  const double same = reports (0.05);
  fail_unless (same <= fallen * 1.01 && same >= fallen * 0.99);
  fail_unless (reports (0) > same * 1.5);
  fail_unless (c.poll_change ().has_value () && !c.poll_change ().has_value ());
}
GST_END_TEST

static Suite *congestion_suite ()
{
  Suite *s = suite_create ("rtc-congestion");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_follows_the_link);
  tcase_add_test (tc, test_short_queue);
  tcase_add_test (tc, test_application_limited);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_first_probe);
  tcase_add_test (tc, test_silence);
  tcase_add_test (tc, test_lossy_feedback);
  tcase_add_test (tc, test_reports_only);
  return s;
}
GST_CHECK_MAIN (congestion)
