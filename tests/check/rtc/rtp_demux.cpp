// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/proto/rtp_demux.h"
#include "rtp_packets.h"

using namespace reach;
using namespace reach::test;

namespace {
using Extensions = std::vector<std::pair<std::uint8_t, std::string>>;

std::optional<Routed> route (
    BundleDemux &d, std::uint32_t ssrc, std::uint8_t type, Extensions e = {})
{
  const Octets b = make_packet ({false, type, 1, 2, ssrc}, as_bytes ("x"), std::move (e));
  return d.route (*RtpPacket::parse (b));
}

std::vector<DemuxStream> sections ()
{
  std::vector<DemuxStream> s (4);
  s[0] = {10, "a", "", {{100, RtpUse::media}}, {{111, RtpUse::media}}};
  s[1] = {11, "v", "", {}, {{96, RtpUse::media}, {97, RtpUse::rtx, 96}, {98, RtpUse::fec}}};
  s[2] = {12, "s", "lo", {}, {{96, RtpUse::media}, {97, RtpUse::rtx, 96}}};
  s[3] = {13, "s", "hi", {}, {{96, RtpUse::media}, {97, RtpUse::rtx, 96}}};
  return s;
}
} // namespace

GST_START_TEST (test_first_byte)
{
  using K = DatagramKind;
  for (unsigned b = 0; b < 256; b++) {
    const K expected = b <= 3                 ? K::stun
                       : b >= 16 && b <= 19   ? K::zrtp
                       : b >= 20 && b <= 63   ? K::dtls
                       : b >= 64 && b <= 79   ? K::turn_channel
                       : b >= 80 && b <= 127  ? K::quic
                       : b >= 128 && b <= 191 ? K::rtp
                       : b >= 192             ? K::quic
                                              : K::unknown;
    const std::uint8_t bytes[2] = {static_cast<std::uint8_t> (b), 96};
    fail_unless (kind_of_datagram (bytes) == expected, "%u", b);
  }
  for (unsigned type = 0; type < 256; type++) {
    const std::uint8_t bytes[2] = {0x80, static_cast<std::uint8_t> (type)};
    const bool rtcp = type >= 192 && type <= 223;
    fail_unless (kind_of_datagram (bytes) == (rtcp ? K::rtcp : K::rtp), "%u", type);
  }
  const std::uint8_t one[1] = {0x80};
  fail_unless (kind_of_datagram (one) == K::unknown && kind_of_datagram ({}) == K::unknown);
}
GST_END_TEST

GST_START_TEST (test_bundle)
{
  BundleDemux d;
  d.configure (sections (), {4, 10, 11});
  auto r = route (d, 100, 111);
  fail_unless (r && r->stream == 10 && !r->fresh); // announced
  fail_unless (!route (d, 1, 96));                 // the type is of several
  r = route (d, 1, 96, {{4, "v"}});
  fail_unless (r && r->stream == 11 && r->use == RtpUse::media && r->fresh);
  r = route (d, 1, 96);
  fail_unless (r && r->stream == 11 && !r->fresh); // learnt
  r = route (d, 2, 97, {{4, "v"}});
  fail_unless (r && r->stream == 11 && r->use == RtpUse::rtx && r->apt == 96);
  r = route (d, 3, 96, {{4, "s"}, {10, "hi"}});
  fail_unless (r && r->stream == 13);
  r = route (d, 4, 97, {{4, "s"}, {11, "hi"}});
  fail_unless (r && r->stream == 13 && r->use == RtpUse::rtx);
  r = route (d, 5, 96, {{10, "lo"}});
  fail_unless (r && r->stream == 12);
  r = route (d, 6, 98);
  fail_unless (r && r->stream == 11 && r->use == RtpUse::fec); // by its type alone
  fail_unless (!route (d, 7, 96, {{4, "s"}}));                 // which layer?
  fail_unless (!route (d, 8, 96, {{4, "other"}}));
  fail_unless (!route (d, 9, 98, {{4, "other"}})); // its type does not help a wrong MID
  fail_unless (!route (d, 1, 77));                 // a type that is not agreed upon
  // A MID moves the SSRC to another section, but not one that was announced.
  r = route (d, 6, 111, {{4, "a"}});
  fail_unless (r && r->stream == 10);
  fail_unless (!route (d, 100, 96, {{4, "v"}}));
  // RTCP finds them; BYE forgets.
  fail_unless (d.find (3) && d.find (3)->stream == 13 && !d.find (8));
  d.forget (3);
  d.forget (100);
  fail_unless (!d.find (3) && d.find (100));
  // What was learnt stays when the descriptions change.
  auto s = sections ();
  s.erase (s.begin ());
  d.configure (std::move (s), {4, 10, 11});
  fail_unless (d.find (5) && d.find (5)->stream == 12 && !d.find (100) && !d.find (6));
}
GST_END_TEST

GST_START_TEST (test_flood)
{
  BundleDemux d (16, 1000);
  d.configure (sections (), {4, 10, 11});
  for (std::uint32_t ssrc = 1000; ssrc < 1016; ssrc++)
    fail_unless (route (d, ssrc, 98).has_value ());
  for (std::uint32_t i = 0; i < 500; i++) {
    fail_unless (!route (d, 5000 + i, 98));
    fail_unless (route (d, 1000 + i % 16, 98).has_value ()); // what works goes on
  }
  fail_unless (d.learnt () == 16 && d.refused () == 500);
  // One that is silent for long makes room.
  for (std::uint32_t i = 0; i < 1200; i++)
    route (d, 1001 + i % 15, 98);
  fail_unless (route (d, 7000, 98).has_value () && !d.find (1000) && d.learnt () == 16);
}
GST_END_TEST

static Suite *rtp_demux_suite ()
{
  Suite *s = suite_create ("rtc-rtp-demux");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_first_byte);
  tcase_add_test (tc, test_bundle);
  tcase_add_test (tc, test_flood);
  return s;
}
GST_CHECK_MAIN (rtp_demux)
