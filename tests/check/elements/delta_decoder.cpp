// SPDX-License-Identifier: LGPL-2.1-or-later
// camdeltadec behind camdeltaenc: pictures come out as they went in; late joins, losses and bytes
// that are no frames.
#include "delta_fixture.h"
#include <vector>

using namespace reach::test;

namespace {
const std::string vga = raw_caps ("I420", 320, 240);
const std::string coded = "video/x-cam-delta,format=I420,width=320,height=240,framerate=30/1";

// Frames of a moving square, the first of them full.
std::vector<BufferPtr> frames (Pictures &p, int n)
{
  Harness enc ("camdeltaenc full-frame-interval=0");
  enc.start (vga);
  std::vector<BufferPtr> out;
  for (int i = 0; i < n; i++)
    out.push_back (enc.through (p.square (10 + 20 * i, 50, 20, 200)));
  return out;
}

// `n` pictures of random rectangles through both elements; the largest error of all.
int round_trip (const char *format, int width, int height, const char *options, int n)
{
  const std::string caps = raw_caps (format, width, height);
  Pictures p (caps);
  Harness both ((std::string ("camdeltaenc ") + options + " ! camdeltadec").c_str ());
  both.start (caps);
  std::mt19937 random (5);
  int most = 0;
  for (int i = 0; i < n; i++) {
    auto in = p.make ([&] (GstVideoFrame &f) {
      for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&f); c++) {
        const int w = GST_VIDEO_FRAME_COMP_WIDTH (&f, c), h = GST_VIDEO_FRAME_COMP_HEIGHT (&f, c);
        const int x = static_cast<int> (random () % unsigned (w));
        const int y = static_cast<int> (random () % unsigned (h));
        for (int v = 0; v < h; v++)
          for (int u = 0; u < w; u++) // a little noise, and one square of new pixels
            *Pictures::component (f, c, u, v) = static_cast<guint8> (
                100 + random () % 4 + (u >= x && v >= y && u < x + 40 && v < y + 40 ? 60 : 0));
      }
    });
    const BufferPtr keep (gst_buffer_copy (in.get ()));
    const auto out = both.through (std::move (in));
    fail_unless (out != nullptr, "%s %dx%d: picture %d", format, width, height, i);
    most = std::max (most, p.farthest (keep.get (), out.get ()));
  }
  GstVideoInfo info;
  GstCaps *c = gst_pad_get_current_caps (both.h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, c) && gst_video_info_is_equal (&info, &p.info));
  gst_caps_unref (c);
  return most;
}

constexpr const char *every_format[] = {"I420", "YV12", "NV12", "NV21", "Y42B", "Y444", "YUY2",
    "UYVY", "GRAY8", "RGB", "BGR", "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR"};
} // namespace

GST_START_TEST (test_exact_without_thresholds)
{
  const char *options = "pixel-threshold=0 min-change-area-size=0 skip-identical=false";
  for (const char *format : every_format)
    for (const auto &[width, height] : {std::pair (97, 61), {64, 48}})
      fail_unless_equals_int (round_trip (format, width, height, options, 4), 0);
  fail_unless_equals_int (round_trip ("I420", 1, 1, options, 3), 0);
  const std::string more = std::string (options) + " difference-interval=4 compression=";
  fail_unless_equals_int (round_trip ("NV12", 161, 91, (more + "none").c_str (), 9), 0);
  fail_unless_equals_int (round_trip ("BGRA", 161, 91, (more + "zlib").c_str (), 9), 0);
}
GST_END_TEST

// No channel of a pixel can be farther off than all of its channels together may be.
GST_START_TEST (test_error_is_bounded)
{
  const char *each = "min-change-area-size=0 skip-identical=false pixel-threshold=-1 "
                     "pixel-threshold-r=3 pixel-threshold-g=3 pixel-threshold-b=3";
  for (const char *format : every_format) {
    fail_unless (round_trip (format, 97, 61, each, 5) <= 3, "%s", format);
    fail_unless (
        round_trip (format, 97, 61, "min-change-area-size=0 skip-identical=false", 5) <= 8 * 4,
        "%s", format);
  }
  fail_unless (round_trip ("I420", 97, 61, each, 5) > 0, "noise should be ignored");
}
GST_END_TEST

GST_START_TEST (test_caps_come_back)
{
  const std::string caps = raw_caps ("NV12", 320, 240) +
                           ",colorimetry=bt709,chroma-site=mpeg2,interlace-mode=progressive,"
                           "pixel-aspect-ratio=4/3";
  Pictures p (caps);
  Harness both ("camdeltaenc ! camdeltadec");
  both.start (caps);
  fail_unless (both.through (p.plain ()) != nullptr);
  GstCaps *in = gst_caps_from_string (caps.c_str ());
  GstCaps *out = gst_pad_get_current_caps (both.h->sinkpad);
  fail_unless (gst_caps_is_equal (in, out), "%s", both.caps_out ().c_str ());
  gst_caps_unref (in);
  gst_caps_unref (out);
}
GST_END_TEST

GST_START_TEST (test_caps_change_in_between)
{
  Harness both ("camdeltaenc name=x ! camdeltadec");
  for (const char *format : {"I420", "BGRx", "I420"})
    for (const int width : {320, 161}) {
      Pictures p (raw_caps (format, width, 90));
      both.start (p.caps);
      for (int i = 0; i < 2; i++) {
        auto in = p.square (10, 10, 20, static_cast<guint8> (200 * i));
        const BufferPtr keep (gst_buffer_copy (in.get ()));
        const auto out = both.through (std::move (in));
        fail_unless (out && p.farthest (keep.get (), out.get ()) == 0, "%s %d", format, width);
      }
    }
  fail_unless_equals_uint64 (both.count ("pictures"), 12);
}
GST_END_TEST

GST_START_TEST (test_joins_late)
{
  Pictures p (vga);
  auto f = frames (p, 4);
  Harness dec ("camdeltadec name=x");
  dec.start (coded);
  fail_if (dec.through (std::move (f[1])));
  fail_unless_equals_int (dec.key_requests (), 1);
  fail_if (dec.through (std::move (f[2])));
  fail_unless_equals_int (dec.key_requests (), 0); // not for every frame
  fail_unless_equals_uint64 (dec.count ("waiting"), 2);
  fail_unless (dec.through (std::move (f[0])) != nullptr);
  fail_unless_equals_uint64 (dec.count ("pictures"), 1);
}
GST_END_TEST

GST_START_TEST (test_loss)
{
  Pictures p (vga);
  auto f = frames (p, 6);
  Harness dec ("camdeltadec");
  dec.start (coded);
  fail_unless (dec.through (std::move (f[0])) != nullptr);
  fail_unless (dec.through (std::move (f[1])) != nullptr);
  fail_unless_equals_int (dec.key_requests (), 0);
  fail_if (dec.through (std::move (f[3]))); // one is missing
  fail_if (dec.through (std::move (f[4])));
  fail_unless_equals_int (dec.key_requests (), 1);
  Pictures q (vga);
  auto g = frames (q, 3);
  Harness dis ("camdeltadec");
  dis.start (coded);
  fail_unless (dis.through (std::move (g[0])) != nullptr);
  GST_BUFFER_FLAG_SET (g[1].get (), GST_BUFFER_FLAG_DISCONT);
  fail_if (dis.through (std::move (g[1])));
  fail_unless_equals_int (dis.key_requests (), 1);
}
GST_END_TEST

GST_START_TEST (test_damaged_pictures_pass)
{
  Pictures p (vga);
  auto f = frames (p, 4);
  Harness dec ("camdeltadec on-corruption=pass name=x");
  dec.start (coded);
  fail_unless (dec.through (std::move (f[0])) != nullptr);
  const auto b = dec.through (std::move (f[2]));
  fail_unless (b && GST_BUFFER_FLAG_IS_SET (b.get (), GST_BUFFER_FLAG_CORRUPTED));
  fail_unless_equals_int (dec.key_requests (), 1);
  fail_unless_equals_uint64 (dec.count ("damaged"), 1);
}
GST_END_TEST

// Every bit of a compressed frame turned over, and every length it could be cut to: never an error
// of the element, and never another picture than the one that was sent.
GST_START_TEST (test_hostile_bytes)
{
  Pictures p (vga);
  auto f = frames (p, 1);
  const gsize size = gst_buffer_get_size (f[0].get ());
  Harness dec ("camdeltadec name=x");
  dec.start (coded);
  const auto sent = dec.through (BufferPtr (gst_buffer_ref (f[0].get ())));
  fail_unless (sent != nullptr);
  for (gsize bit = 0; bit < size * 8; bit += 1 + bit / 400) {
    BufferPtr b (gst_buffer_copy_deep (f[0].get ()));
    GstMapInfo m;
    fail_unless (gst_buffer_map (b.get (), &m, GST_MAP_READWRITE));
    m.data[bit / 8] ^= static_cast<guint8> (1u << bit % 8);
    gst_buffer_unmap (b.get (), &m);
    const auto out = dec.through (std::move (b));
    fail_unless (!out || p.farthest (out.get (), sent.get ()) == 0, "bit %d", int (bit));
  }
  for (gsize n = 0; n < size; n += 1 + n / 100)
    fail_if (
        dec.through (BufferPtr (gst_buffer_copy_region (f[0].get (), GST_BUFFER_COPY_ALL, 0, n))));
  BufferPtr longer (gst_buffer_append (
      gst_buffer_ref (f[0].get ()), gst_buffer_new_allocate (nullptr, 1, nullptr)));
  fail_if (dec.through (std::move (longer)));
  fail_unless (dec.count ("corrupt") > 100);
  fail_unless (dec.through (std::move (f[0])) != nullptr);
}
GST_END_TEST

GST_START_TEST (test_caps_that_are_too_large)
{
  Pictures p (vga);
  auto f = frames (p, 1);
  Harness dec ("camdeltadec");
  dec.start ("video/x-cam-delta,format=I420,width=16384,height=16384,framerate=30/1");
  fail_unless_equals_int (dec.push (std::move (f[0])), GST_FLOW_NOT_NEGOTIATED);
}
GST_END_TEST

static Suite *delta_decoder_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("delta_decoder");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_exact_without_thresholds);
  tcase_add_test (tc, test_error_is_bounded);
  tcase_add_test (tc, test_caps_come_back);
  tcase_add_test (tc, test_caps_change_in_between);
  tcase_add_test (tc, test_joins_late);
  tcase_add_test (tc, test_loss);
  tcase_add_test (tc, test_damaged_pictures_pass);
  tcase_add_test (tc, test_hostile_bytes);
  tcase_add_test (tc, test_caps_that_are_too_large);
  return s;
}

GST_CHECK_MAIN (delta_decoder)
