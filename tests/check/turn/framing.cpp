// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turn/proto/framing.h"
#include "../check.h"
#include "crypto.h"
#include "turn/proto/builder.h"

using namespace reach;
using namespace reach::turn;
using namespace reach::test;

namespace {
using Frames = std::vector<std::vector<std::uint8_t>>;

void collect (StreamFramer &f, Bytes in, Frames &to)
{
  f.input (in);
  std::vector<Bytes> spans; // all of an input stay valid together
  while (auto frame = f.next ())
    spans.push_back (*frame);
  for (const Bytes b : spans)
    to.emplace_back (b.begin (), b.end ());
}

struct Stream {
  std::vector<std::uint8_t> wire;
  Frames frames;

  void add (std::vector<std::uint8_t> frame)
  {
    frames.push_back (frame);
    frame.resize ((frame.size () + 3) & ~std::size_t{3}, 0xee);
    wire.insert (wire.end (), frame.begin (), frame.end ());
  }
};

Stream make_stream ()
{
  Stream s;
  std::uint8_t buffer[100];
  stun::Builder b (buffer, stun::Method::data, stun::Class::indication, {1, 2, 3});
  b.text (stun::Attr::data, "hello");
  const Bytes m = b.message ();
  for (std::uint8_t n = 0; n < 9; n++) {
    std::vector<std::uint8_t> c{0x40, n, 0, n};
    c.resize (4u + n, n);
    s.add (c);
    if (n % 3 == 0)
      s.add ({m.begin (), m.end ()});
  }
  return s;
}
} // namespace

GST_START_TEST (test_kinds)
{
  for (unsigned first = 0; first < 256; first++) {
    const std::uint8_t b[1] = {static_cast<std::uint8_t> (first)};
    const FrameKind expected = first < 4                        ? FrameKind::stun
                               : first >= 0x40 && first <= 0x4f ? FrameKind::channel
                                                                : FrameKind::other;
    fail_unless (kind_of (b) == expected, "%u", first);
  }
  fail_unless (kind_of ({}) == FrameKind::other);
}
GST_END_TEST

GST_START_TEST (test_datagrams)
{
  struct Case {
    const char *name, *wire;
    int payload; // -1: dropped
  };
  static const Case cases[] = {
      {"empty", "40000000", 0},
      {"one byte", "4000000161", 1},
      {"padded", "4000000161000000", 1},
      {"padding of two", "40000001610000", 1},
      {"more than padding", "400000016100000000", -1},
      {"shorter than it says", "4000000261", -1},
      {"no length", "400000", -1},
      {"beyond the channels", "5000000161", -1},
      {"below the channels", "3fff000161", -1},
      {"last channel", "4fff00020102", 2},
  };
  for (const Case &c : cases) {
    const auto wire = hex (c.wire);
    const auto d = parse_channel_data (wire);
    fail_unless (d.has_value () == (c.payload >= 0), "%s", c.name);
    fail_unless (!d || static_cast<int> (d->payload.size ()) == c.payload, "%s", c.name);
  }
}
GST_END_TEST

GST_START_TEST (test_split_at_every_byte)
{
  const Stream s = make_stream ();
  for (std::size_t cut = 0; cut <= s.wire.size (); cut++) {
    StreamFramer f;
    Frames got;
    collect (f, Bytes (s.wire).first (cut), got);
    collect (f, Bytes (s.wire).subspan (cut), got);
    fail_unless (!f.failed () && got == s.frames, "cut at %zu", cut);
  }
}
GST_END_TEST

GST_START_TEST (test_any_pieces)
{
  const Stream s = make_stream ();
  for (std::size_t piece = 1; piece < 50; piece++) {
    StreamFramer f;
    Frames got;
    for (std::size_t at = 0; at < s.wire.size (); at += piece)
      collect (f, Bytes (s.wire).subspan (at, std::min (piece, s.wire.size () - at)), got);
    fail_unless (got == s.frames, "pieces of %zu", piece);
  }
}
GST_END_TEST

GST_START_TEST (test_no_copy_of_whole_frames)
{
  const Stream s = make_stream ();
  StreamFramer f;
  f.input (s.wire);
  while (auto frame = f.next ())
    fail_unless (
        frame->data () >= s.wire.data () && frame->data () < s.wire.data () + s.wire.size ());
}
GST_END_TEST

GST_START_TEST (test_out_of_step)
{
  struct Case {
    const char *name, *wire;
  };
  static const Case cases[] = {
      {"another protocol", "16030100"},
      {"HTTP", "48545450 2f312e31"},
      {"length of STUN", "01010002"},
      {"too long", "4000ffff"},
      {"too long STUN", "0101fffc"},
      {"behind a good one", "4000000080000000"},
  };
  for (const Case &c : cases)
    for (const bool bytewise : {false, true}) {
      StreamFramer f (1024);
      Frames got;
      const auto wire = hex (c.wire);
      for (std::size_t i = 0; i < wire.size (); i += bytewise ? 1 : wire.size ())
        collect (f, Bytes (wire).subspan (i, bytewise ? 1 : wire.size ()), got);
      fail_unless (f.failed (), "%s", c.name);
      collect (f, hex ("40000000"), got);
      fail_unless (f.failed () && got.size () <= 1, "%s", c.name);
      f.reset ();
      collect (f, hex ("40010000"), got);
      fail_unless (!f.failed () && got.back () == hex ("40010000"), "%s", c.name);
    }
}
GST_END_TEST

GST_START_TEST (test_rest)
{
  StreamFramer f;
  Frames got;
  collect (f, hex ("4001"), got);
  const auto wire = hex ("0000ffaabb");
  f.input (wire);
  fail_unless (f.next ().has_value ());
  fail_unless_equals_string (to_hex (f.take_rest ()).c_str (), "ffaabb");
}
GST_END_TEST

static Suite *framing_suite ()
{
  Suite *s = suite_create ("turn-framing");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_kinds);
  tcase_add_test (tc, test_datagrams);
  tcase_add_test (tc, test_split_at_every_byte);
  tcase_add_test (tc, test_any_pieces);
  tcase_add_test (tc, test_no_copy_of_whole_frames);
  tcase_add_test (tc, test_out_of_step);
  tcase_add_test (tc, test_rest);
  return s;
}
GST_CHECK_MAIN (framing)
