// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/proto/rtp_rewriter.h"
#include "rtc/proto/rtp_rtx.h"
#include "rtp_packets.h"

using namespace reach;
using namespace reach::test;

namespace {
RewriteRules peer_rules ()
{
  RewriteRules r;
  r.ssrc = 0x1111;
  r.rtx_ssrc = 0x2222;
  r.sequence_offset = 1000;
  r.timestamp_offset = 0xffffff00;
  r.rtx_sequence = 0xffff;
  r.payload_types = {{96, 102, 103}, {97, 104, 0}};
  r.mid_id = 4;
  r.rid_id = 10;
  r.repaired_rid_id = 11;
  r.abs_send_time_id = 2;
  r.transport_id = 3;
  r.mid = "video0";
  r.rid = "hi";
  r.kept = {{1, 7}};
  return r;
}

Octets source (std::uint8_t payload_type = 96)
{
  return make_packet (
      {true, payload_type, 0xfff0, 0x200, 0x9999}, as_bytes ("picture"), {{1, "L"}, {9, "no"}});
}

bool is (const RtpPacket &p, std::uint8_t id, Bytes value)
{
  const auto e = p.extension (id);
  return e && same (*e, value);
}
} // namespace

GST_START_TEST (test_media)
{
  for (const auto form : {ExtensionForm::one_byte, ExtensionForm::two_bytes}) {
    RewriteRules rules = peer_rules ();
    rules.form = form;
    PacketRewriter r (rules);
    const Octets in = source ();
    const auto s = RtpPacket::parse (in);
    Octets out (in.size () + r.growth ());
    const std::size_t n = r.media (*s, {0x123456, 0xabcd}, out);
    const auto p = RtpPacket::parse (Bytes (out).first (n));
    fail_unless (n > 0 && p);
    fail_unless (p->ssrc () == 0x1111 && p->payload_type () == 102 && p->marker ());
    fail_unless (p->sequence () == static_cast<std::uint16_t> (0xfff0 + 1000));
    fail_unless (p->timestamp () == 0x100 && same (p->payload (), as_bytes ("picture")));
    fail_unless (is (*p, 4, as_bytes ("video0")) && is (*p, 10, as_bytes ("hi")));
    fail_unless (is (*p, 2, hex ("123456")) && is (*p, 3, hex ("abcd")));
    fail_unless (is (*p, 7, as_bytes ("L")) && !p->extension (9) && !p->extension (1));
    // The header alone, for scattered sending, is the same.
    Octets head (200);
    const std::size_t h = r.header (*s, {0x123456, 0xabcd}, head);
    fail_unless (h == p->header_size () && same (Bytes (head).first (h), Bytes (out).first (h)));
    // Later mid and rid go no more.
    r.identify (false);
    const std::size_t less = r.media (*s, {}, out);
    fail_unless (less < n && !RtpPacket::parse (Bytes (out).first (less))->extension (4));
    // No room: nothing, and nothing past the end.
    r.identify (true);
    for (std::size_t size = 0; size < n; size++) {
      Octets small (size);
      fail_unless_equals_int (static_cast<int> (r.media (*s, {}, small)), 0);
    }
  }
}
GST_END_TEST

GST_START_TEST (test_rtx)
{
  PacketRewriter r (peer_rules ());
  const Octets in = source ();
  const auto s = RtpPacket::parse (in);
  Octets sent (in.size () + r.growth ()), out (in.size () + r.growth ());
  const std::size_t n = r.media (*s, {5, 6}, sent);
  for (const std::uint16_t number : {0xffff, 0, 1}) { // its own numbers, which wrap
    const std::size_t m = r.rtx (*s, r.sequence (*s), r.timestamp (*s), {5, 6}, out);
    const auto p = RtpPacket::parse (Bytes (out).first (m));
    fail_unless (m > 0 && p && p->ssrc () == 0x2222 && p->payload_type () == 103);
    fail_unless (p->sequence () == number && original_number (*p) == r.sequence (*s));
    fail_unless (is (*p, 11, as_bytes ("hi")) && !p->extension (10));
  }
  // What the receiver makes of it is what was sent first, but for the rid's id.
  const std::size_t m = r.rtx (*s, r.sequence (*s), r.timestamp (*s), {5, 6}, out);
  const auto back = restore_original (std::span (out).first (m), 0x1111, 102);
  Octets wanted (sent.begin (), sent.begin () + static_cast<std::ptrdiff_t> (n));
  const Octets element = hex ("a16869");
  const auto rid = std::ranges::search (wanted, element).begin ();
  fail_unless (rid != wanted.end ());
  *rid = 0xb1;
  fail_unless (
      back && same (*back, wanted), "%s\n%s", to_hex (*back).c_str (), to_hex (wanted).c_str ());
  // Types without RTX, and those that the peer does not know.
  const Octets other = source (97), strange = source (98);
  fail_unless_equals_int (static_cast<int> (r.rtx (*RtpPacket::parse (other), 1, 1, {}, out)), 0);
  fail_unless_equals_int (static_cast<int> (r.media (*RtpPacket::parse (strange), {}, out)), 0);
  fail_unless (r.media (*RtpPacket::parse (other), {}, out) > 0);
}
GST_END_TEST

GST_START_TEST (test_padding)
{
  PacketRewriter r (peer_rules ());
  Octets out (400);
  const std::size_t n = r.padding (96, 255, 77, {0, 1}, out);
  const auto p = RtpPacket::parse (Bytes (out).first (n));
  fail_unless (n > 255 && p && p->padding () == 255 && p->payload ().empty ());
  fail_unless (p->ssrc () == 0x2222 && p->timestamp () == 77 && is (*p, 3, hex ("0001")));
  fail_unless_equals_int (
      static_cast<int> (r.padding (96, 255, 77, {}, std::span (out).first (200))), 0);
}
GST_END_TEST

GST_START_TEST (test_skip_leaves_no_gap)
{
  PacketRewriter r (peer_rules ());
  Octets out (400);
  std::uint16_t expected = 0;
  for (std::uint16_t i = 0; i < 1000; i++) {
    const Octets in =
        make_packet ({false, 96, static_cast<std::uint16_t> (65000 + i), i, 9}, as_bytes ("x"));
    const auto s = RtpPacket::parse (in);
    if (i % 3 == 1) {
      r.skip ();
      continue;
    }
    const std::size_t n = r.media (*s, {}, out);
    const std::uint16_t got = RtpPacket::parse (Bytes (out).first (n))->sequence ();
    fail_unless (i == 0 || got == expected, "%u: %u", i, got);
    expected = static_cast<std::uint16_t> (got + 1);
  }
}
GST_END_TEST

// CSRCs and the source's padding; extensions that the one-byte form cannot hold stay away.
GST_START_TEST (test_odd_sources)
{
  PacketRewriter r (peer_rules ());
  Octets out (400);
  const Octets csrcs = hex ("a2600001000000020000000300000009 0000000a aabb0002");
  std::size_t n = r.media (*RtpPacket::parse (csrcs), {}, out);
  auto p = RtpPacket::parse (Bytes (out).first (n));
  fail_unless (p && p->csrc_count () == 2 && same (p->csrcs (), hex ("000000090000000a")));
  fail_unless (same (p->payload (), hex ("aabb")) && p->padding () == 0);

  const Octets big = make_packet (
      {false, 96, 1, 2, 3}, as_bytes ("x"), {{1, std::string (20, 'a')}}, ExtensionForm::two_bytes);
  n = r.media (*RtpPacket::parse (big), {}, out);
  p = RtpPacket::parse (Bytes (out).first (n));
  fail_unless (p && !p->extension (7) && p->extension (3));

  RewriteRules bare;
  bare.ssrc = 5;
  bare.payload_types = {{96, 96, 0}};
  PacketRewriter plain (bare);
  n = plain.media (*RtpPacket::parse (big), {}, out);
  p = RtpPacket::parse (Bytes (out).first (n));
  fail_unless (p && !p->has_extension () && n == 13);
}
GST_END_TEST

static Suite *rtp_rewriter_suite ()
{
  Suite *s = suite_create ("rtc-rtp-rewriter");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_media);
  tcase_add_test (tc, test_rtx);
  tcase_add_test (tc, test_padding);
  tcase_add_test (tc, test_skip_leaves_no_gap);
  tcase_add_test (tc, test_odd_sources);
  return s;
}
GST_CHECK_MAIN (rtp_rewriter)
