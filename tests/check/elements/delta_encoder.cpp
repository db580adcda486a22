// SPDX-License-Identifier: LGPL-2.1-or-later
// camdeltaenc: what it sends, when, and how it is flagged.
#include "delta_fixture.h"
#include <vector>

using namespace reach::test;

namespace {
const std::string vga = raw_caps ("I420", 320, 240);

guint8 kind_of (const BufferPtr &b)
{
  guint8 head[2];
  fail_unless_equals_int (gst_buffer_extract (b.get (), 0, head, 2), 2);
  return head[1];
}
} // namespace

GST_START_TEST (test_first_is_full_then_what_changes)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc name=x compression=none region-metas=true");
  enc.start (vga);
  auto b = enc.through (p.plain ());
  fail_unless (b && is_key (b));
  fail_unless (gst_buffer_get_size (b.get ()) >= 320 * 240 * 3 / 2);
  fail_unless_str (regions_of (b), "0,0+320x240 ");
  b = enc.through (p.square (100, 60, 10, 200));
  fail_unless (b && !is_key (b));
  fail_unless_str (regions_of (b), "96,48+16x32 ");
  fail_unless_equals_int (gst_buffer_get_size (b.get ()), 12 + 8 + 512 * 3 / 2);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (b.get ()), GST_SECOND / 30);
  fail_unless (enc.caps_out ().starts_with ("video/x-cam-delta, "));
  fail_unless_equals_uint64 (enc.count ("pictures"), 2);
  fail_unless_equals_uint64 (enc.count ("full-frames"), 1);
  fail_unless_equals_uint64 (enc.count ("rectangles"), 2);
}
GST_END_TEST

GST_START_TEST (test_small_changes_are_ignored)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc name=x");
  enc.start (vga);
  enc.through (p.plain ());
  fail_if (enc.through (p.square (50, 50, 3, 255)));     // 9 pixels
  fail_unless (enc.through (p.square (50, 50, 4, 255))); // 16
  Harness all ("camdeltaenc min-change-area-size=0");
  Pictures q (vga);
  all.start (vga);
  all.through (q.plain ());
  fail_unless (all.through (q.square (50, 50, 1, 255)));
  fail_if (all.through (q.square (50, 50, 1, 254))); // below the threshold
}
GST_END_TEST

GST_START_TEST (test_identical_pictures_become_gaps)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc name=x keepalive-interval=100 full-frame-interval=0");
  GstBus *bus = gst_bus_new ();
  gst_element_set_bus (enc.h->element, bus);
  enc.start (vga);
  fail_unless (enc.through (p.plain ()));
  enc.downstream (GST_EVENT_GAP);
  unsigned gaps = 0;
  for (int i = 0; i < 30; i++) {
    fail_if (enc.through (p.plain ()));
    gaps += enc.downstream (GST_EVENT_GAP);
  }
  fail_unless (gaps >= 7 && gaps <= 10, "%u", gaps); // a second of pictures
  fail_unless_equals_uint64 (enc.count ("identical"), 30);
  GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_QOS);
  fail_unless (m == nullptr, "an identical picture was reported as dropped");
  gst_element_set_bus (enc.h->element, nullptr);
  gst_object_unref (bus);
  Harness every ("camdeltaenc skip-identical=false");
  Pictures q (vga);
  every.start (vga);
  every.through (q.plain ());
  const auto b = every.through (q.plain ());
  fail_unless (b && !is_key (b) && gst_buffer_get_size (b.get ()) == 12);
}
GST_END_TEST

GST_START_TEST (test_full_frames_by_interval)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc full-frame-interval=5");
  enc.start (vga);
  std::string seen;
  for (int i = 0; i < 12; i++) {
    const auto b = enc.through (p.plain ());
    seen += !b ? '-' : is_key (b) ? 'K' : 'd';
  }
  fail_unless_str (seen, "K----K----K-");
}
GST_END_TEST

GST_START_TEST (test_full_frame_on_demand)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc full-frame-interval=0");
  enc.start (vga);
  enc.through (p.plain ());
  fail_if (enc.through (p.plain ()));
  gst_harness_push_upstream_event (
      enc.h, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
  const auto b = enc.through (p.plain ());
  fail_unless (b && is_key (b));
  fail_if (enc.through (p.plain ()));
}
GST_END_TEST

GST_START_TEST (test_difference_interval)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc difference-interval=3");
  enc.start (vga);
  std::string seen;
  for (int i = 0; i < 9; i++) {
    const auto b = enc.through (p.square (32, 32, 16, static_cast<guint8> (i % 2 ? 200 : 100)));
    fail_unless (b != nullptr);
    seen += "?FPD"[kind_of (b)];
  }
  fail_unless_str (seen, "FDDPDDPDD");
}
GST_END_TEST

GST_START_TEST (test_flush_begins_again)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc full-frame-interval=0");
  enc.start (vga);
  enc.through (p.plain ());
  fail_if (enc.through (p.plain ()));
  gst_harness_push_event (enc.h, gst_event_new_flush_start ());
  gst_harness_push_event (enc.h, gst_event_new_flush_stop (TRUE));
  GstSegment s;
  gst_segment_init (&s, GST_FORMAT_TIME);
  gst_harness_push_event (enc.h, gst_event_new_segment (&s));
  const auto b = enc.through (p.plain ());
  fail_unless (b && is_key (b));
}
GST_END_TEST

GST_START_TEST (test_pass_through_marks_what_changed)
{
  Pictures p (vga);
  Harness enc ("camdeltaenc pass-through=true full-frame-interval=3");
  enc.start (vga);
  fail_unless_str (regions_of (enc.through (p.plain ())), "0,0+320x240 ");
  auto b = p.square (200, 100, 20, 0);
  GstBuffer *same = b.get ();
  GstMemory *memory = gst_buffer_peek_memory (same, 0);
  auto out = enc.through (std::move (b));
  fail_unless (out && is_key (out));
  fail_unless (gst_buffer_peek_memory (out.get (), 0) == memory, "it was copied");
  fail_unless_str (regions_of (out), "192,96+32x32 ");
  fail_unless (enc.caps_out ().starts_with ("video/x-raw, "));
  for (int i = 0; i < 5; i++)
    fail_if (enc.through (p.square (200, 100, 20, 0)));
}
GST_END_TEST

GST_START_TEST (test_test_mode_outlines)
{
  Pictures p (vga);
  Harness both ("camdeltaenc test-mode=true name=x ! camdeltadec");
  both.start (vga);
  both.through (p.plain ());
  auto in = p.square (200, 100, 20, 0);
  BufferPtr copy (gst_buffer_copy (in.get ()));
  auto out = both.through (std::move (in));
  fail_unless (out != nullptr);
  GstVideoFrame f;
  fail_unless (gst_video_frame_map (&f, &p.info, out.get (), GST_MAP_READ));
  fail_unless_equals_int (*Pictures::component (f, 0, 192, 96), 0x55 ^ 0x80);
  fail_unless_equals_int (*Pictures::component (f, 0, 223, 127), 0x55 ^ 0x80);
  fail_unless_equals_int (*Pictures::component (f, 0, 191, 96), 0x55);
  fail_unless_equals_int (*Pictures::component (f, 0, 205, 105), 0);
  gst_video_frame_unmap (&f);
  GstElement *enc = gst_bin_get_by_name (GST_BIN (both.h->element), "x");
  g_object_set (enc, "test-mode", FALSE, nullptr);
  gst_object_unref (enc);
  out = both.through (p.square (200, 100, 20, 0)); // the marks must go, though nothing changed
  fail_unless (out && p.farthest (out.get (), copy.get ()) == 0);
}
GST_END_TEST

static Suite *delta_encoder_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("delta_encoder");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_first_is_full_then_what_changes);
  tcase_add_test (tc, test_small_changes_are_ignored);
  tcase_add_test (tc, test_identical_pictures_become_gaps);
  tcase_add_test (tc, test_full_frames_by_interval);
  tcase_add_test (tc, test_full_frame_on_demand);
  tcase_add_test (tc, test_difference_interval);
  tcase_add_test (tc, test_flush_begins_again);
  tcase_add_test (tc, test_pass_through_marks_what_changed);
  tcase_add_test (tc, test_test_mode_outlines);
  return s;
}

GST_CHECK_MAIN (delta_encoder)
