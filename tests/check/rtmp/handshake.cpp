// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmpserver/proto/handshake.h"
#include "rtmp_wire.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
using State = Handshake::State;
using Scheme = Handshake::Scheme;
constexpr std::size_t packet = Handshake::packet;

Wire plain_hello (std::uint8_t version = 3)
{
  Wire w = pattern (1 + packet);
  w[0] = version;
  std::fill (w.begin () + 1, w.begin () + 9, std::uint8_t{0});
  return w;
}

std::size_t digest_place (Bytes p, std::size_t base)
{
  return base + 4 +
         static_cast<std::size_t> (p[base] + p[base + 1] + p[base + 2] + p[base + 3]) % 728;
}

Crypto::Digest digest (Bytes p, std::size_t at, std::string_view key)
{
  Wire rest (p.begin (), p.end ());
  rest.erase (rest.begin () + static_cast<std::ptrdiff_t> (at),
      rest.begin () + static_cast<std::ptrdiff_t> (at + 32));
  return crypto ().hmac_sha256 (as_bytes (key), rest);
}

Wire digest_hello (std::size_t base)
{
  Wire w = pattern (1 + packet);
  w[0] = 3;
  w[5] = 9; // a version
  const Bytes c1 = Bytes (w).subspan (1);
  const std::size_t at = digest_place (c1, base);
  std::ranges::copy (digest (c1, at, "Genuine Adobe Flash Player 001"),
      w.begin () + static_cast<std::ptrdiff_t> (1 + at));
  return w;
}

// As a client that knows the digests looks at the answer.
void check_signed (Bytes answer, Bytes c1, std::size_t base)
{
  const Bytes s1 = answer.subspan (1, packet), s2 = answer.subspan (1 + packet);
  const std::size_t at = digest_place (s1, base);
  fail_unless (s1[4] >= 3); // else it would not look
  fail_unless (std::ranges::equal (
      digest (s1, at, "Genuine Adobe Flash Media Server 001"), s1.subspan (at, 32)));
  Wire key;
  put (key, as_bytes ("Genuine Adobe Flash Media Server 001"));
  for (const unsigned b : {0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1,
           0x02, 0x9e, 0x7e, 0x57, 0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6,
           0x36, 0xcf, 0xeb, 0x31, 0xae})
    key.push_back (static_cast<std::uint8_t> (b));
  const auto c = crypto ();
  const auto own = c.hmac_sha256 (key, c1.subspan (digest_place (c1, base), 32));
  fail_unless (std::ranges::equal (c.hmac_sha256 (own, s2.first (packet - 32)), s2.last (32)));
}
} // namespace

GST_START_TEST (test_plain_echo_in_any_split)
{
  Wire w = plain_hello ();
  const Wire c1 (w.begin () + 1, w.end ());
  put (w, pattern (packet, 9)); // C2
  put (w, pattern (5, 77));     // chunks
  for (const std::size_t step : {1u, 7u, 1536u, 1537u, 5000u}) {
    const Crypto c = crypto ();
    Handshake h (c);
    Wire out, rest;
    for (std::size_t at = 0; at < w.size (); at += step) {
      put (rest, h.input (Bytes (w).subspan (at, std::min (step, w.size () - at))));
      put (out, h.poll_transmit ());
    }
    fail_unless (h.state () == State::done && h.scheme () == Scheme::plain);
    fail_unless_equals_int (out.size (), 1 + 2 * packet);
    fail_unless_equals_int (out[0], 3);
    fail_unless (std::ranges::equal (c1, Bytes (out).last (packet)));
    fail_unless (rest == pattern (5, 77));
  }
}
GST_END_TEST

GST_START_TEST (test_versions_0_to_31_are_answered_with_3_text_is_refused)
{
  for (unsigned v = 0; v < 256; v++) {
    const Crypto c = crypto ();
    Handshake h (c);
    h.input (plain_hello (static_cast<std::uint8_t> (v)));
    const Wire out = h.poll_transmit ();
    fail_unless (h.state () == (v < 32 ? State::acknowledgement : State::refused));
    fail_unless (out.empty () == (v >= 32));
    fail_unless (out.empty () || out[0] == 3);
  }
}
GST_END_TEST

GST_START_TEST (test_digest_of_both_schemes)
{
  for (const std::size_t base : {772u, 8u}) {
    const Wire w = digest_hello (base);
    const Crypto c = crypto ();
    Handshake h (c);
    h.input (w);
    fail_unless (h.scheme () == (base == 772 ? Scheme::digest_772 : Scheme::digest_8));
    check_signed (h.poll_transmit (), Bytes (w).subspan (1), base);
  }
}
GST_END_TEST

GST_START_TEST (test_wrong_digest_is_answered_plainly)
{
  Wire w = digest_hello (8);
  w[1400] ^= 1;
  const Crypto c = crypto ();
  Handshake h (c);
  h.input (w);
  fail_unless (h.scheme () == Scheme::plain);
  fail_unless (
      std::ranges::equal (Bytes (w).subspan (1), Bytes (h.poll_transmit ()).last (packet)));
}
GST_END_TEST

GST_START_TEST (test_captured_ffmpeg_hello_has_a_digest)
{
  const Wire w = captured ("rtmp_handshake/ffmpeg");
  fail_unless_equals_int (w.size (), 1 + packet);
  const Crypto c = crypto ();
  Handshake h (c);
  h.input (w);
  fail_unless (h.scheme () != Scheme::plain);
  check_signed (
      h.poll_transmit (), Bytes (w).subspan (1), h.scheme () == Scheme::digest_8 ? 8 : 772);
}
GST_END_TEST

static Suite *handshake_suite ()
{
  Suite *s = suite_create ("rtmp-handshake");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_plain_echo_in_any_split);
  tcase_add_test (tc, test_versions_0_to_31_are_answered_with_3_text_is_refused);
  tcase_add_test (tc, test_digest_of_both_schemes);
  tcase_add_test (tc, test_wrong_digest_is_answered_plainly);
  tcase_add_test (tc, test_captured_ffmpeg_hello_has_a_digest);
  return s;
}
GST_CHECK_MAIN (handshake)
