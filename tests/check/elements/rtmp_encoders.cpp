// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw video into rtmpserversink: which encoder is taken, how it is set, what a player decodes.
#include "../rtmp_players.h"
#include "rtmp_source.h"

using namespace reach::test;

namespace {
constexpr const char *raw_video =
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! s.video_0";

// The factories whose elements give `caps`.
std::vector<GstElementFactory *> encoders_of (const char *caps)
{
  GstCaps *wanted = gst_caps_from_string (caps);
  GList *all =
      gst_element_factory_list_get_elements (GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER, GST_RANK_NONE);
  GList *fitting = gst_element_factory_list_filter (all, wanted, GST_PAD_SRC, FALSE);
  std::vector<GstElementFactory *> out;
  for (GList *i = fitting; i; i = i->next)
    out.push_back (GST_ELEMENT_FACTORY (gst_object_ref (i->data)));
  gst_plugin_feature_list_free (fitting);
  gst_plugin_feature_list_free (all);
  gst_caps_unref (wanted);
  return out;
}

// As if they were not installed, in this test only: each runs in a process of its own.
void uninstall (const char *caps)
{
  for (GstElementFactory *f : encoders_of (caps)) {
    gst_registry_remove_feature (gst_registry_get (), GST_PLUGIN_FEATURE (f));
    gst_object_unref (f);
  }
}

// The encoder that a sender has made; each of its properties is asked for once it has caps.
GstElement *encoder_in (Sender &s)
{
  fail_unless (iterate_until ([&s] { return s.stat<guint64> ("messages") > 1; }));
  GstElement *found = nullptr;
  GstIterator *all = gst_bin_iterate_recurse (GST_BIN (s.sink));
  GValue v = G_VALUE_INIT;
  while (!found && gst_iterator_next (all, &v) == GST_ITERATOR_OK) {
    auto *e = GST_ELEMENT (g_value_get_object (&v));
    if (GstElementFactory *f = gst_element_get_factory (e);
        f && gst_element_factory_list_is_type (f, GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER))
      found = GST_ELEMENT (gst_object_ref (e));
    g_value_unset (&v);
  }
  gst_iterator_free (all);
  fail_unless (found != nullptr);
  return found;
}

std::string name_of_encoder (Sender &s)
{
  GstElement *e = encoder_in (s);
  const std::string name = GST_OBJECT_NAME (gst_element_get_factory (e));
  gst_object_unref (e);
  return name;
}

std::string property_of (GstElement *e, const char *name)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, g_object_class_find_property (G_OBJECT_GET_CLASS (e), name)->value_type);
  g_object_get_property (G_OBJECT (e), name, &v);
  gchar *text = gst_value_serialize (&v);
  const std::string out = text ? text : "";
  g_free (text);
  g_value_unset (&v);
  return out;
}
} // namespace

// FFmpeg is what ffplay decodes with; told which decoder to take, no other codec passes.
GST_START_TEST (test_raw_video_reaches_ffmpeg)
{
  const bool screen = __i__ == 1;
  Sender s (std::string (raw_video) + " audiotestsrc is-live=true ! s.audio_0",
      screen ? "video-codec=screen-video" : "video-codec=h264 preset=ultrafast");
  fail_unless (iterate_until ([&s] { return s.stat<guint64> ("messages") > 20; }));
  gchar *folder = g_dir_make_tmp ("rtmp-XXXXXX", nullptr);
  const std::string file = std::string (folder) + "/pictures";
  Program player (
      {"ffmpeg", "-v", "error", "-xerror", "-c:v", screen ? "flashsv" : "h264", "-i", s.url, "-map",
          "0:v", "-frames:v", "10", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "16x16", file});
  fail_unless (player.succeeds ());
  std::ifstream in (file, std::ios::binary);
  const std::string pixels{std::istreambuf_iterator<char> (in), {}};
  fail_unless_equals_int (pixels.size (), 10 * 16 * 16);
  const auto [least, most] = std::minmax_element (pixels.begin (), pixels.end (),
      [] (char a, char b) { return static_cast<guchar> (a) < static_cast<guchar> (b); });
  fail_unless (static_cast<guchar> (*most) - static_cast<guchar> (*least) > 150); // bars
  g_unlink (file.c_str ());
  g_rmdir (folder);
  g_free (folder);
}
GST_END_TEST

GST_START_TEST (test_first_codec_that_is_installed)
{
  uninstall ("video/x-h264");
  Sender s (raw_video, "video-codec=h264,screen-video");
  fail_unless_equals_string (name_of_encoder (s).c_str (), "avenc_flashsv");
}
GST_END_TEST

// Without the usual encoder the one of the highest rank.
GST_START_TEST (test_other_encoder_by_rank)
{
  GstElementFactory *x264 = gst_element_factory_find ("x264enc");
  fail_unless (x264 != nullptr);
  GstPluginFeature *loaded = gst_plugin_feature_load (GST_PLUGIN_FEATURE (x264));
  fail_unless (gst_element_register (nullptr, "h264-by-rank", GST_RANK_PRIMARY + 100,
      gst_element_factory_get_element_type (GST_ELEMENT_FACTORY (loaded))));
  gst_registry_remove_feature (gst_registry_get (), loaded);
  gst_object_unref (loaded);
  gst_object_unref (x264);
  Sender s (raw_video, "video-codec=h264");
  fail_unless_equals_string (name_of_encoder (s).c_str (), "h264-by-rank");
}
GST_END_TEST

GST_START_TEST (test_missing_plugin)
{
  uninstall ("video/x-flash-screen");
  Sender s (raw_video, "video-codec=screen-video");
  const MessagePtr m = wait_message (s.pipeline (), GST_MESSAGE_ELEMENT,
      [] (GstMessage *x) { return gst_message_has_name (x, "missing-plugin"); });
  fail_unless (m != nullptr);
  const GstStructure *why = gst_message_get_structure (m.get ());
  fail_unless_equals_string (gst_structure_get_string (why, "type"), "encoder");
  fail_unless (wait_message (s.pipeline (), GST_MESSAGE_ERROR) != nullptr);
}
GST_END_TEST

GST_START_TEST (test_bitrate_framerate_and_preset)
{
  Sender s (raw_video, "video-codec=h264 bitrate=777 framerate=10/1 preset=superfast");
  GstElement *e = encoder_in (s);
  fail_unless_equals_string (property_of (e, "bitrate").c_str (), "777");
  fail_unless_equals_string (property_of (e, "speed-preset").c_str (), "superfast");
  fail_unless_equals_string (property_of (e, "key-int-max").c_str (), "20");
  GstPad *pad = gst_element_get_static_pad (e, "sink");
  GstCaps *caps = gst_pad_get_current_caps (pad);
  gint n = 0, d = 0;
  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n, &d));
  fail_unless (n == 10 && d == 1);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (e);
  // An encoder that counts bits.
  Sender bits (raw_video, "video-codec=vp8 bitrate=500");
  e = encoder_in (bits);
  fail_unless_equals_string (property_of (e, "target-bitrate").c_str (), "500000");
  gst_object_unref (e);
}
GST_END_TEST

static Suite *rtmp_encoders_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_encoders");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_raw_video_reaches_ffmpeg, 0, 2);
  tcase_add_test (tc, test_first_codec_that_is_installed);
  tcase_add_test (tc, test_other_encoder_by_rank);
  tcase_add_test (tc, test_missing_plugin);
  tcase_add_test (tc, test_bitrate_framerate_and_preset);
  return s;
}

GST_CHECK_MAIN (rtmp_encoders)
