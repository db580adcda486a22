// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures → frames → pictures, and what is no frame.
#include "delta_fixture.h"

using namespace reach;
using namespace reach::delta;
using namespace reach::delta::test;

namespace {
using Outcome = Decoder::Outcome;
constexpr auto drop = Decoder::OnCorruption::drop_until_key;
constexpr auto pass = Decoder::OnCorruption::pass;
constexpr EncoderSettings exact{.thresholds = {.common = 0}, .min_change_area = 0};

Layout small ()
{
  return *Layout::make ("I420", 70, 50);
}

struct Pair {
  explicit Pair (const Layout &l, const EncoderSettings &s = exact)
      : now (l, 30), encoder (l, s), decoder (l)
  {
  }
  std::vector<std::uint8_t> frame (bool full = false)
  {
    return encode (encoder, now.look (), full);
  }
  Outcome take (Bytes b, Decoder::OnCorruption policy = drop, bool lost = false)
  {
    return decoder.input (b, lost, policy, none);
  }
  int error () { return farthest (now.layout, now.look (), decoder.picture ()); }

  Picture now;
  Encoder encoder;
  Decoder decoder;
  NoInflater none;
};

Rect any_rect (std::mt19937 &random, const Layout &l)
{
  const unsigned x = random () % l.columns (), y = random () % l.rows ();
  return rect (x, y, 1 + random () % (l.columns () - x), 1 + random () % (l.rows () - y));
}

Kind kind_of (const std::vector<std::uint8_t> &frame)
{
  return static_cast<Kind> (frame.at (1));
}

std::vector<std::uint8_t> frame_of (
    Kind kind, std::vector<Rect> rects, std::size_t payload, std::uint32_t sequence = 1)
{
  std::vector<std::uint8_t> f (FrameHeader::size (rects.size ()) + payload);
  write_header ({kind, Coding::raw, sequence}, rects, f.data ());
  return f;
}
} // namespace

GST_START_TEST (test_exact_in_every_format)
{
  std::mt19937 random (7);
  for (const Format &f : formats ())
    for (const auto &[width, height] : {std::pair (1u, 1u), {17u, 33u}, {160u, 90u}, {161u, 91u}})
      for (const unsigned differences : {0u, 5u}) {
        EncoderSettings s = exact;
        s.difference_interval = differences;
        Pair p (*Layout::make (f.name, width, height), s);
        for (int i = 0; i < 12; i++) {
          if (i % 4 != 3)
            p.now.scribble (random, any_rect (random, p.now.layout));
          fail_unless (p.take (p.frame ()) == Outcome::shown);
          fail_unless (p.error () == 0, "%s %ux%u, picture %d", f.name.data (), width, height, i);
        }
      }
}
GST_END_TEST

GST_START_TEST (test_only_what_changed_travels)
{
  Pair p (small ());
  p.take (p.frame ());
  p.now.at (0, 20, 20) ^= 0xff;
  const auto f = p.frame ();
  fail_unless_equals_int (f.size (), FrameHeader::size (1) + 256 + 2 * 64);
  fail_unless (p.take (f) == Outcome::shown);
  fail_unless_equals_int (p.decoder.changed ().size (), 1);
  fail_unless (p.decoder.changed ()[0] == rect (1, 1, 1, 1));
  fail_unless_equals_int (p.frame ().size (), FrameHeader::fixed);
  fail_unless (p.encoder.look (p.now.look (), false).identical ());
}
GST_END_TEST

// What is below the threshold from picture to picture still counts when it adds up.
GST_START_TEST (test_error_stays_below_the_threshold)
{
  EncoderSettings s;
  s.full_interval = 0;
  s.min_change_area = 0;
  Pair p (*Layout::make ("GRAY8", 70, 50), s);
  for (int i = 0; i < 200; i++) {
    for (unsigned y = 0; y < 50; y++)
      for (unsigned x = 0; x < 70; x++)
        p.now.at (0, y, x) = static_cast<std::uint8_t> (i + (x > 30 ? y : 0));
    fail_unless (p.take (p.frame ()) == Outcome::shown);
    fail_unless (p.error () <= 8, "picture %d: %d", i, p.error ());
  }
}
GST_END_TEST

GST_START_TEST (test_cadence)
{
  EncoderSettings s = exact;
  s.full_interval = 10;
  s.difference_interval = 4;
  Pair p (small (), s);
  std::string kinds;
  for (int i = 0; i < 22; i++) {
    p.now.at (0, 20, 20)++;
    kinds += "?FPD"[static_cast<int> (kind_of (p.frame (i == 15)))];
  }
  fail_unless_equals_string (kinds.c_str (), "FDDDPDDDPDFDDDPFDDDPDD");
}
GST_END_TEST

GST_START_TEST (test_everything_new_is_a_full_frame)
{
  std::mt19937 random (3);
  Pair p (small ());
  p.frame ();
  p.now.scribble (random, p.now.layout.whole ());
  fail_unless (kind_of (p.frame ()) == Kind::full);
}
GST_END_TEST

GST_START_TEST (test_decoder_waits_for_a_full_frame)
{
  Pair p (small ());
  p.frame ();
  p.now.at (0, 0, 0)++;
  fail_unless (p.take (p.frame ()) == Outcome::waiting);
  fail_unless (p.take (p.frame (true)) == Outcome::shown);
  p.now.at (0, 0, 0)++;
  fail_unless (p.take (p.frame ()) == Outcome::shown);
  p.frame (); // lost
  fail_unless (p.take (p.frame ()) == Outcome::waiting);
  fail_unless (p.take (p.frame ()) == Outcome::waiting);
  fail_unless (p.take (p.frame (true), drop, true) == Outcome::shown);
  fail_unless (p.take (p.frame (), drop, true) == Outcome::waiting);
  fail_unless (p.take (p.frame (true)) == Outcome::shown);
  fail_unless (p.take (Bytes{}) == Outcome::corrupt);
  fail_unless (p.take (p.frame ()) == Outcome::waiting);
  fail_unless (p.take (p.frame (true)) == Outcome::shown && p.error () == 0);
  p.decoder.reset ();
  fail_unless (p.take (p.frame ()) == Outcome::waiting);
}
GST_END_TEST

GST_START_TEST (test_damaged_pictures_pass)
{
  Pair p (small ());
  fail_unless (p.take (p.frame (true)) == Outcome::shown);
  p.frame ();
  fail_unless (p.take (p.frame (), pass) == Outcome::damaged);
  fail_unless (p.take (p.frame (), pass) == Outcome::damaged);
  fail_unless (p.take (Bytes{}, pass) == Outcome::corrupt);
  fail_unless (p.take (p.frame (), pass) == Outcome::damaged);
  fail_unless (p.take (p.frame (), drop) == Outcome::waiting);
  fail_unless (p.take (p.frame (true), pass) == Outcome::shown);
  Pair late (small ());
  late.frame ();
  fail_unless (late.take (late.frame (), pass) == Outcome::waiting);
}
GST_END_TEST

GST_START_TEST (test_what_is_no_frame)
{
  const Layout l = small (); // 5 × 4 blocks
  const std::size_t block = 256 + 2 * 64, all = l.bytes (l.whole ());
  const auto good = [&] (const std::vector<std::uint8_t> &f) {
    return Frame::parse (f, l).has_value ();
  };
  fail_unless (good (frame_of (Kind::plain, {rect (3, 2, 1, 1)}, block)));
  fail_unless (good (frame_of (Kind::plain, {}, 0)));
  fail_unless (good (frame_of (Kind::full, {l.whole ()}, all)));
  fail_if (good (frame_of (Kind::plain, {rect (3, 2, 1, 1)}, block + 1)));
  fail_if (good (frame_of (Kind::plain, {rect (3, 2, 1, 1)}, block - 1)));
  fail_if (good (frame_of (Kind::plain, {rect (5, 2, 1, 1)}, block)));
  fail_if (good (frame_of (Kind::plain, {rect (0, 4, 1, 1)}, block)));
  fail_if (good (frame_of (Kind::plain, {rect (65535, 65535, 65535, 65535)}, block)));
  fail_if (good (frame_of (Kind::plain, {rect (0, 0, 0, 1)}, 0)));
  fail_if (good (frame_of (Kind::plain, {l.whole (), rect (0, 0, 1, 1)}, all + block)));
  fail_if (good (frame_of (Kind::full, {}, 0)));
  fail_if (good (frame_of (Kind::full, {rect (0, 0, 1, 1)}, block)));
  for (const std::size_t at : {0u, 1u, 2u}) {
    auto f = frame_of (Kind::plain, {}, 0);
    f[at] = 9;
    fail_if (good (f), "byte %d", int (at));
  }
  const auto f = frame_of (Kind::plain, {rect (3, 2, 1, 1)}, block);
  for (std::size_t n = 0; n < f.size (); n++)
    fail_if (Frame::parse (Bytes (f).first (n), l).has_value (), "%d bytes", int (n));
}
GST_END_TEST

static Suite *delta_frames_suite ()
{
  Suite *s = suite_create ("delta_frames");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_exact_in_every_format);
  tcase_add_test (tc, test_only_what_changed_travels);
  tcase_add_test (tc, test_error_stays_below_the_threshold);
  tcase_add_test (tc, test_cadence);
  tcase_add_test (tc, test_everything_new_is_a_full_frame);
  tcase_add_test (tc, test_decoder_waits_for_a_full_frame);
  tcase_add_test (tc, test_damaged_pictures_pass);
  tcase_add_test (tc, test_what_is_no_frame);
  return s;
}

GST_CHECK_MAIN (delta_frames)
