// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/proto/rtcp_feedback.h"
#include "rtc/proto/rtcp_reports.h"
#include "rtp_packets.h"
#include <random>

using namespace reach;
using namespace reach::test;

namespace {
RtcpPacket only (Bytes b)
{
  auto r = RtcpReader::parse (b);
  fail_unless (r.has_value ());
  const auto p = r->next ();
  fail_unless (p && !r->next ());
  return *p;
}
} // namespace

GST_START_TEST (test_datagrams)
{
  struct Case {
    const char *name, *wire;
    int packets; // -1: refused
  };
  static const Case cases[] = {
      {"empty", "", -1},
      {"short", "80c900", -1},
      {"RR without reports", "80c90001 00000001", 1},
      {"reduced size: PLI alone", "81ce0002 00000001 00000002", 1},
      {"two", "80c90001 00000001 81ce0002 00000001 00000002", 2},
      {"version", "40c90001 00000001", -1},
      {"longer than the datagram", "80c90002 00000001", -1},
      {"second one too long", "80c90001 00000001 81ce0003 00000001 00000002", -1},
      {"bytes behind", "80c90001 00000001 80", -1},
      {"padding at the end", "a0c90002 00000001 00000004", 1},
      {"padding before the end", "a0c90002 00000001 00000004 80c90001 00000001", -1},
      {"padding of three", "a0c90002 00000001 00000003", -1},
      {"padding over the head", "a0c90001 0000000c", -1},
      {"nothing but a head", "80c90000", 1},
  };
  for (const Case &c : cases) {
    const auto wire = hex (c.wire);
    auto r = RtcpReader::parse (wire);
    fail_unless (r.has_value () == (c.packets >= 0), "%s", c.name);
    int n = 0;
    while (r && r->next ())
      n++;
    fail_unless (!r || n == c.packets, "%s: %d", c.name, n);
  }
  Octets many;
  for (int i = 0; i < 65; i++)
    for (const std::uint8_t b : hex ("80c90001 00000001"))
      many.push_back (b);
  fail_unless (!RtcpReader::parse (many) && RtcpReader::parse (many, 65));
}
GST_END_TEST

GST_START_TEST (test_reports)
{
  Octets b (500);
  RtcpWriter w (b);
  const ReportBlock one{7, 128, -5, 0x00010002, 90, 0x11223344, 0x10000};
  const ReportBlock blocks[] = {one, {8, 0, 0x7fffff, 1, 2, 3, 4}};
  const SenderInfo info{0x0102030405060708, 1000, 2000, 3000};
  fail_unless (write_report (w, 0xabcd, info, blocks));
  fail_unless (same (w.datagram ().first (28),
      hex ("82c80012 0000abcd 01020304 05060708 000003e8 000007d0 00000bb8")));
  auto r = parse_report (only (w.datagram ()));
  fail_unless (r && r->ssrc == 0xabcd && r->sender && r->sender->ntp == info.ntp);
  fail_unless (
      r->sender->timestamp == 1000 && r->sender->packets == 2000 && r->sender->bytes == 3000);
  fail_unless (r->blocks.size () == 2 && r->blocks[0].ssrc == 7 && r->blocks[0].total_lost == -5);
  fail_unless (r->blocks[0].fraction_lost == 128 && r->blocks[0].highest == 0x10002);
  fail_unless (r->blocks[0].last_sr == 0x11223344 && r->blocks[0].delay == 0x10000);
  fail_unless (r->blocks[1].total_lost == 0x7fffff && r->blocks[0].jitter == 90);

  RtcpWriter rr (b);
  fail_unless (write_report (rr, 1, {}, {}));
  r = parse_report (only (rr.datagram ()));
  fail_unless (r && !r->sender && r->blocks.size () == 0);
  // Fewer blocks than it says; one that a profile made longer.
  fail_unless (!parse_report (only (hex ("81c90001 00000001"))));
  fail_unless (
      !parse_report (only (hex ("80c80005 00000001 00000002 00000003 00000004 00000005"))));
  fail_unless (parse_report (only (hex ("80c90002 00000001 ffffffff"))).has_value ());
  const std::vector<ReportBlock> too_many (32);
  fail_unless (!write_report (rr, 1, {}, too_many));
}
GST_END_TEST

GST_START_TEST (test_sdes)
{
  for (std::size_t n = 0; n < 256; n++) {
    Octets b (400);
    RtcpWriter w (b);
    const std::string name (n, 'c');
    fail_unless (write_sdes (w, 5, name) && w.size () % 4 == 0);
    SdesCursor c (only (w.datagram ()));
    const auto item = c.next ();
    fail_unless (item && item->ssrc == 5 && item->type == 1 && item->text == name);
    fail_unless (!c.next () && !c.failed ());
  }
  struct Case {
    const char *name, *wire;
    int items;
    bool failed;
  };
  static const Case cases[] = {
      {"two chunks", "82ca0005 00000001 01026162 00000000 00000002 01016300", 2, false},
      {"two items", "81ca0003 00000001 01016102 01620000", 2, false},
      {"item over the end", "81ca0002 00000001 01086162", 0, true},
      {"no end", "81ca0002 00000001 01026162", 1, true},
      {"missing chunk", "82ca0002 00000001 01016100", 1, true},
      {"empty chunk", "81ca0002 00000001 00000000", 0, false},
  };
  for (const Case &c : cases) {
    const Octets wire = hex (c.wire);
    SdesCursor cursor (only (wire));
    int n = 0;
    while (cursor.next ())
      n++;
    fail_unless (n == c.items && cursor.failed () == c.failed, "%s: %d", c.name, n);
  }
}
GST_END_TEST

GST_START_TEST (test_bye)
{
  Octets b (400);
  RtcpWriter w (b);
  const std::uint32_t sources[] = {1, 2};
  fail_unless (write_bye (w, sources, "done"));
  const auto bye = parse_bye (only (w.datagram ()));
  fail_unless (bye && bye->size () == 2 && (*bye)[1] == 2 && bye->reason == "done");
  fail_unless (!parse_bye (only (hex ("82cb0001 00000001"))));
  fail_unless (!parse_bye (only (hex ("81cb0002 00000001 09616263"))));
  fail_unless (parse_bye (only (hex ("80cb0000"))).has_value ());
}
GST_END_TEST

GST_START_TEST (test_feedback)
{
  Octets b (400);
  RtcpWriter w (b);
  fail_unless (write_pli (w, 1, 2) && write_fir (w, 1, {2, 200}));
  fail_unless (same (w.datagram (),
      hex ("81ce0002 00000001 00000002 84ce0004 00000001 00000000 00000002 c8000000")));
  auto r = RtcpReader::parse (w.datagram ());
  fail_unless (parse_pli (*r->next ())->media_ssrc == 2);
  const auto fir = parse_fir (*r->next ());
  fail_unless (fir && fir->size () == 1 && (*fir)[0].media_ssrc == 2 && (*fir)[0].number == 200);
  fail_unless (!parse_fir (only (hex ("84ce0003 00000001 00000000 00000002"))));
  fail_unless (!parse_pli (only (hex ("81ce0001 00000001"))));

  for (const std::uint64_t rate :
      {0ull, 1ull, 262143ull, 262144ull, 1000000ull, 123456789ull, 1ull << 60}) {
    RtcpWriter x (b);
    const std::uint32_t sources[] = {7, 8, 9};
    fail_unless (write_remb (x, 1, rate, sources));
    const auto remb = parse_remb (only (x.datagram ()));
    fail_unless (remb && remb->size () == 3 && (*remb)[2] == 9);
    fail_unless (remb->bitrate <= rate && remb->bitrate >= rate - rate / 131072, "%lu", rate);
  }
  fail_unless (
      parse_remb (only (hex ("8fce0004 00000001 00000000 52454d42 00ffffff")))->bitrate == ~0ull);
  fail_unless (!parse_remb (only (hex ("8fce0004 00000001 00000000 52454d42 01ffffff"))));
  fail_unless (!parse_remb (only (hex ("8fce0004 00000001 00000000 52454d43 00ffffff"))));
}
GST_END_TEST

// Any list comes back as it was, in as many packets as it takes.
GST_START_TEST (test_nack_round_trip)
{
  std::mt19937 random (1);
  for (int round = 0; round < 2000; round++) {
    std::vector<std::uint16_t> numbers;
    auto n = static_cast<std::uint16_t> (random ());
    for (auto count = random () % 80; count > 0; count--) {
      numbers.push_back (n);
      n = static_cast<std::uint16_t> (n + 1 + random () % (random () % 4 == 0 ? 40 : 3));
    }
    std::vector<std::uint16_t> got;
    for (std::size_t at = 0; at < numbers.size ();) {
      Octets b (16 + 4 * (random () % 8));
      RtcpWriter w (b);
      const std::size_t took = write_nack (w, 1, 2, std::span (numbers).subspan (at));
      fail_unless (took > 0);
      at += took;
      const auto nack = parse_nack (only (w.datagram ()));
      fail_unless (nack && nack->sender_ssrc == 1 && nack->media_ssrc == 2);
      nack->each ([&] (std::uint16_t x) { got.push_back (x); });
    }
    fail_unless (got == numbers);
  }
  Octets small (15);
  RtcpWriter w (small);
  const std::uint16_t one[] = {1};
  fail_unless (write_nack (w, 1, 2, one) == 0 && w.size () == 0);
  fail_unless (!parse_nack (only (hex ("81cd0002 00000001 00000002"))));
}
GST_END_TEST

static Suite *rtcp_suite ()
{
  Suite *s = suite_create ("rtc-rtcp");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_datagrams);
  tcase_add_test (tc, test_reports);
  tcase_add_test (tc, test_sdes);
  tcase_add_test (tc, test_bye);
  tcase_add_test (tc, test_feedback);
  tcase_add_test (tc, test_nack_round_trip);
  return s;
}
GST_CHECK_MAIN (rtcp)
