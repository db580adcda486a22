// SPDX-License-Identifier: LGPL-2.1-or-later
// Transports that come and go leave nothing behind; what an idle one costs. REACH_CYCLES: how many
// (default 40); the figures are printed.
#include "common/fds.h"
#include "peers.h"
#include <fstream>
#include <malloc.h>

using namespace reach;
using namespace reach::test;

namespace {
// Of this process, in KiB, after what is free has been given back.
long resident ()
{
  malloc_trim (0);
  std::ifstream f ("/proc/self/statm");
  long pages = 0;
  f >> pages >> pages;
  return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

bool sanitized ()
{
  return g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0;
}

struct Bench {
  std::shared_ptr<Loop> loop_a = std::make_shared<Loop> ("peer-a");
  std::shared_ptr<Loop> loop_b = std::make_shared<Loop> ("peer-b");
  std::shared_ptr<const DtlsContext> context_a = make_context (), context_b = make_context ();

  // Two that have met. streams: of SCTP; 0: without it.
  std::pair<std::unique_ptr<Peer>, std::unique_ptr<Peer>> connect (std::uint16_t streams = 256)
  {
    TransportSettings of_a = loopback_settings (true), of_b = loopback_settings (false);
    of_a.data = of_b.data = streams > 0;
    of_a.sctp.streams = of_b.sctp.streams = streams;
    auto a = std::make_unique<Peer> (loop_a, context_a, of_a);
    auto b = std::make_unique<Peer> (loop_b, context_b, of_b);
    introduce (*a, *b);
    for (Peer *p : {a.get (), b.get ()})
      fail_unless (p->seen.wait ([&] (const Peer::Seen &s) {
        return streams > 0 ? s.data : s.state == TransportState::connected;
      }));
    return {std::move (a), std::move (b)};
  }
  void end (std::unique_ptr<Peer> a, std::unique_ptr<Peer> b)
  {
    a->end ();
    b->end ();
    loop_a->call ([] {});
    loop_b->call ([] {});
  }
};
} // namespace

GST_START_TEST (test_cycles)
{
  const char *text = g_getenv ("REACH_CYCLES");
  const int cycles = text ? atoi (text) : 40;
  Bench bench;
  const auto round = [&] {
    auto [a, b] = bench.connect ();
    fail_unless_equals_int (send_rtp (*a, 1, 3), 3);
    fail_unless (b->seen.wait ([] (const Peer::Seen &s) { return s.rtp == 3; }));
    bench.end (std::move (a), std::move (b));
  };
  for (int i = 0; i < 10; i++) // what is made once
    round ();
  const auto fds = open_fds ();
  const long threads_before = threads ();
  const long before = resident ();
  for (int i = 0; i < cycles; i++)
    round ();
  const long grown = resident () - before;
  g_print ("%d cycles: %ld KiB more\n", cycles, grown);
  fail_unless_equals_int (open_fds (), fds);
  fail_unless (threads () <= threads_before);
  // What usrsctp has not yet freed is in there.
  if (!sanitized ())
    fail_unless (grown < 1000 + cycles * 10, "%ld KiB", grown);
}
GST_END_TEST

GST_START_TEST (test_memory)
{
  mallopt (M_PERTURB, 0); // meson's MALLOC_PERTURB_ writes to what nobody would have used
  constexpr int n = 20;
  for (const std::uint16_t streams : {0, 256, 1024}) {
    Bench bench;
    std::vector<std::pair<std::unique_ptr<Peer>, std::unique_ptr<Peer>>> peers;
    for (int i = 0; i < 3; i++)
      peers.push_back (bench.connect (streams));
    const long threads_before = threads ();
    const long before = resident ();
    for (int i = 0; i < n; i++)
      peers.push_back (bench.connect (streams));
    const double each = static_cast<double> (resident () - before) / (2 * n);
    g_print ("a further connected transport with %d streams of SCTP: %.0f KiB\n", streams, each);
    fail_unless (threads () <= threads_before);
    if (!sanitized ())
      fail_unless (each < 130 + streams * 0.4, "%.0f KiB", each);
    for (auto &[a, b] : peers)
      bench.end (std::move (a), std::move (b));
  }
}
GST_END_TEST

static Suite *net_cycles_suite (void)
{
  Suite *s = suite_create ("rtc-net_cycles");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_cycles);
  tcase_add_test (t, test_memory);
  return s;
}
GST_CHECK_MAIN (net_cycles)
