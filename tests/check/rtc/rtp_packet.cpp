// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/proto/rtp_packet.h"
#include "rtc/proto/rtp_rtx.h"
#include "rtc/proto/rtp_sequence.h"
#include "rtc/proto/rtp_time.h"
#include "rtp_packets.h"

using namespace reach;
using namespace reach::test;

GST_START_TEST (test_vectors)
{
  struct Case {
    const char *name, *wire;
    int payload; // -1: refused
    int padding;
  };
  static const Case cases[] = {
      {"empty", "", -1, 0},
      {"short", "8060000100000002000000", -1, 0},
      {"header alone", "806000010000000200000003", 0, 0},
      {"version 1", "406000010000000200000003", -1, 0},
      {"payload", "80600001000000020000000301020304", 4, 0},
      {"csrc", "81600001000000020000000300000009aa", 1, 0},
      {"csrc over the end", "82600001000000020000000300000009", -1, 0},
      {"extension", "906000010000000200000003bede000110aa0000bb", 1, 0},
      {"extension without its head", "906000010000000200000003bede", -1, 0},
      {"extension over the end", "906000010000000200000003bede000210aa0000", -1, 0},
      {"empty extension", "906000010000000200000003bede0000bb", 1, 0},
      {"padding", "a06000010000000200000003aa000003", 1, 3},
      {"all padding", "a0600001000000020000000300000004", 0, 4},
      {"padding of zero", "a06000010000000200000003aa000000", -1, 0},
      {"padding over the start", "a06000010000000200000003aa000005", -1, 0},
      {"padding without a payload", "a06000010000000200000003", -1, 0},
  };
  for (const Case &c : cases) {
    const Octets wire = hex (c.wire);
    const auto p = RtpPacket::parse (wire);
    fail_unless (p.has_value () == (c.payload >= 0), "%s", c.name);
    if (!p)
      continue;
    fail_unless (p->payload ().size () == static_cast<std::size_t> (c.payload), "%s", c.name);
    fail_unless (p->padding () == static_cast<std::size_t> (c.padding), "%s", c.name);
    fail_unless (p->sequence () == 1 && p->timestamp () == 2 && p->ssrc () == 3, "%s", c.name);
    fail_unless (p->payload_type () == 96 && !p->marker (), "%s", c.name);
  }
}
GST_END_TEST

GST_START_TEST (test_extension_elements)
{
  struct Case {
    const char *name, *profile, *elements, *expected; // id=value …
  };
  static const Case cases[] = {
      {"one", "bede", "10aa0000", "1=aa "},
      {"two and padding", "bede", "10aa0020bb000000", "1=aa 2=bb "},
      {"16 bytes", "bede", "1f000102030405060708090a0b0c0d0e0f000000",
          "1=000102030405060708090a0b0c0d0e0f "},
      {"over the end", "bede", "10aa23bb", "1=aa "},
      {"id 15 ends it", "bede", "10aaf0bb20cc0000", "1=aa "},
      {"id 0 with a length ends it", "bede", "10aa0220cc000000", "1=aa "},
      {"two bytes", "1000", "0101aa0002000000", "1=aa 2= "},
      {"two bytes, app bits", "100f", "ff02aabb", "255=aabb "},
      {"two bytes, over the end", "1000", "0101aa0304aabb00", "1=aa "},
      {"two bytes, no length", "1000", "0101aa02", "1=aa "},
      {"another profile", "abcd", "10aa0000", ""},
  };
  for (const Case &c : cases) {
    const Octets elements = hex (c.elements);
    Octets wire = hex ("906000010000000200000003");
    for (const std::uint8_t b : hex (c.profile))
      wire.push_back (b);
    wire.push_back (0);
    wire.push_back (static_cast<std::uint8_t> (elements.size () / 4));
    wire.insert (wire.end (), elements.begin (), elements.end ());
    const auto p = RtpPacket::parse (wire);
    fail_unless (p.has_value (), "%s", c.name);
    std::string got;
    for (auto cursor = p->extensions (); const auto e = cursor.next ();)
      got += std::to_string (e->id) + "=" + to_hex (e->value) + " ";
    fail_unless (got == c.expected, "%s: %s", c.name, got.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_writer)
{
  const RtpHeader h{true, 111, 0xfffe, 0xdeadbeef, 0x12345678};
  for (const auto form : {ExtensionForm::one_byte, ExtensionForm::two_bytes}) {
    const Octets b =
        make_packet (h, as_bytes ("payload"), {{3, "mid"}, {14, "0123456789abcdef"}}, form);
    const auto p = RtpPacket::parse (b);
    fail_unless (p && p->marker () && p->payload_type () == 111 && p->sequence () == 0xfffe);
    fail_unless (p->timestamp () == 0xdeadbeef && p->ssrc () == 0x12345678);
    fail_unless (same (p->payload (), as_bytes ("payload")));
    fail_unless (same (*p->extension (3), as_bytes ("mid")));
    fail_unless (same (*p->extension (14), as_bytes ("0123456789abcdef")) && !p->extension (4));
    // Every buffer that is too small is refused, none is written past its end.
    for (std::size_t n = 0; n < b.size (); n++) {
      Octets small (n);
      RtpWriter w (small, h, form);
      w.extension (3, as_bytes ("mid"));
      w.extension (14, as_bytes ("0123456789abcdef"));
      w.payload (as_bytes ("payload"));
      fail_unless (w.failed () && w.packet ().empty (), "%zu bytes", n);
    }
  }
  Octets b (100);
  RtpWriter too_long (b, h);
  too_long.extension (1, as_bytes ("0123456789abcdefg"));
  fail_unless (too_long.failed ());
  RtpWriter bad_id (b, h);
  bad_id.extension (15, as_bytes ("x"));
  fail_unless (bad_id.failed ());
  RtpWriter padded (b, h);
  padded.payload (as_bytes ("abc"));
  padded.padding (255);
  fail_unless (padded.failed ());
  RtpWriter fits (b, h);
  fits.payload (as_bytes ("abc"));
  fits.padding (5);
  const auto p = RtpPacket::parse (fits.packet ());
  fail_unless (p && p->padding () == 5 && same (p->payload (), as_bytes ("abc")));
}
GST_END_TEST

GST_START_TEST (test_numbers)
{
  fail_unless (newer<std::uint16_t> (1, 0xffff) && !newer<std::uint16_t> (0xffff, 1));
  fail_unless (!newer<std::uint16_t> (5, 5) && newer<std::uint32_t> (0, 0xffffff00));
  Unwrapper<std::uint16_t> u;
  std::int64_t expected = 0x10000 + 65000;
  fail_unless_equals_int64 (u.unwrap (65000), expected);
  for (int i = 0; i < 10000; i++) { // several times around
    expected += 32767;
    fail_unless_equals_int64 (u.unwrap (static_cast<std::uint16_t> (expected)), expected);
    fail_unless_equals_int64 (
        u.peek (static_cast<std::uint16_t> (expected - 32768)), expected - 32768);
  }
}
GST_END_TEST

GST_START_TEST (test_times)
{
  const TimePoint t{seconds (1000)};
  const NtpClock ntp{t, 0x0000000100000000};
  fail_unless_equals_uint64 (ntp.at (t + milliseconds (1500)), 0x0000000280000000);
  fail_unless_equals_uint64 (ntp.at (t - milliseconds (250)), 0x00000000c0000000);
  fail_unless (ntp_between (ntp.at (t), ntp.at (t + milliseconds (750))) == milliseconds (750));
  fail_unless (ntp_between (ntp.at (t), ntp.at (t - milliseconds (750))) == -milliseconds (750));
  fail_unless_equals_uint64 (to_ntp_middle (milliseconds (500)), 32768);
  fail_unless (from_ntp_middle (65536) == seconds (1));
  fail_unless_equals_uint64 (abs_send_time (TimePoint{milliseconds (500)}), 1u << 17);
  fail_unless_equals_uint64 (abs_send_time (TimePoint{seconds (65)}), 1u << 18);
  fail_unless_equals_int64 (to_ticks (milliseconds (1001), 90000), 90090);
  fail_unless (from_ticks (-48000, 48000) == -seconds (1));
}
GST_END_TEST

GST_START_TEST (test_restore_original)
{
  const Octets original =
      make_packet ({true, 96, 4711, 90000, 0xaaaa}, as_bytes ("picture"), {{1, "0"}});
  Octets rtx = make_packet (
      {true, 97, 9, 90000, 0xbbbb}, as_bytes (std::string ("\x12\x67picture", 9)), {{1, "0"}});
  fail_unless_equals_int (*original_number (*RtpPacket::parse (rtx)), 4711);
  const auto back = restore_original (rtx, 0xaaaa, 96);
  fail_unless (back && same (*back, original), "%s", back ? to_hex (*back).c_str () : "none");
  Octets padding = hex ("a06000010000000200000003 00000004");
  fail_unless (!restore_original (padding, 1, 96));
  Octets one = hex ("806000010000000200000003 01");
  fail_unless (!restore_original (one, 1, 96));
}
GST_END_TEST

static Suite *rtp_packet_suite ()
{
  Suite *s = suite_create ("rtc-rtp-packet");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_vectors);
  tcase_add_test (tc, test_extension_elements);
  tcase_add_test (tc, test_writer);
  tcase_add_test (tc, test_numbers);
  tcase_add_test (tc, test_times);
  tcase_add_test (tc, test_restore_original);
  return s;
}
GST_CHECK_MAIN (rtp_packet)
