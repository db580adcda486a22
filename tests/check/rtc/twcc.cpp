// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/proto/twcc_receiver.h"
#include "rtc/proto/twcc_sender.h"
#include "rtp_packets.h"
#include <map>
#include <random>

using namespace reach;
using namespace reach::test;

namespace {
std::optional<TwccFeedback> read (Bytes b)
{
  auto r = RtcpReader::parse (b);
  const auto p = r ? r->next () : std::nullopt;
  return p ? TwccFeedback::parse (*p) : std::nullopt;
}

std::string text (const TwccFeedback &f)
{
  std::string s;
  for (auto c = f.statuses (); const auto p = c.next ();)
    s += std::to_string (p->number) +
         (p->received ? "@" + std::to_string (p->arrival / twcc_tick) : "-") + " ";
  return s;
}
} // namespace

GST_START_TEST (test_vectors)
{
  struct Case {
    const char *name, *wire, *expected; // null: refused
  };
  static const Case cases[] = {
      {"a run of small ones", "8fcd0006 00000001 00000002 000a0003 00000102 20030104 ff000000",
          "10@1 11@5 12@260 "},
      {"lost ones", "8fcd0006 00000001 00000002 fffe0004 00000102 00032001 05000000",
          "65534- 65535- 0- 1@5 "},
      {"one bit each", "8fcd0005 00000001 00000002 00000003 00000102 a8000102", "0@1 1- 2@3 "},
      {"two bits each", "8fcd0006 00000001 00000002 00000003 00000102 d8000102 00030000",
          "0@1 1@513 2- "},
      {"two bits, a large one back",
          "8fcd0006 00000001 00000002 00000002 00000102 d80009ff f9000000", "0@9 1@2 "},
      {"no packets", "8fcd0005 00000001 00000002 00000000 00000102 00000000", nullptr},
      {"no chunks", "8fcd0004 00000001 00000002 00000001 00000102", nullptr},
      {"no deltas", "8fcd0005 00000001 00000002 00000003 00000102 20030000", nullptr},
      {"a symbol that is none", "8fcd0005 00000001 00000002 00000001 00000102 60010000", nullptr},
      {"empty runs for ever", "8fcd0005 00000001 00000002 00000001 00000102 20000000", nullptr},
      {"too many", "8fcd0006 00000001 00000002 0000ffff 00000102 1fff1fff 1fff1fff", nullptr},
  };
  for (const Case &c : cases) {
    const Octets wire = hex (c.wire);
    const auto f = read (wire);
    fail_unless (f.has_value () == (c.expected != nullptr), "%s", c.name);
    if (f)
      fail_unless (text (*f) == c.expected, "%s: %s", c.name, text (*f).c_str ());
  }
  const Octets wire = hex (cases[0].wire);
  const auto f = read (wire);
  fail_unless (f->reference == 1 && f->number == 2 && f->media_ssrc == 2);
}
GST_END_TEST

// What was received and when comes back, for any loss, order and gaps in time.
GST_START_TEST (test_round_trip)
{
  std::mt19937 random (5);
  for (int round = 0; round < 500; round++) {
    std::vector<TwccArrival> arrivals;
    std::int64_t n = 0x10000 + static_cast<std::int64_t> (random () % 0x10000);
    const std::int64_t begin = n;
    TimePoint t{seconds (1000) + microseconds (random () % 1000000)};
    for (auto count = 1 + random () % 300; count > 0; count--) {
      n += random () % 10 == 0 ? static_cast<std::int64_t> (random () % 200) : 0;
      t += microseconds (random () % (random () % 8 == 0 ? 300000 : 3000)) -
           microseconds (random () % 8 == 0 ? 5000 : 0);
      arrivals.push_back ({n++, t});
    }
    std::int64_t first = begin;
    for (std::size_t at = 0; at < arrivals.size ();) {
      Octets b (round % 2 ? 1200 : 60);
      RtcpWriter w (b);
      const auto rest = std::span (arrivals).subspan (at);
      if (rest[0].number - first > 100)
        first = rest[0].number; // does not fit the small ones
      const std::size_t took = write_twcc (w, 1, 2, 3, first, rest);
      fail_unless (took > 0);
      const auto f = read (w.datagram ());
      fail_unless (f && f->first == static_cast<std::uint16_t> (first) && f->number == 3);
      std::size_t seen = 0;
      const microseconds reference = f->reference * twcc_reference;
      for (auto c = f->statuses (); const auto s = c.next (); first++) {
        const bool here = seen < took && rest[seen].number == first;
        fail_unless (s->received == here);
        if (!here)
          continue;
        const auto error = rest[seen++].time.time_since_epoch () - (reference + s->arrival);
        fail_unless (error >= Duration{} && error < microseconds (251));
      }
      fail_unless (seen == took);
      at += took;
    }
  }
}
GST_END_TEST

// Sender and receiver together, with lost packets and lost feedback, several times around.
GST_START_TEST (test_both_ends)
{
  std::mt19937 random (6);
  TwccSender sender;
  TwccReceiver receiver (TwccReceiver::Config{});
  TimePoint now{seconds (77)};
  std::map<std::int64_t, bool> truth; // came
  std::int64_t number = 0x10000;
  std::uint64_t told = 0, losses = 0, wrong = 0;
  Duration longest{};
  TimePoint fed = now;
  Octets b (1200);
  for (int i = 0; i < 80000; i++) {
    now += milliseconds (1);
    const std::uint16_t n = sender.sent (1000, now);
    wrong += n != static_cast<std::uint16_t> (number);
    const bool came = random () % 20 != 0;
    truth[number++] = came;
    if (came)
      receiver.received (n, 9, 1000, now + milliseconds (30));
    else
      receiver.timeout (now + milliseconds (30));
    RtcpWriter w (b);
    while (receiver.poll_transmit (w)) {
      longest = std::max (longest, now - fed);
      fed = now;
      const bool lost = random () % 10 == 0;
      for (const PacketResult &r :
          lost ? std::span<const PacketResult>{} : sender.feedback (*read (w.datagram ()))) {
        wrong += !truth.contains (r.number) || truth[r.number] != r.received || r.size != 1000;
        told++;
        losses += !r.received;
      }
      w = RtcpWriter (b);
    }
    while (truth.size () > 10000)
      truth.erase (truth.begin ());
  }
  fail_unless (wrong == 0);
  fail_unless (told > 68000 && told < 76000, "%lu", told);
  fail_unless (losses > told / 25 && losses < told / 17);
  fail_unless (sender.unknown () == 0 && sender.in_flight () < 1000 * 500);
  fail_unless (longest <= milliseconds (105) && receiver.interval () <= milliseconds (60));
}
GST_END_TEST

GST_START_TEST (test_interval_follows_rate)
{
  TwccReceiver r (TwccReceiver::Config{});
  TimePoint now{seconds (1)};
  std::uint16_t n = 0;
  const auto run = [&] (Duration period, std::size_t size) {
    Octets b (1200);
    for (int i = 0; i < 400; i++) {
      now += period;
      r.received (n++, 1, size, now);
      RtcpWriter w (b);
      while (r.poll_transmit (w))
        ;
    }
    return r.interval ();
  };
  fail_unless (run (milliseconds (20), 100) == milliseconds (100));  // 40 kbit/s
  fail_unless (run (microseconds (500), 1200) == milliseconds (50)); // 19 Mbit/s
}
GST_END_TEST

// A packet that was taken for lost and came later; the sender's numbers begin anew; nonsense.
GST_START_TEST (test_late_and_strange)
{
  TwccSender s;
  const TimePoint t{seconds (1)};
  for (int i = 0; i < 3; i++)
    s.sent (100, t);
  auto r = s.feedback (*read (hex ("8fcd0005 00000001 00000002 00000003 00000100 a8000102")));
  fail_unless (r.size () == 3 && r[0].received && !r[1].received && s.in_flight () == 0);
  r = s.feedback (*read (hex ("8fcd0006 00000001 00000002 00000003 00000101 b8000101 01000000")));
  fail_unless (r.size () == 1 && r[0].number == 0x10001 && r[0].received && r[0].was_lost);
  // Numbers that were never sent.
  r = s.feedback (*read (hex ("8fcd0005 00000001 00000002 03e80003 00000100 a8000102")));
  fail_unless (r.empty () && s.unknown () == 3);

  TwccReceiver x (TwccReceiver::Config{});
  Octets b (1200);
  x.received (100, 1, 100, t);
  RtcpWriter w (b);
  fail_unless (x.poll_transmit (w));
  x.received (40000, 1, 100, t + seconds (1)); // far away
  x.timeout (t + seconds (2));
  RtcpWriter again (b);
  fail_unless (x.poll_transmit (again));
  fail_unless (text (*read (again.datagram ())).starts_with ("40000@"));
}
GST_END_TEST

static Suite *twcc_suite ()
{
  Suite *s = suite_create ("rtc-twcc");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_vectors);
  tcase_add_test (tc, test_round_trip);
  tcase_add_test (tc, test_both_ends);
  tcase_add_test (tc, test_interval_follows_rate);
  tcase_add_test (tc, test_late_and_strange);
  return s;
}
GST_CHECK_MAIN (twcc)
