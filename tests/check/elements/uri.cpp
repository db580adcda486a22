// SPDX-License-Identifier: LGPL-2.1-or-later
// cam+tcp://, cam+http:// and cam+udp:// in camreceiver, uridecodebin and playbin.
#include "cam_pair.h"

using namespace reach::test;

namespace {
// A sender of encoded video that any GStreamer can decode, and raw audio.
struct Source {
  explicit Source (const Way &way) : sender (way)
  {
    GstElement *video = gst_parse_bin_from_description (
        "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=30/1 ! jpegenc", TRUE,
        nullptr);
    GstElement *audio = gst_parse_bin_from_description (
        "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1", TRUE, nullptr);
    fail_unless (video != nullptr && audio != nullptr);
    gst_bin_add_many (GST_BIN (sender.pipeline), video, audio, nullptr);
    fail_unless (gst_element_link_pads (video, "src", sender.element, "video_0"));
    fail_unless (gst_element_link_pads (audio, "src", sender.element, "audio_0"));
    g_object_set (sender.element, "sync", TRUE, nullptr);
    sender.play ();
  }
  std::string uri (const Way &way) const
  {
    return std::string ("cam+") + way.protocol + "://127.0.0.1:" + std::to_string (sender.port ());
  }
  Sender sender;
};

bool have (const char *element)
{
  GstElementFactory *f = gst_element_factory_find (element);
  if (f)
    gst_object_unref (f);
  return f != nullptr;
}

GError *set_uri_error (GstElement *e, const char *uri)
{
  GError *error = nullptr;
  const gboolean ok = gst_uri_handler_set_uri (GST_URI_HANDLER (e), uri, &error);
  fail_unless (ok == (error == nullptr));
  return error;
}

struct Decoded {
  Watched<std::map<std::string, unsigned>> buffers; // by media type of the caps
  Watched<bool> no_more_pads;
  GstElement *pipeline = nullptr;
};

void on_handoff (GstElement *, GstBuffer *, GstPad *pad, gpointer data)
{
  GstCaps *caps = gst_pad_get_current_caps (pad);
  if (!caps)
    return;
  const std::string name = gst_structure_get_name (gst_caps_get_structure (caps, 0));
  gst_caps_unref (caps);
  static_cast<Decoded *> (data)->buffers.update ([&] (auto &m) { m[name]++; });
}

void on_decoded_pad (GstElement *, GstPad *pad, gpointer data)
{
  auto *d = static_cast<Decoded *> (data);
  GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
  g_object_set (sink, "signal-handoffs", TRUE, "sync", FALSE, "async", FALSE, nullptr);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_handoff), d);
  gst_bin_add (GST_BIN (d->pipeline), sink);
  GstPad *in = gst_element_get_static_pad (sink, "sink");
  fail_unless_equals_int (gst_pad_link (pad, in), GST_PAD_LINK_OK);
  gst_object_unref (in);
  gst_element_sync_state_with_parent (sink);
}

void on_no_more_pads (GstElement *, gpointer data)
{
  static_cast<Decoded *> (data)->no_more_pads.set (true);
}
} // namespace

GST_START_TEST (test_uridecodebin)
{
  if (!have ("jpegenc") || !have ("jpegdec") || !have ("uridecodebin"))
    return;
  const Way &way = way_of (false, __i__);
  Source source (way);
  Decoded d;
  d.pipeline = gst_pipeline_new (nullptr);
  GstElement *bin = gst_element_factory_make ("uridecodebin", nullptr);
  g_object_set (bin, "uri", source.uri (way).c_str (), nullptr);
  g_signal_connect (bin, "pad-added", G_CALLBACK (on_decoded_pad), &d);
  g_signal_connect (bin, "no-more-pads", G_CALLBACK (on_no_more_pads), &d);
  gst_bin_add (GST_BIN (d.pipeline), bin);
  gst_element_set_state (d.pipeline, GST_STATE_PLAYING);
  fail_unless (d.buffers.wait ([] (const auto &m) {
    return m.count ("video/x-raw") && m.at ("video/x-raw") >= 10 && m.count ("audio/x-raw") &&
           m.at ("audio/x-raw") >= 10;
  }));
  fail_unless (d.no_more_pads.wait ([] (bool b) { return b; }));
  gst_element_set_state (d.pipeline, GST_STATE_NULL);
  gst_object_unref (d.pipeline);
}
GST_END_TEST

GST_START_TEST (test_playbin)
{
  if (!have ("jpegenc") || !have ("jpegdec") || !have ("playbin"))
    return;
  const Way &way = way_of (false, __i__);
  Source source (way);
  Decoded d;
  GstElement *playbin = gst_element_factory_make ("playbin", nullptr);
  // Video and audio only: its soft volume element leaks in GStreamer 1.22.
  gst_util_set_object_arg (G_OBJECT (playbin), "flags", "video+audio");
  g_object_set (playbin, "uri", source.uri (way).c_str (), nullptr);
  for (const char *name : {"video-sink", "audio-sink"}) {
    GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
    g_object_set (sink, "signal-handoffs", TRUE, "sync", TRUE, nullptr);
    g_signal_connect (sink, "handoff", G_CALLBACK (on_handoff), &d);
    g_object_set (playbin, name, sink, nullptr);
  }
  gst_element_set_state (playbin, GST_STATE_PLAYING);
  fail_unless (d.buffers.wait ([] (const auto &m) {
    return m.count ("video/x-raw") && m.at ("video/x-raw") >= 5 && m.count ("audio/x-raw") &&
           m.at ("audio/x-raw") >= 5;
  }));
  gst_element_set_state (playbin, GST_STATE_NULL);
  gst_object_unref (playbin);
}
GST_END_TEST

GST_START_TEST (test_parsing)
{
  GstElement *e = gst_element_factory_make ("camreceiver", nullptr);
  struct Row {
    const char *uri;
    int protocol, mode, port;
    const char *host;
  };
  const Row rows[] = {
      {"cam+tcp://192.0.2.7:1234", 1, 0, 1234, "192.0.2.7"},
      {"cam+http://example.com:80", 2, 0, 80, "example.com"},
      {"cam+tcp://[2001:db8::1]:9", 1, 0, 9, "2001:db8::1"},
      {"cam+udp://:7200?mode=listener", 0, 1, 7200, nullptr},
      {"cam+udp://127.0.0.1:7200", 0, 1, 7200, nullptr},
      {"cam+tcp://:7300?mode=listener", 1, 1, 7300, nullptr},
  };
  for (const Row &r : rows) {
    fail_unless (set_uri_error (e, r.uri) == nullptr, "%s", r.uri);
    gint protocol, mode, port;
    g_object_get (e, "protocol", &protocol, "mode", &mode, "port", &port, nullptr);
    fail_unless (protocol == r.protocol && mode == r.mode && port == r.port, "%s", r.uri);
    if (r.host)
      fail_unless (string_property (e, "host") == r.host);
    if (strstr (r.uri, "udp://127"))
      fail_unless (string_property (e, "bind-address") == "127.0.0.1");
    gchar *uri = gst_uri_handler_get_uri (GST_URI_HANDLER (e));
    fail_unless_equals_string (uri, r.uri);
    g_free (uri);
  }
  fail_unless (
      set_uri_error (e, "cam+tcp://h:1?latency=40&guid-to=a%20b&reconnect=false&"
                        "media-types=video%2Baudio&video-timeout=-1&resume-window=2") == nullptr);
  guint latency, types, window;
  gint timeout;
  gboolean reconnect;
  g_object_get (e, "latency", &latency, "media-types", &types, "resume-window", &window,
      "video-timeout", &timeout, "reconnect", &reconnect, nullptr);
  fail_unless (latency == 40 && types == 3 && window == 2 && timeout == -1 && !reconnect);
  fail_unless (string_property (e, "guid-to") == "a b");
  gst_object_unref (e);
}
GST_END_TEST

GST_START_TEST (test_bad_uris)
{
  for (const char *uri : {"cam+tcp", "cam+ftp://h:1", "http://h:1", "cam+tcp://h:1?no-such=1",
           "cam+tcp://h:1?latency=soon", "cam+tcp://h:1?latency=", "cam+tcp://h:1?stats=x",
           "cam+tcp://h:1?mode=sideways", "cam+tcp://h:99999", "cam+tcp://h:1?latency=99999999",
           "cam+udp://h:1?mode=caller"}) {
    GstElement *e = gst_element_factory_make ("camreceiver", nullptr);
    GError *error = set_uri_error (e, uri);
    fail_unless (error != nullptr, "%s was taken", uri);
    fail_unless (error->domain == GST_URI_ERROR);
    fail_unless (strlen (error->message) > 10, "%s: %s", uri, error->message);
    g_error_free (error);
    gst_object_unref (e);
  }
}
GST_END_TEST

GST_START_TEST (test_made_from_uri)
{
  for (const char *uri : {"cam+tcp://127.0.0.1:1", "cam+http://127.0.0.1:1", "cam+udp://:1"}) {
    GError *error = nullptr;
    GstElement *e = gst_element_make_from_uri (GST_URI_SRC, uri, nullptr, &error);
    fail_unless (e != nullptr, "%s: %s", uri, error ? error->message : "");
    fail_unless_equals_string (GST_OBJECT_NAME (gst_element_get_factory (e)), "camreceiver");
    gst_object_unref (e);
  }
}
GST_END_TEST

static Suite *uri_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("uri");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_uridecodebin, 0, n_pull);
  tcase_add_loop_test (tc, test_playbin, 0, n_pull);
  tcase_add_test (tc, test_parsing);
  tcase_add_test (tc, test_bad_uris);
  tcase_add_test (tc, test_made_from_uri);
  return s;
}

GST_CHECK_MAIN (uri)
