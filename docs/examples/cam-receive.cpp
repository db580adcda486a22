// SPDX-License-Identifier: LGPL-2.1-or-later
// Embedding camreceiver: decodes the video, writes FOLDER/reach.mkv and one picture,
// FOLDER/reach.png, and tells what arrived. It ends with the stream, or with Ctrl-C.
//
//   cam-receive FOLDER mode=listener port=7100                  wait for a sender that pushes
//   cam-receive FOLDER mode=caller host=127.0.0.1 port=7100     pull from a listening sender
#include "arrivals.h"
#include <algorithm>
#include <cstdio>
#include <glib-unix.h>
#include <gst/video/video.h>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {
struct App {
  GstElement *pipeline = nullptr, *in = nullptr;
  GMainLoop *loop = g_main_loop_new (nullptr, FALSE);
  bool failed = false;
  std::map<std::string, int> events;
  Arrivals arrivals;
  std::mutex mutex;
  std::vector<GstPad *> sinks; // what camreceiver's pads are linked with
};

// Streaming threads. What came at once comes in one list.
template <typename F> void each_buffer (GstPadProbeInfo *info, F &&f)
{
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER)
    return f (GST_PAD_PROBE_INFO_BUFFER (info));
  GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
  for (guint i = 0; i < gst_buffer_list_length (list); i++)
    f (gst_buffer_list_get (list, i));
}

GstPadProbeReturn on_video (GstPad *, GstPadProbeInfo *info, gpointer data)
{
  auto *app = static_cast<App *> (data);
  each_buffer (info, [app] (const GstBuffer *b) {
    app->arrivals.video (GST_BUFFER_PTS (b), gst_element_get_current_running_time (app->in));
  });
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn on_audio (GstPad *, GstPadProbeInfo *info, gpointer data)
{
  each_buffer (info, [data] (const GstBuffer *) { static_cast<App *> (data)->arrivals.audio (); });
  return GST_PAD_PROBE_OK;
}

void on_decoded (GstElement *, GstBuffer *, GstPad *, gpointer data)
{
  static_cast<App *> (data)->arrivals.decoded ();
}

// A new stream: video is decoded and written, audio written, anything else let go.
void on_pad_added (GstElement *, GstPad *pad, gpointer data)
{
  auto *app = static_cast<App *> (data);
  const bool video = g_str_has_prefix (GST_PAD_NAME (pad), "video_");
  const bool audio = g_str_has_prefix (GST_PAD_NAME (pad), "audio_");
  // Pads that stay open in the description become "sink" and "src" of the bin.
  GstElement *branch = gst_parse_bin_from_description (
      video ? "tee name=t ! queue ! h264parse   t. ! queue ! h264parse ! avdec_h264 ! videoconvert "
              "! fakesink name=picture sync=false async=false signal-handoffs=true"
      : audio ? "queue ! aacparse"
              : "fakesink async=false",
      TRUE, nullptr);
  gst_bin_add (GST_BIN (app->pipeline), branch);
  if (video || audio) {
    g_autoptr (GstElement) mux = gst_bin_get_by_name (GST_BIN (app->pipeline), "mux");
    gst_element_link_pads (branch, "src", mux, video ? "video_%u" : "audio_%u");
    constexpr auto both =
        static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);
    gst_pad_add_probe (pad, both, video ? on_video : on_audio, app, nullptr);
  }
  if (video) {
    g_autoptr (GstElement) picture = gst_bin_get_by_name (GST_BIN (branch), "picture");
    g_signal_connect (picture, "handoff", G_CALLBACK (on_decoded), app);
  }
  gst_element_sync_state_with_parent (branch);
  GstPad *sink = gst_element_get_static_pad (branch, "sink");
  if (gst_pad_link (pad, sink) != GST_PAD_LINK_OK)
    std::fprintf (stderr, "cannot link %s\n", GST_PAD_NAME (pad));
  const std::lock_guard lock (app->mutex);
  app->sinks.push_back (sink);
}

void on_error (App &app, GstMessage *message)
{
  g_autoptr (GError) error = nullptr;
  g_autofree gchar *debug = nullptr;
  gst_message_parse_error (message, &error, &debug);
  std::fprintf (stderr, "error: %s\n%s\n", error->message, debug ? debug : "");
  app.failed = true;
  g_main_loop_quit (app.loop);
}

gboolean on_message (GstBus *, GstMessage *message, gpointer data)
{
  auto *app = static_cast<App *> (data);
  const GstStructure *s = gst_message_get_structure (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT &&
      g_str_has_prefix (gst_structure_get_name (s), "cam-")) {
    app->events[gst_structure_get_name (s)]++;
    g_autofree gchar *text = gst_structure_to_string (s);
    std::printf ("event %s\n", text);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    on_error (*app, message);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    g_main_loop_quit (app->loop);
  }
  return G_SOURCE_CONTINUE;
}

// Ctrl-C: end the file properly; EOS then comes on the bus.
gboolean on_interrupt (gpointer data)
{
  auto *app = static_cast<App *> (data);
  std::unique_lock lock (app->mutex);
  const std::vector<GstPad *> sinks = app->sinks;
  lock.unlock ();
  for (GstPad *sink : sinks)
    gst_pad_send_event (sink, gst_event_new_eos ());
  if (sinks.empty ())
    g_main_loop_quit (app->loop);
  return G_SOURCE_REMOVE;
}

// The last decoded frame becomes the picture.
bool write_picture (App &app, const std::string &file)
{
  g_autoptr (GstElement) picture = gst_bin_get_by_name (GST_BIN (app.pipeline), "picture");
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple ("image/png");
  g_autoptr (GstSample) frame = nullptr;
  if (picture)
    g_object_get (picture, "last-sample", &frame, nullptr);
  if (!frame)
    return false;
  g_autoptr (GstSample) png = gst_video_convert_sample (frame, caps, 5 * GST_SECOND, nullptr);
  GstMapInfo map;
  if (!png || !gst_buffer_map (gst_sample_get_buffer (png), &map, GST_MAP_READ))
    return false;
  const bool written = g_file_set_contents (file.c_str (),
      reinterpret_cast<const gchar *> (map.data), static_cast<gssize> (map.size), nullptr);
  gst_buffer_unmap (gst_sample_get_buffer (png), &map);
  return written;
}

void report (App &app)
{
  g_autoptr (GstStructure) stats = nullptr;
  g_object_get (app.in, "stats", &stats, nullptr);
  g_autofree gchar *text = stats ? gst_structure_to_string (stats) : nullptr;
  std::printf ("stats %s\n", text ? text : "none");
  app.arrivals.print ();
  for (const auto &[name, times] : app.events)
    std::printf ("%s: %d\n", name.c_str (), times);
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  std::setvbuf (stdout, nullptr, _IOLBF, 0); // a program that reads us sees each line at once
  const std::string folder = argc > 1 ? argv[1] : ".";
  App app;
  app.pipeline = gst_parse_launch_full (
      "camreceiver name=in   matroskamux name=mux ! filesink name=file async=false", nullptr,
      GST_PARSE_FLAG_FATAL_ERRORS, nullptr);
  if (!app.pipeline) {
    std::fprintf (stderr, "camreceiver or matroskamux is not installed\n");
    return 1;
  }
  gst_child_proxy_set (
      GST_CHILD_PROXY (app.pipeline), "file::location", (folder + "/reach.mkv").c_str (), nullptr);
  app.in = gst_bin_get_by_name (GST_BIN (app.pipeline), "in");
  for (int i = 2; i < argc; i++) { // PROPERTY=VALUE
    const std::string arg = argv[i];
    const auto equals = std::min (arg.find ('='), arg.size () - 1);
    gst_util_set_object_arg (
        G_OBJECT (app.in), arg.substr (0, equals).c_str (), arg.substr (equals + 1).c_str ());
  }
  g_signal_connect (app.in, "pad-added", G_CALLBACK (on_pad_added), &app);
  g_autoptr (GstBus) bus = gst_element_get_bus (app.pipeline);
  gst_bus_add_watch (bus, on_message, &app);
  const guint interrupt = g_unix_signal_add (SIGINT, on_interrupt, &app);

  // A listener binds when it goes to READY, so port=0 has become a real one then.
  gst_element_set_state (app.pipeline, GST_STATE_READY);
  gint port = 0;
  g_object_get (app.in, "current-port", &port, nullptr);
  std::printf ("port %d\n", port);
  gst_element_set_state (app.pipeline, GST_STATE_PLAYING); // a failure comes as an ERROR message
  g_main_loop_run (app.loop);

  report (app);
  if (!write_picture (app, folder + "/reach.png"))
    app.failed = true;
  gst_element_set_state (app.pipeline, GST_STATE_NULL);
  for (GstPad *sink : app.sinks)
    gst_object_unref (sink);
  g_source_remove (interrupt);
  gst_bus_remove_watch (bus);
  gst_object_unref (app.in);
  gst_object_unref (app.pipeline);
  g_main_loop_unref (app.loop);
  return app.failed ? 1 : 0;
}
