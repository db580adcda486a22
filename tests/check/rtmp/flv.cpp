// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmpserver/proto/flv.h"
#include "tag_fixture.h"

using namespace reach;
using namespace reach::test;

namespace {
Wire tag (std::uint8_t type, std::uint32_t timestamp, const Wire &bytes)
{
  return rtmp::flv_tag_header (type, timestamp, bytes.size ()) + bytes +
         rtmp::flv_tag_trailer (bytes.size ());
}

Wire file ()
{
  return rtmp::flv_header (true, true) + tag (18, 0, {1, 2, 3}) +
         tag (9, 0xfedcba98, Wire (300, 4)) + tag (8, 40, {}) + tag (8, 80, {5});
}

std::vector<rtmp::FlvTag> read_all (rtmp::FlvReader &r)
{
  std::vector<rtmp::FlvTag> out;
  while (auto t = r.next ())
    out.push_back (std::move (*t));
  return out;
}

void check_tags (const std::vector<rtmp::FlvTag> &tags)
{
  fail_unless (tags.size () == 4, "%zu tags", tags.size ());
  fail_unless (tags[0].type == rtmp::flv_script && tags[0].body.size () == 3);
  fail_unless (tags[1].type == rtmp::flv_video && tags[1].timestamp == 0xfedcba98);
  fail_unless (tags[1].body.size () == 300 && tags[1].body.bytes[299] == 4);
  fail_unless (tags[2].type == rtmp::flv_audio && tags[2].body.size () == 0);
  fail_unless (tags[3].timestamp == 80 && tags[3].body.bytes[0] == 5);
}
} // namespace

GST_START_TEST (test_bytes)
{
  fail_unless (
      rtmp::flv_header (true, false) == (Wire{'F', 'L', 'V', 1, 4, 0, 0, 0, 9, 0, 0, 0, 0}));
  fail_unless (rtmp::flv_header (false, true)[4] == 1);
  fail_unless (
      tag (9, 0x01020304, {0xaa}) == (Wire{9, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0, 0xaa, 0, 0, 0, 12}));
}
GST_END_TEST

GST_START_TEST (test_split_at_every_byte)
{
  const Wire w = file ();
  for (std::size_t cut = 0; cut <= w.size (); cut++) {
    rtmp::FlvReader r;
    fail_unless (r.input (Bytes (w).first (cut)) && r.input (Bytes (w).subspan (cut)));
    check_tags (read_all (r));
    fail_unless (r.has_audio () && r.has_video ());
  }
  rtmp::FlvReader r;
  std::vector<rtmp::FlvTag> tags;
  for (const std::uint8_t b : w) {
    fail_unless (r.input (Bytes (&b, 1)));
    for (auto &t : read_all (r))
      tags.push_back (std::move (t));
  }
  check_tags (tags);
}
GST_END_TEST

// A tag is there as soon as its body is: a live writer may keep the size behind it for later.
GST_START_TEST (test_no_waiting_for_the_trailer)
{
  const Wire w = rtmp::flv_header (true, true) + tag (8, 40, {1, 2});
  rtmp::FlvReader r;
  fail_unless (r.input (Bytes (w).first (w.size () - 4)));
  fail_unless (read_all (r).size () == 1);
}
GST_END_TEST

// What has an owner, and a body as a whole in it, is not copied.
GST_START_TEST (test_body_by_reference)
{
  const Slice all = slice_of (file ());
  for (std::size_t split = 1; split <= all.size (); split++) {
    rtmp::FlvReader r;
    fail_unless (r.input (all.sub (0, split)) && r.input (all.sub (split, all.size () - split)));
    const auto tags = read_all (r);
    check_tags (tags);
    std::size_t n_shared = 0;
    for (const auto &t : tags) {
      const auto *at = t.body.bytes.data ();
      const bool shared = at >= all.bytes.data () && at < all.bytes.data () + all.size ();
      fail_unless (shared == (t.body.owner.get () == all.owner.get ()));
      n_shared += shared;
    }
    // Only one that is cut is copied.
    fail_unless (n_shared >= tags.size () - 1);
    fail_unless (split < all.size () || n_shared == tags.size ());
  }
}
GST_END_TEST

GST_START_TEST (test_header_with_more)
{
  Wire w = rtmp::flv_header (false, true);
  w[8] = 12;
  w.insert (w.begin () + 9, 3, 0xee);
  w = w + tag (9, 1, {7});
  rtmp::FlvReader r;
  fail_unless (r.input (w));
  fail_unless (read_all (r).size () == 1 && r.has_video () && !r.has_audio ());
}
GST_END_TEST

GST_START_TEST (test_not_flv)
{
  const Wire good = rtmp::flv_header (true, true);
  for (const std::size_t at : {0, 1, 2, 3, 5, 6}) {
    Wire w = good;
    w[at] ^= 0x80;
    rtmp::FlvReader r;
    fail_unless (!r.input (w) && !r.input (good) && !r.next ());
  }
  Wire w = good;
  w[8] = 8; // tags would begin within the header
  rtmp::FlvReader r;
  fail_unless (!r.input (w));
}
GST_END_TEST

GST_START_TEST (test_encrypted_and_too_large)
{
  const Wire start = rtmp::flv_header (true, true) + tag (8, 40, {1});
  rtmp::FlvReader r;
  fail_unless (!r.input (start + tag (0x28, 40, {1})));
  fail_unless (read_all (r).size () == 1, "what came before can be read");
  rtmp::FlvReader small (10);
  fail_unless (small.input (start + tag (9, 0, Wire (10))));
  fail_unless (!small.input (rtmp::flv_tag_header (9, 0, 11)));
  fail_unless (read_all (small).size () == 2);
}
GST_END_TEST

GST_START_TEST (test_wrong_sizes_behind_tags)
{
  Wire w = rtmp::flv_header (true, true) + tag (8, 40, {1}) + tag (8, 80, {2});
  w[13 + 12] = 0xff;
  rtmp::FlvReader r;
  fail_unless (r.input (w) && read_all (r).size () == 2);
}
GST_END_TEST

static Suite *flv_suite ()
{
  Suite *s = suite_create ("rtmp-flv");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_bytes);
  tcase_add_test (tc, test_split_at_every_byte);
  tcase_add_test (tc, test_no_waiting_for_the_trailer);
  tcase_add_test (tc, test_body_by_reference);
  tcase_add_test (tc, test_header_with_more);
  tcase_add_test (tc, test_not_flv);
  tcase_add_test (tc, test_encrypted_and_too_large);
  tcase_add_test (tc, test_wrong_sizes_behind_tags);
  return s;
}
GST_CHECK_MAIN (flv)
