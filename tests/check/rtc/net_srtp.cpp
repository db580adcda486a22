// SPDX-License-Identifier: LGPL-2.1-or-later
// SRTP of a peer: what one session protects the other reads, and nothing else.
#include "check.h"
#include "rtc/net/srtp.h"

using namespace reach;
using namespace reach::rtc;

namespace {
using Packet = std::vector<std::uint8_t>;
constexpr SrtpProfile profiles[] = {SrtpProfile::aes_cm_128_hmac_sha1_80,
    SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm};
constexpr std::size_t room = 20;

Packet keys_of (SrtpProfile p)
{
  Packet keys (2 * (sizes_of (p).key + sizes_of (p).salt));
  for (std::size_t i = 0; i < keys.size (); i++)
    keys[i] = static_cast<std::uint8_t> (i * 7 + 1);
  return keys;
}

Packet rtp (std::uint16_t number, std::uint32_t ssrc = 1, std::size_t payload = 100)
{
  Packet p (12 + payload, 0x55);
  p[0] = 0x80;
  p[1] = 96;
  store_be (&p[2], number);
  store_be<std::uint32_t> (&p[4], number * 90u);
  store_be (&p[8], ssrc);
  return p;
}

Packet rtcp (std::uint32_t ssrc = 1)
{
  Packet p (28, 0);
  p[0] = 0x80;
  p[1] = 200;
  p[3] = 6;
  store_be (&p[4], ssrc);
  return p;
}

struct Ends {
  std::unique_ptr<SrtpOut> out;
  std::unique_ptr<SrtpIn> in;
  explicit Ends (SrtpProfile p = SrtpProfile::aead_aes_128_gcm, SrtpLimits limits = {})
      : out (SrtpOut::make (p, keys_of (p), DtlsRole::client, limits)),
        in (SrtpIn::make (p, keys_of (p), DtlsRole::server, limits))
  {
    fail_unless (out && in);
  }
  Packet protect (Packet p)
  {
    const std::size_t n = p.size ();
    p.resize (n + room);
    const auto size = out->protect (p, n);
    fail_unless (size.has_value ());
    p.resize (*size);
    return p;
  }
  Packet protect_rtcp (Packet p)
  {
    const std::size_t n = p.size ();
    p.resize (n + room);
    const auto size = out->protect_rtcp (p, n);
    fail_unless (size.has_value ());
    p.resize (*size);
    return p;
  }
  bool read (Packet p) { return in->unprotect (p).has_value (); }
};
} // namespace

GST_START_TEST (test_both_ways)
{
  for (const SrtpProfile p : profiles) {
    Ends e (p);
    const Packet plain = rtp (1);
    Packet sealed = e.protect (plain);
    fail_unless_equals_int (sealed.size (), plain.size () + e.out->trailer ());
    fail_unless (!std::equal (plain.begin () + 12, plain.end (), sealed.begin () + 12));
    const auto n = e.in->unprotect (sealed);
    fail_unless (n && Packet (sealed.begin (), sealed.begin () + static_cast<long> (*n)) == plain);
    Packet report = e.protect_rtcp (rtcp ());
    fail_unless_equals_int (report.size (), rtcp ().size () + e.out->rtcp_trailer ());
    fail_unless_equals_int (e.in->unprotect_rtcp (report).value_or (0), 28);
    // A side does not read what it has sent itself: each direction has keys of its own.
    const auto own = SrtpIn::make (p, keys_of (p), DtlsRole::client);
    Packet again = e.protect (rtp (2));
    fail_unless (!own->unprotect (again));
    fail_unless_equals_uint64 (own->counts ().unauthentic, 1);
    fail_unless (!SrtpOut::make (p, Bytes (keys_of (p)).first (20), DtlsRole::client));
  }
  fail_unless (!SrtpOut::make (SrtpProfile::none, {}, DtlsRole::client));
}
GST_END_TEST

GST_START_TEST (test_replay_window)
{
  Ends e;
  std::vector<Packet> sent;
  for (unsigned i = 1; i <= 2000; i++)
    sent.push_back (e.protect (rtp (static_cast<std::uint16_t> (i))));
  fail_unless (e.read (sent[1999]));
  fail_unless (!e.read (sent[1999]));       // again
  fail_unless (e.read (sent[1999 - 1000])); // late, within 1024
  fail_unless (!e.read (sent[1999 - 1000]));
  fail_unless (!e.read (sent[1999 - 1100])); // too late
  fail_unless_equals_uint64 (e.in->counts ().replayed, 3);
  fail_unless_equals_uint64 (e.in->counts ().passed, 2);
}
GST_END_TEST

// The roll-over counter goes on over 2^16, three times, though most packets are lost.
GST_START_TEST (test_roll_over)
{
  for (const SrtpProfile p : profiles) {
    Ends e (p);
    unsigned read = 0, sent = 0;
    for (unsigned i = 65000; i < 65536 * 3 + 500; i += 97) {
      Packet x = e.protect (rtp (static_cast<std::uint16_t> (i), 1, 20));
      if (i % 3 == 0)
        continue;
      sent++;
      read += e.read (std::move (x));
    }
    fail_unless_equals_int (read, sent);
  }
}
GST_END_TEST

// The same number twice would be the same key stream twice.
GST_START_TEST (test_two_time_pad)
{
  Ends e;
  e.protect (rtp (7));
  Packet again = rtp (7);
  again[20] = 1;
  again.resize (again.size () + room);
  fail_unless (!e.out->protect (again, again.size () - room));
  fail_unless_equals_uint64 (e.out->counts ().replayed, 1);
}
GST_END_TEST

GST_START_TEST (test_tampered)
{
  for (const SrtpProfile p : profiles) {
    Ends e (p);
    const Packet good = e.protect (rtp (1)), report = e.protect_rtcp (rtcp ());
    for (std::size_t i = 0; i < good.size (); i++) {
      Packet bad = good;
      bad[i] ^= 1;
      fail_unless (!e.read (bad), "byte %u", static_cast<unsigned> (i));
    }
    for (std::size_t i = 0; i < report.size (); i++) {
      Packet bad = report;
      bad[i] ^= 1;
      fail_unless (!e.in->unprotect_rtcp (bad), "byte %u", static_cast<unsigned> (i));
    }
    // And none of it was fatal, or made the window move.
    fail_unless (e.read (good));
    Packet r = report;
    fail_unless (e.in->unprotect_rtcp (r).has_value ());
  }
}
GST_END_TEST

// Short, long, with lies about CSRCs and header extensions.
GST_START_TEST (test_malformed)
{
  for (const SrtpProfile p : profiles) {
    Ends e (p);
    const Packet good = e.protect (rtp (1)), report = e.protect_rtcp (rtcp ());
    for (std::size_t n = 0; n < good.size (); n++)
      fail_unless (!e.read (Packet (good.begin (), good.begin () + static_cast<long> (n))));
    for (std::size_t n = 0; n < report.size (); n++) {
      Packet cut (report.begin (), report.begin () + static_cast<long> (n));
      fail_unless (!e.in->unprotect_rtcp (cut));
    }
    Packet longer = good;
    longer.resize (70000);
    fail_unless (!e.read (longer));
    for (const int first : {0x8f, 0x90, 0x9f, 0xbf}) {
      Packet lies = rtp (2, 1, 16);
      lies[0] = static_cast<std::uint8_t> (first);
      lies[14] = 0xff; // length of the extension
      lies[15] = 0xff;
      fail_unless (!e.read (lies));
      lies.resize (lies.size () + room);
      e.out->protect (lies, lies.size () - room); // refused or not, within its bounds
    }
    Packet tight = rtp (3);
    fail_unless (!e.out->protect (tight, tight.size ())); // no room for the tag
    fail_unless (!e.out->protect (tight, 11));
    Packet report_tight = rtcp ();
    fail_unless (!e.out->protect_rtcp (report_tight, report_tight.size ()));
    fail_unless (e.read (good));
  }
}
GST_END_TEST

// A peer may change its SSRC, but not have any number of them.
GST_START_TEST (test_sources)
{
  SrtpLimits limits;
  limits.sources = 4;
  Ends e (SrtpProfile::aead_aes_128_gcm, limits);
  Ends unlimited;
  for (std::uint32_t ssrc = 1; ssrc <= 4; ssrc++)
    fail_unless (e.read (unlimited.protect (rtp (1, ssrc))));
  fail_unless (!e.read (unlimited.protect (rtp (1, 5))));
  fail_unless_equals_uint64 (e.in->counts ().too_many_sources, 1);
  fail_unless (e.read (unlimited.protect (rtp (2, 4))));
  // Forged ones take no place.
  Ends fresh (SrtpProfile::aead_aes_128_gcm, limits);
  for (std::uint32_t ssrc = 100; ssrc < 200; ssrc++)
    fail_unless (!fresh.read (rtp (1, ssrc)));
  fail_unless (fresh.read (unlimited.protect (rtp (3, 4))));
}
GST_END_TEST

static Suite *net_srtp_suite (void)
{
  Suite *s = suite_create ("rtc-net_srtp");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_both_ways);
  tcase_add_test (t, test_replay_window);
  tcase_add_test (t, test_roll_over);
  tcase_add_test (t, test_two_time_pad);
  tcase_add_test (t, test_tampered);
  tcase_add_test (t, test_malformed);
  tcase_add_test (t, test_sources);
  return s;
}
GST_CHECK_MAIN (net_srtp)
