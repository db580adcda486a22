// SPDX-License-Identifier: LGPL-2.1-or-later
// How fast 16 KiB messages go from one transport to another on this machine, two loops. Prints the
// figure; fails only when it is far too slow for any machine. REACH_SECONDS: how long.
#include "peers.h"
#include <atomic>
#include <sys/resource.h>

using namespace reach;
using namespace reach::test;

namespace {
constexpr std::size_t message = 16384;

double cpu ()
{
  rusage u{};
  getrusage (RUSAGE_SELF, &u);
  return static_cast<double> (u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double> (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// Keeps the queue filled, as an application with `buffered-amount-low` does.
struct Source {
  Peer &p;
  const std::vector<std::uint8_t> bytes = std::vector<std::uint8_t> (message, 7);
  bool stop = false;
  void fill ()
  {
    while (!stop && p.transport->sctp ()->buffered () < (1 << 20) &&
           p.transport->sctp ()->send (0, 53, {}, bytes) == Sctp::Sent::yes) {
    }
  }
};

class Sender final : public Peer {
public:
  using Peer::Peer;
  std::function<void ()> low;
  void on_data_low (std::uint16_t) override { low (); }
};
} // namespace

GST_START_TEST (test_speed)
{
  const char *text = g_getenv ("REACH_SECONDS");
  const double length = text ? g_ascii_strtod (text, nullptr) : 1;
  auto loop_a = std::make_shared<Loop> ("peer-a"), loop_b = std::make_shared<Loop> ("peer-b");
  Sender a (loop_a, make_context (), loopback_settings (true));
  Peer b (loop_b, make_context (), loopback_settings (false));
  std::atomic<std::size_t> got{0};
  b.on_message = [&] (std::uint16_t, Bytes m) { got += m.size (); };
  introduce (a, b);
  fail_unless (a.seen.wait ([] (const Peer::Seen &s) { return s.data; }));
  Source source{a};
  a.low = [&] { source.fill (); };
  loop_a->call ([&] {
    a.transport->sctp ()->set_threshold (0, 512 << 10);
    source.fill ();
  });
  const double cpu_before = cpu ();
  const gint64 begin = g_get_monotonic_time ();
  const auto end = begin + static_cast<gint64> (length * 1e6);
  while (g_get_monotonic_time () < end)
    g_usleep (10000);
  const double taken = static_cast<double> (g_get_monotonic_time () - begin) / 1e6;
  const double rate = static_cast<double> (got) * 8 / taken / 1e6;
  const auto out = a.on_loop ([] (Transport &t) { return t.stats ().out.path; });
  g_print ("data channel, %zu byte messages: %.0f Mbit/s, both ends %.0f %% of a core, "
           "%.1f packets a call, %" G_GUINT64_FORMAT " dropped\n",
      message, rate, (cpu () - cpu_before) / taken * 100,
      static_cast<double> (out.packets) / static_cast<double> (out.calls), out.dropped);
  loop_a->call ([&] { source.stop = true; });
  fail_unless (rate > 20, "%f", rate);
  a.end ();
  b.end ();
}
GST_END_TEST

static Suite *net_sctp_speed_suite (void)
{
  Suite *s = suite_create ("rtc-net_sctp_speed");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_speed);
  return s;
}
GST_CHECK_MAIN (net_sctp_speed)
