// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/proto/fec_red.h"
#include "rtc/proto/fec_sender.h"
#include "rtc/proto/fec_ulp.h"
#include "rtp_packets.h"
#include <map>
#include <random>

using namespace reach;
using namespace reach::test;

GST_START_TEST (test_red)
{
  struct Case {
    const char *name, *wire, *expected; // null: refused
  };
  static const Case cases[] = {
      {"one block", "60aabb", "96@0=aabb "},
      {"empty block", "60", "96@0= "},
      {"two", "ef000402 6faabb cc", "111@1=aabb 111@0=cc "},
      {"no primary", "ef000402", nullptr},
      {"too long", "ef000403 6faabb", nullptr},
      {"cut head", "ef0004", nullptr},
      {"nothing", "", nullptr},
      {"too many", "ef000000 ef000000 ef000000 ef000000 6f", nullptr},
  };
  for (const Case &c : cases) {
    const Octets wire = hex (c.wire);
    RedBlock blocks[4];
    const auto n = parse_red (wire, blocks);
    fail_unless (n.has_value () == (c.expected != nullptr), "%s", c.name);
    std::string s;
    for (std::size_t i = 0; n && i < *n; i++)
      s += std::to_string (blocks[i].payload_type) + "@" +
           std::to_string (blocks[i].timestamp_offset) + "=" + to_hex (blocks[i].payload) + " ";
    fail_unless (!n || s == c.expected, "%s: %s", c.name, s.c_str ());
  }
  const Octets media = make_packet ({true, 96, 7, 8, 9}, as_bytes ("picture"), {{1, "x"}});
  Octets red = make_packet ({true, 116, 7, 8, 9}, as_bytes ("\x60picture"), {{1, "x"}});
  const auto back = restore_primary (red);
  fail_unless (back && same (*back, media));
  Octets wrapped = media;
  wrapped.resize (media.size () + 1);
  fail_unless_equals_int (wrap_primary (wrapped, media.size (), 116), wrapped.size ());
  fail_unless (
      same (wrapped, make_packet ({true, 116, 7, 8, 9}, as_bytes ("\x60picture"), {{1, "x"}})));
  Octets full = media;
  fail_unless_equals_int (wrap_primary (full, full.size (), 116), 0);
  Octets two = make_packet ({true, 116, 7, 8, 9}, hex ("ef000402 6faabb cc"));
  fail_unless (!restore_primary (two));
}
GST_END_TEST

// A parity packet by hand: one packet alone is its own parity.
GST_START_TEST (test_fec_vector)
{
  const Octets one = hex ("80e00010 00000020 00000030 aabbcc");
  const RtpPacket p = *RtpPacket::parse (one);
  Octets fec (100);
  fec.resize (protect (std::span (&p, 1), fec));
  fail_unless (
      same (fec, hex ("00e00010 00000020 0003 0003 8000 aabbcc")), "%s", to_hex (fec).c_str ());
}
GST_END_TEST

// Any one of a group comes back as it was, whatever its size, extensions and padding.
GST_START_TEST (test_recovery)
{
  std::mt19937 random (21);
  for (int round = 0; round < 400; round++) {
    const std::size_t count = 1 + random () % (round % 2 ? 16 : 40);
    const auto base = static_cast<std::uint16_t> (random ());
    std::vector<Octets> packets;
    std::vector<RtpPacket> views;
    for (std::size_t i = 0; i < count; i++) {
      Octets payload (random () % 300);
      for (auto &b : payload)
        b = static_cast<std::uint8_t> (random ());
      Octets b (600);
      RtpWriter w (b, {random () % 2 == 0, 96, static_cast<std::uint16_t> (base + i),
                          static_cast<std::uint32_t> (random ()), 77});
      if (random () % 2)
        w.extension (3, as_bytes ("ext"));
      w.payload (payload);
      if (random () % 4 == 0)
        w.padding (static_cast<std::uint8_t> (1 + random () % 20));
      packets.emplace_back (w.packet ().begin (), w.packet ().end ());
    }
    for (const Octets &b : packets)
      views.push_back (*RtpPacket::parse (b));
    Octets fec (1000);
    fec.resize (protect (views, fec));
    fail_unless (!fec.empty () && fec.size () <= 18 + 400);
    const std::size_t gone = random () % count;
    FecReceiver r ({});
    const Octets before =
        make_packet ({false, 96, static_cast<std::uint16_t> (base - 1), 1, 77}, {});
    r.media (*RtpPacket::parse (before));
    const bool fec_first = random () % 2 == 0;
    if (fec_first)
      r.fec (fec, 77);
    for (std::size_t i = 0; i < count; i++)
      if (i != gone)
        r.media (views[i]);
    if (!fec_first)
      r.fec (fec, 77);
    const Bytes back = r.poll ();
    fail_unless (same (back, packets[gone]), "%zu of %zu", gone, count);
    fail_unless (r.poll ().empty () && r.recovered () == 1);
  }
}
GST_END_TEST

GST_START_TEST (test_not_enough)
{
  std::vector<Octets> packets;
  std::vector<RtpPacket> views;
  for (std::uint16_t i = 0; i < 4; i++)
    packets.push_back (make_packet ({false, 96, i, i, 77}, as_bytes ("payload")));
  for (const Octets &b : packets)
    views.push_back (*RtpPacket::parse (b));
  Octets fec (100);
  fec.resize (protect (views, fec));
  FecReceiver r ({});
  r.fec (fec, 77); // before anything is known: nothing
  r.media (views[0]);
  r.fec (fec, 77);
  r.media (views[1]);
  fail_unless (r.poll ().empty ()); // two are missing
  r.media (views[3]);
  fail_unless (same (r.poll (), packets[2])); // now one
  // Lies about lengths.
  for (std::size_t n = 0; n < fec.size (); n++) {
    FecReceiver cut ({});
    cut.media (views[0]);
    cut.media (views[1]);
    cut.media (views[3]);
    cut.fec (Bytes (fec).first (n), 77);
    fail_unless (cut.poll ().empty (), "%zu bytes", n);
  }
  fail_unless_equals_int (static_cast<int> (protect ({}, fec)), 0);
  const Octets far = make_packet ({false, 96, 48, 1, 77}, {});
  views[1] = *RtpPacket::parse (far);
  Octets room (200);
  fail_unless_equals_int (static_cast<int> (protect (views, room)), 0);
}
GST_END_TEST

// Frames of some packets: as many parity packets as asked for, and one lost packet of each comes
// back.
GST_START_TEST (test_sender)
{
  struct Case {
    unsigned percentage, frame; // packets of a frame
    double least;               // of lost ones come back, when one in eight is
  };
  for (const Case &c : {Case{100, 1, 0.8}, {100, 8, 0.8}, {50, 8, 0.7}, {20, 1, 0.4}, {20, 10, 0.4},
           {10, 60, 0.15}}) {
    std::mt19937 random (5);
    FecSender sender (c.percentage);
    FecReceiver receiver ({});
    std::map<std::uint16_t, Octets> lost;
    std::uint16_t number = 65000;
    std::size_t media = 0, parity = 0, gone = 0, back = 0;
    while (media < 3000)
      for (unsigned i = 0; i < c.frame; i++) {
        const Octets payload (random () % 1000 + 1, static_cast<std::uint8_t> (media));
        const Octets bytes = make_packet ({i + 1 == c.frame, 96, number, 5, 6}, payload);
        number++;
        media++;
        sender.media (*RtpPacket::parse (bytes));
        if (random () % 8 == 0) {
          lost[static_cast<std::uint16_t> (number - 1)] = bytes;
          gone++;
        } else {
          receiver.media (*RtpPacket::parse (bytes));
        }
        std::uint8_t room[1500];
        while (const std::size_t n = sender.poll (room)) {
          number++; // they are of the same stream
          parity++;
          if (random () % 8 != 0)
            receiver.fec (Bytes (room, n), 6);
        }
        for (Bytes b = receiver.poll (); !b.empty (); b = receiver.poll ()) {
          const auto was = lost.find (RtpPacket::parse (b)->sequence ());
          fail_unless (was != lost.end () && same (b, was->second));
          back++;
        }
      }
    const double share = 100.0 * static_cast<double> (parity) / static_cast<double> (media);
    fail_unless (
        share > c.percentage * 0.9 && share < c.percentage * 1.1, "%u %%: %f", c.percentage, share);
    const double of_lost = static_cast<double> (back) / static_cast<double> (gone);
    fail_unless (of_lost >= c.least, "%u %% of %u: %f came back", c.percentage, c.frame, of_lost);
  }
}
GST_END_TEST

static Suite *fec_suite ()
{
  Suite *s = suite_create ("rtc-fec");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_red);
  tcase_add_test (tc, test_fec_vector);
  tcase_add_test (tc, test_recovery);
  tcase_add_test (tc, test_not_enough);
  tcase_add_test (tc, test_sender);
  return s;
}
GST_CHECK_MAIN (fec)
