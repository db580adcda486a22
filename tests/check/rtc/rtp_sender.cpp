// SPDX-License-Identifier: LGPL-2.1-or-later
// History, sender reports, round trips, key frame requests, and lip sync from them.
#include "rtc/proto/rtp_sender.h"
#include "rtc/proto/rtp_sync.h"
#include "rtp_packets.h"

using namespace reach;
using namespace reach::test;
using Refusal = PacketHistory::Refusal;

namespace {
void add (PacketHistory &h, std::uint16_t number, std::size_t size, TimePoint now)
{
  h.add (
      Shared::make (Octets (size, static_cast<std::uint8_t> (number))), number, number * 10u, now);
}

Refusal ask (PacketHistory &h, std::uint16_t number, TimePoint now)
{
  Refusal why;
  h.resend (number, milliseconds (50), now, &why);
  return why;
}
} // namespace

GST_START_TEST (test_history_limits)
{
  const TimePoint t{seconds (10)};
  {
    PacketHistory h ({.packets = 64, .bytes = 10000, .age = seconds (1), .resends = 3});
    for (std::uint16_t i = 0; i < 200; i++) // around 2^16
      add (h, static_cast<std::uint16_t> (65436 + i), 100, t);
    fail_unless (h.packets () == 64 && h.bytes () == 6400 && Shared::alive == 64);
    fail_unless (ask (h, 65436, t) == Refusal::unknown && ask (h, 35, t) == Refusal::unknown);
    fail_unless (ask (h, 36, t) == Refusal::none && ask (h, 99, t) == Refusal::none);
    fail_unless (ask (h, 100, t) == Refusal::unknown);
    // Bytes.
    add (h, 100, 9000, t);
    fail_unless (h.bytes () <= 10000 && ask (h, 100, t) == Refusal::none);
    add (h, 101, 20000, t); // more than all
    fail_unless (h.packets () == 0 && h.bytes () == 0 && Shared::alive == 0);
    // Age.
    add (h, 102, 100, t);
    fail_unless (ask (h, 102, t + milliseconds (1001)) == Refusal::too_old);
    add (h, 103, 100, t + milliseconds (1001));
    fail_unless (h.packets () == 1);
    // A pause as long as the numbers of its clock: what was before is not new again.
    const TimePoint later = t + milliseconds (1001) + microseconds (1ll << 32);
    fail_unless (ask (h, 103, later) == Refusal::too_old);
    add (h, 104, 100, later);
    fail_unless (h.packets () == 1 && ask (h, 103, later) == Refusal::unknown);
    // A thread that is late.
    add (h, 105, 100, later - milliseconds (2));
    fail_unless (h.packets () == 2 && ask (h, 104, later) == Refusal::none);
    // A jump, a gap, the same number again, one that is older than all.
    add (h, 40000, 100, t);
    fail_unless (h.packets () == 1 && ask (h, 40000, t) == Refusal::none);
    add (h, 40010, 100, t);
    add (h, 40010, 100, t);
    fail_unless (h.packets () == 2 && ask (h, 40005, t) == Refusal::unknown);
    add (h, 39990, 100, t);
    fail_unless (ask (h, 39990, t) == Refusal::none && h.packets () == 3);
    fail_unless (h.newest (100) && h.newest (100)->sequence == 40010 && !h.newest (99));
    add (h, 39900, 100, t); // as far back
    fail_unless (h.packets () == 1 && ask (h, 39900, t) == Refusal::none);
  }
  fail_unless_equals_int (Shared::alive, 0);
}
GST_END_TEST

GST_START_TEST (test_history_spacing)
{
  const TimePoint t{seconds (10)};
  PacketHistory h ({.resends = 3});
  add (h, 1, 100, t);
  fail_unless (ask (h, 1, t) == Refusal::none);
  fail_unless (ask (h, 1, t + milliseconds (49)) == Refusal::too_soon);
  fail_unless (ask (h, 1, t + milliseconds (50)) == Refusal::none);
  fail_unless (ask (h, 1, t + milliseconds (100)) == Refusal::none);
  fail_unless (ask (h, 1, t + milliseconds (500)) == Refusal::too_often);
  const auto e = h.newest (1000);
  fail_unless (e && e->timestamp == 10 && e->source.size () == 100);
}
GST_END_TEST

GST_START_TEST (test_reports)
{
  const TimePoint t{seconds (10)};
  SenderStream s ({.ssrc = 7, .clock_rate = 48000, .ntp = {t, 0xe000000000000000}});
  fail_unless (!s.sender_info (t));
  s.sent (Shared::make ({}), 1, 1000, 20, 160, t, t + milliseconds (5));
  s.sent (Shared::make ({}), 2, 1960, 12, 160, t + milliseconds (20), t + milliseconds (25));
  s.sent (Shared::make ({}), 3, 1000, 12, 160, t, t + milliseconds (25)); // of before
  const auto i = s.sender_info (t + milliseconds (520));
  fail_unless (i && i->packets == 3 && i->bytes == 480 && i->ntp == 0xe0000000851eb851);
  fail_unless_equals_int (static_cast<int> (i->timestamp), 1960 + 24000);
  // The receiver got the SR after 40 ms, held it for 500 ms; the report took 40 ms.
  ReportBlock b{7, 64, 10, 3, 4800, ntp_middle (i->ntp), 32768};
  s.input (b, t + milliseconds (520 + 580));
  const Duration rtt = s.rtt ();
  fail_unless (rtt > milliseconds (79) && rtt < milliseconds (81));
  fail_unless (s.stats ().fraction_lost == 0.25 && s.stats ().total_lost == 10);
  fail_unless (s.stats ().jitter == milliseconds (100));
  fail_unless (s.stats ().header_bytes == 44 && s.stats ().rtts == 1);
  fail_unless (s.stats ().rtt_total == rtt);
  // Lies, and reports about others, change nothing.
  b.delay = 0x7fffffff;
  s.input (b, t + seconds (2));
  b.last_sr = 0x40000000;
  b.delay = 0;
  s.input (b, t + seconds (2));
  b.ssrc = 8;
  b.fraction_lost = 255;
  s.input (b, t + seconds (2));
  fail_unless (s.rtt () == rtt && s.stats ().fraction_lost == 0.25);
}
GST_END_TEST

GST_START_TEST (test_requests)
{
  const TimePoint t{seconds (10)};
  SenderStream s ({.ssrc = 7, .max_pending = 20});
  for (std::uint16_t i = 0; i < 50; i++)
    s.sent (Shared::make (Octets (50)), i, i, 12, 38, t, t);
  Octets wire (200);
  RtcpWriter w (wire);
  std::uint16_t numbers[30];
  for (std::uint16_t i = 0; i < 30; i++)
    numbers[i] = i;
  fail_unless (write_nack (w, 1, 7, numbers) == 30);
  auto r = RtcpReader::parse (w.datagram ());
  const auto n = parse_nack (*r->next ());
  s.input (*n);
  std::uint16_t expected = 0;
  while (const auto e = s.poll_resend (t))
    fail_unless (e->sequence == expected++);
  fail_unless (expected == 20 && s.stats ().refused == 10 && s.stats ().asked == 30);
  s.input (*n); // at once again: too soon
  fail_unless (!s.poll_resend (t + milliseconds (1)));
  s.input (Nack{1, 8, n->pairs});
  fail_unless (s.stats ().nacks == 2);

  fail_unless (s.input (Pli{1, 7}) && !s.input (Pli{1, 8}));
  const Octets fir = hex ("00000007 05000000");
  fail_unless (s.input (Fir{1, fir}) && !s.input (Fir{1, fir})); // repeated
  const Octets next = hex ("00000007 06000000");
  fail_unless (s.input (Fir{1, next}) && s.stats ().firs == 2);
}
GST_END_TEST

GST_START_TEST (test_lip_sync)
{
  // Audio and video of one moment; their timestamps have nothing in common.
  StreamClock audio (48000), video (90000);
  fail_unless (!audio.ntp (0));
  const NtpClock ntp{TimePoint{}, 0xe000000000000000};
  audio.sender_report (ntp.at (TimePoint{seconds (1)}), 0xffffff00);
  video.sender_report (ntp.at (TimePoint{seconds (2)}), 500000);
  const TimePoint local{seconds (900)};
  // The audio packet was captured at 3 s, the video packet at 3.1 s; video is 150 ms slower.
  const SyncPoint a{*audio.ntp (0xffffff00 + 96000), local};
  const SyncPoint v{*video.ntp (500000 + 99000), local + milliseconds (250)};
  const SyncPoint both[] = {a, v};
  const Duration da = sync_delay (a, both), dv = sync_delay (v, both);
  fail_unless (da > milliseconds (149) && da < milliseconds (151) && dv < microseconds (10));
  const SyncPoint wrong[] = {a, {*video.ntp (500000), local + seconds (60)}};
  fail_unless (sync_delay (a, wrong) == Duration{});
}
GST_END_TEST

static Suite *rtp_sender_suite ()
{
  Suite *s = suite_create ("rtc-rtp-sender");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_history_limits);
  tcase_add_test (tc, test_history_spacing);
  tcase_add_test (tc, test_reports);
  tcase_add_test (tc, test_requests);
  tcase_add_test (tc, test_lip_sync);
  return s;
}
GST_CHECK_MAIN (rtp_sender)
