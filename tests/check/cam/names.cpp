// SPDX-License-Identifier: LGPL-2.1-or-later
// Caps and tags from a peer: real ones of every kind come through unchanged, hostile ones come to
// nothing and leave nothing behind.
#include "cam/names.h"
#include "../check.h"
#include <gst/video/video.h>
#include <string>
#include <vector>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

using namespace reach;
using namespace reach::cam;

namespace {
std::string text_of (GstCaps *caps)
{
  const CharPtr t (gst_caps_to_string (caps));
  return t.get ();
}

void passes (GstCaps *caps)
{
  const std::string text = text_of (caps);
  const auto got = caps_from_peer (text);
  fail_unless (static_cast<bool> (got), "refused: %s", text.c_str ());
  fail_unless (gst_caps_is_strictly_equal (got.get (), caps), "changed: %s → %s", text.c_str (),
      text_of (got.get ()).c_str ());
}

void passes (const char *text)
{
  const auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (text));
  fail_unless (static_cast<bool> (caps), "GStreamer does not know: %s", text);
  passes (caps.get ());
}

void refused (const std::string &text)
{
#ifdef __SANITIZE_ADDRESS__
  const __lsan::ScopedDisabler lists; // that GStreamer cannot read to their end
#endif
  fail_unless (!caps_from_peer (text), "accepted: %.200s", text.c_str ());
}

// The next quark; they are numbered one after the other.
GQuark fresh_quark ()
{
  static int n = 0;
  return g_quark_from_string (("fresh-name-" + std::to_string (n++)).c_str ());
}
} // namespace

GST_START_TEST (test_real_caps)
{
  const char *const real[] = {
      "video/x-h264, stream-format=(string)avc, alignment=(string)au, level=(string)3.1, "
      "profile=(string)high, codec_data=(buffer)0164001fffe1001a6764001facd9405005bb016a02020280, "
      "width=(int)1280, height=(int)720, framerate=(fraction)30000/1001, "
      "pixel-aspect-ratio=(fraction)1/1, interlace-mode=(string)progressive, "
      "colorimetry=(string)bt709, chroma-format=(string)4:2:0, bit-depth-luma=(uint)8, "
      "parsed=(boolean)true",
      "video/x-raw, format=(string)I420, width=(int)1920, height=(int)1080, "
      "interlace-mode=(string)interleaved, field-order=(string)top-field-first, "
      "multiview-mode=(string)mono, "
      "multiview-flags=(GstVideoMultiviewFlagsSet)0:ffffffff:/right-view-first/left-flipped/"
      "left-flopped/right-flipped/right-flopped/half-aspect/mixed-mono, "
      "pixel-aspect-ratio=(fraction)1/1, chroma-site=(string)mpeg2, colorimetry=(string)2:4:7:1, "
      "framerate=(fraction)0/1, max-framerate=(fraction)60/1, views=(int)1",
      "video/x-raw(memory:DMABuf), format=(string)NV12, width=(int)64, height=(int)64",
      "video/x-raw(memory:GLMemory, meta:GstVideoOverlayComposition), format=(string)RGBA, "
      "width=(int)64, height=(int)64, texture-target=(string)2D",
      "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int)48000, "
      "channels=(int)6, channel-mask=(bitmask)0x000000000000003f",
      "audio/x-opus, channels=(int)2, channel-mapping-family=(int)0, "
      "streamheader=(buffer)< 4f707573486561640102380180bb0000000000, 4f707573546167730000 >",
      "audio/x-vorbis, streamheader=(buffer)< 01766f72, 03766f72, 05766f72 >, rate=(int)44100",
      "audio/mpeg, mpegversion=(int)4, framed=(boolean)true, stream-format=(string)raw, "
      "codec_data=(buffer)1190, base-profile=(string)lc, bitrate=(uint)128000",
      "text/x-raw, format=(string)utf8",
      "application/x-rtp, media=(string)video, clock-rate=(int)90000, "
      "encoding-name=(string)H264, packetization-mode=(string)1, profile-level-id=(string)64001f, "
      "sprop-parameter-sets=(string)\"Z2QAH6zZQFAFuwFqAgICgAAAAwCAAAAeB4wYyw\\=\\=\\,aOvjyyLA\", "
      "payload=(int)96, ssrc=(uint)3735928559, timestamp-offset=(uint)4294967295, "
      "seqnum-offset=(uint)7, a-framerate=(string)30, rtcp-fb-nack-pli=(boolean)true, "
      "extmap-1=(string)< \"\", urn:ietf:params:rtp-hdrext:sdes:mid, \"\" >",
      "application/x-app-data, depth=(int)-5, big=(guint64)18446744073709551615, "
      "small=(gint64)-9223372036854775808, ratio=(double)-0.25, day=(date)2024-02-29, "
      "when=(datetime)2024-02-29T12:30:00Z",
      "meta/x-klv, parsed=(boolean)true",
      "image/jpeg",
  };
  for (const char *text : real)
    passes (text);
}
GST_END_TEST

GST_START_TEST (test_difficult_strings)
{
  for (const char *s : {"", " ", "a, b=(int)5", "x; video/x-raw", "\"quoted\"", "back\\slash",
           "(string)", "{ 1, 2 }", "[ 1, 2 ]", "< a >", "Grüße 東京", "tab\tnewline\n", "=", "NULL",
           "many, names=1, in=2, one=3; text(a:b)"}) {
    const auto caps = Ref<GstCaps>::adopt (gst_caps_new_simple (
        "text/x-raw", "title", G_TYPE_STRING, s, "after", G_TYPE_INT, 1, nullptr));
    passes (caps.get ());
  }
}
GST_END_TEST

GST_START_TEST (test_made_values)
{
  // Multiview and flag fields as elements make them.
  auto video = Ref<GstCaps>::adopt (gst_caps_new_simple ("video/x-raw", "multiview-flags",
      GST_TYPE_VIDEO_MULTIVIEW_FLAGSET, GST_VIDEO_MULTIVIEW_FLAGS_LEFT_FLOPPED,
      GST_FLAG_SET_MASK_EXACT, "fallback", G_TYPE_BOOLEAN, TRUE, nullptr));
  passes (video.get ());
  auto flags = Ref<GstCaps>::adopt (gst_caps_new_simple (
      "video/x-raw", "set", GST_TYPE_FLAG_SET, 5u, GST_FLAG_SET_MASK_EXACT, nullptr));
  passes (flags.get ());

  // Arrays in arrays (a mix matrix).
  GValue rows = G_VALUE_INIT;
  g_value_init (&rows, GST_TYPE_ARRAY);
  for (int r = 0; r < 3; r++) {
    GValue row = G_VALUE_INIT, cell = G_VALUE_INIT;
    g_value_init (&row, GST_TYPE_ARRAY);
    g_value_init (&cell, G_TYPE_DOUBLE);
    for (int c = 0; c < 2; c++) {
      g_value_set_double (&cell, r + c * 0.5);
      gst_value_array_append_value (&row, &cell);
    }
    g_value_unset (&cell);
    gst_value_array_append_and_take_value (&rows, &row);
  }
  auto matrix = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("audio/x-raw"));
  gst_caps_set_value (matrix.get (), "mix-matrix", &rows);
  g_value_unset (&rows);
  passes (matrix.get ());

  auto big = Ref<GstCaps>::adopt (gst_caps_new_simple (
      "video/x-h264", "codec_data", GST_TYPE_BUFFER, nullptr, "width", G_TYPE_INT, 1, nullptr));
  auto data = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, 7000, nullptr));
  gst_buffer_memset (data.get (), 0, 0xa5, 7000);
  gst_caps_set_simple (big.get (), "codec_data", GST_TYPE_BUFFER, data.get (), nullptr);
  passes (big.get ());
}
GST_END_TEST

GST_START_TEST (test_tags)
{
  auto tags = Ref<GstTagList>::adopt (gst_tag_list_new (GST_TAG_TITLE, "A \"title\", with (all)",
      GST_TAG_BITRATE, 128000u, GST_TAG_LANGUAGE_CODE, "de", nullptr));
  gst_tag_list_add (tags.get (), GST_TAG_MERGE_APPEND, GST_TAG_ARTIST, "one", GST_TAG_ARTIST, "two",
      GST_TAG_DURATION, G_GUINT64_CONSTANT (123456789), GST_TAG_GEO_LOCATION_LATITUDE, 48.2,
      nullptr);
  const CharPtr text (gst_tag_list_to_string (tags.get ()));
  const auto got = tags_from_peer (text.get ());
  fail_unless (got && gst_tag_list_is_equal (got.get (), tags.get ()), "%s", text.get ());
  for (const char *bad :
      {"", "nonsense=", "taglist, title=\"\"", "taglist ;D", "taglist, title=(string)a; taglist",
          "taglist;;", "taglistx y", "taglist, title=(structure)\"x, y=(int)1;\"", "taglist, a"})
    fail_unless (!tags_from_peer (bad), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_hostile)
{
  const char *const hostile[] = {"video/x-raw;;", "video/x-raw(memory:A:B)",
      "video/x-raw(memory), a=1", "video/x-raw(memory:)", "video/x-raw(m3mory:A)",
      "video/x-raw(memory:9A)", "video/x-raw(memory:A,,memory:B)", "video/x-raw(ANY)",
      "a/b(memory:A)5", "a/b(memory:A\n)", "a/b(memory:A ), x=1", "2+}a", "a}b", "<a", "a/b, <x=1",
      "a/b, x=1>", "a/b, x=y=1", "a/b(memory:A) 5/6", "video/x-raw; ;", "1/2, x=(int)1", "-a",
      "a b", "video/x-raw-yuv", "audio/x-raw-int, rate=(int)1", "video/x-raw; audio/x-raw-int",
      "a/b, x=(buffer)zz<", "a/b, x=(buffer)zz=1", "a/b, x=(buffer)zz(int)1",
      "a/b, x=(buffer)\"zz\"", "a/b, x=(buffer)00 zz", "a/b, x=(GstBuffer)000",
      "a/b, x=(buffer)< 00, zz >", "a/b, x=(buffer)< (string)x, zz >", "a/b, x=(buffer)zz; a/b", "",
      " ", ";", ",", "=", "(", ")", "\"", "ANY", "EMPTY", "video/x-raw, width=[ 1, 100 ]",
      "video/x-raw, width={ 1, 2 }", "video/x-raw, s=(structure)\"name-zz1, field-zz1=(int)1;\"",
      "video/x-raw, s=(structure)[name-zz2, field-zz2=(int)1;]", "video/x-raw, s=[name-zz2]",
      "video/x-raw, c=(GstCaps)\"name-zz3, field-zz3=(int)1\"", "video/x-raw, c=(caps)[name-zz4]",
      "video/x-raw, s=(GstStructure)\"name-zz5\"", "video/x-raw, s=( GstStructure )name-zz6",
      "video/x-raw, s=(sample)Zm9v:bmFtZQ==:None:name-zz7", "video/x-raw, t=(taglist)\"name-zz8\"",
      "video/x-raw, f=(GstCapsFeatures)name-zz9", "video/x-raw, a=(structure)< \"name-zz10\" >",
      "video/x-raw, a=< (structure)\"name-zz11, b=1\" >", "video/x-raw, t=(type)gint",
      "video/x-raw, \"name-zz12\"=1", "\"name-zz13\"", "video/x-raw, name\\ zz14=1",
      "video/x-raw, x=\"unbalanced", "video/x-raw, x=\"unbalanced\\\"", "video/x-raw(memory:A",
      "video/x-raw, x=(string", "video/x-raw, x=(no-such-type)1", "video/x-raw, x=(GObject)1",
      "video/x-raw, x=(pointer)1", "video/x-raw, x=\xff\xfe", "video/x-raw, x=\"\xc0\x80\"",
      "video/x-raw, x=1 y=2", "video/x-raw, =1", "video/x-raw, x=", "/, x=1", "video/x-raw, x=<",
      "video/x-raw, x=(fraction)1/0", "video/x-raw, x=(date)2024-02-31",
      "video/x-raw, x=(datetime)2024-13-45", "video/x-raw, x=(int)99999999999999999999",
      "video/x-raw, x=(buffer)0", "video/x-raw, x=(buffer)xy", "video/x-raw, x=(GEnum)1",
      "video/x-raw, x=(GFlags)1"};
  for (const char *text : hostile)
    refused (text);
  for (int i = 1; i <= 14; i++)
    for (const char *kind : {"name-zz", "field-zz"})
      fail_unless (g_quark_try_string ((kind + std::to_string (i)).c_str ()) == 0,
          "%s%d became a quark", kind, i);
  refused (std::string ("video/x-raw, a=1\0, b=2", 22));
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  const std::string name (max_name, 'n');
  fail_unless (static_cast<bool> (caps_from_peer ("video/x-raw, " + name + "=1")));
  refused ("video/x-raw, " + name + "n=1");
  refused ("v" + name);
  refused ("video/x-raw(m" + name + "), a=1");

  const std::string head = "video/x-raw, x=(string)";
  const std::string whole = head + std::string (max_caps_text - head.size (), 'x');
  fail_unless (static_cast<bool> (caps_from_peer (whole)));
  refused (whole + "x");

  const auto nested = [] (std::size_t depth) {
    return "audio/x-raw, m=" + std::string (depth, '<') + "1" + std::string (depth, '>');
  };
  fail_unless (static_cast<bool> (caps_from_peer (nested (8))));
  refused (nested (9));
  refused (nested (8000));
  refused ("audio/x-raw, m=" + std::string (16000, '<'));
  refused ("audio/x-raw, m=" + std::string (16000, '{'));
}
GST_END_TEST

// A list that cannot be read costs memory for good in GStreamer 1.22, so that has an end as well.
GST_START_TEST (test_unreadable_lists)
{
  passes ("audio/x-raw, m=(int)< 1, 2 >");
  for (int i = 0; i < max_unreadable_lists; i++)
    refused ("audio/x-raw, m=(int)< 1, x >");
  refused ("audio/x-raw, m=(int)< 1, 2 >");
  passes ("audio/x-raw, m=(int)1");
}
GST_END_TEST

// The quark table is for good, so invented names must stop somewhere; those that are known go on.
GST_START_TEST (test_invented_names)
{
  passes ("video/x-raw, format=(string)I420, width=(int)1, height=(int)1");
  const GQuark before = fresh_quark ();
  const int n = 1000000;
  for (int i = 0; i < n; i++) {
    const std::string k = std::to_string (i);
    switch (i % 4) {
    case 0:
      caps_from_peer ("video/x-raw, invented-" + k + "=(int)1");
      break;
    case 1:
      caps_from_peer ("application/x-invented-" + k);
      break;
    case 2:
      caps_from_peer ("video/x-raw(memory:Invented" + k + "), width=(int)1");
      break;
    default:
      tags_from_peer ("taglist, invented-tag-" + k + "=(string)x");
    }
  }
  const GQuark grown = fresh_quark () - before - 1;
  g_print ("%d invented names have left %u quarks\n", n, grown);
  fail_unless (grown <= max_new_names, "%u", grown);
  refused ("video/x-raw, one-more=(int)1");
  fail_unless (!admit_name ("one-more") && admit_name ("width") && !admit_name (""));
  passes ("video/x-raw, format=(string)I420, width=(int)1, height=(int)1");
}
GST_END_TEST

static Suite *names_suite ()
{
  g_type_ensure (GST_TYPE_VIDEO_MULTIVIEW_FLAGSET); // as the plugin does
  Suite *s = suite_create ("cam-names");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_real_caps);
  tcase_add_test (tc, test_difficult_strings);
  tcase_add_test (tc, test_made_values);
  tcase_add_test (tc, test_tags);
  tcase_add_test (tc, test_hostile);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_unreadable_lists);
  tcase_add_test (tc, test_invented_names);
  return s;
}
GST_CHECK_MAIN (names)
