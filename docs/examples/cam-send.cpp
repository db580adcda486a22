// SPDX-License-Identifier: LGPL-2.1-or-later
// Embedding camsender: a live test picture (H.264) and tone (AAC) for some seconds, or until
// Ctrl-C.
//
//   cam-send 10 mode=caller host=127.0.0.1 port=7100     push to a listening receiver
//   cam-send 10 mode=listener port=7100                  let receivers pull
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <glib-unix.h>
#include <gst/gst.h>
#include <string>

namespace {
// One second of sound is 48000 samples, 46.875 buffers of 1024.
GstElement *make_pipeline (int seconds)
{
  const std::string description =
      "camsender name=out "
      "videotestsrc is-live=true pattern=smpte num-buffers=" +
      std::to_string (seconds * 30) +
      " ! video/x-raw,width=1280,height=720,framerate=30/1 ! timeoverlay font-desc=\"Sans 48\" "
      "! x264enc tune=zerolatency speed-preset=veryfast bitrate=2000 key-int-max=60 "
      "! video/x-h264,profile=main ! h264parse ! out.video_0 "
      "audiotestsrc is-live=true wave=ticks samplesperbuffer=1024 num-buffers=" +
      std::to_string (seconds * 48000 / 1024) +
      " ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! avenc_aac ! aacparse ! out.audio_0";
  GError *error = nullptr;
  GstElement *pipeline =
      gst_parse_launch_full (description.c_str (), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (!pipeline) {
    std::fprintf (stderr, "%s\n", error->message);
    g_clear_error (&error);
    return nullptr;
  }
  return pipeline;
}

void print_structure (const char *what, const GstStructure *s)
{
  g_autofree gchar *text = gst_structure_to_string (s);
  std::printf ("%s %s\n", what, text);
}

struct Run {
  GMainLoop *loop = g_main_loop_new (nullptr, FALSE);
  bool failed = false;
  ~Run () { g_main_loop_unref (loop); }
};

gboolean on_message (GstBus *, GstMessage *message, gpointer data)
{
  auto *run = static_cast<Run *> (data);
  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_ELEMENT: { // cam-connecting, cam-connected, cam-disconnected, …
    const GstStructure *s = gst_message_get_structure (message);
    if (g_str_has_prefix (gst_structure_get_name (s), "cam-"))
      print_structure ("event", s);
    break;
  }
  case GST_MESSAGE_ERROR: {
    GError *error = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error (message, &error, &debug);
    std::fprintf (stderr, "error: %s\n%s\n", error->message, debug ? debug : "");
    g_clear_error (&error);
    g_free (debug);
    run->failed = true;
    g_main_loop_quit (run->loop);
    break;
  }
  case GST_MESSAGE_EOS: // after everything queued was sent
    g_main_loop_quit (run->loop);
    break;
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

// Ctrl-C: the end of all streams; EOS comes on the bus when the receivers have it.
gboolean on_interrupt (gpointer pipeline)
{
  gst_element_send_event (static_cast<GstElement *> (pipeline), gst_event_new_eos ());
  return G_SOURCE_CONTINUE;
}

void print_stats (GstElement *out)
{
  GstStructure *stats = nullptr;
  g_object_get (out, "stats", &stats, nullptr);
  if (stats) {
    print_structure ("stats", stats);
    gst_structure_free (stats);
  }
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  std::setvbuf (stdout, nullptr, _IOLBF, 0); // a program that reads us sees each line at once
  GstElement *pipeline = make_pipeline (argc > 1 ? std::atoi (argv[1]) : 10);
  if (!pipeline)
    return 1;
  GstElement *out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  for (int i = 2; i < argc; i++) { // PROPERTY=VALUE
    const std::string arg = argv[i];
    const auto equals = std::min (arg.find ('='), arg.size () - 1);
    gst_util_set_object_arg (
        G_OBJECT (out), arg.substr (0, equals).c_str (), arg.substr (equals + 1).c_str ());
  }
  Run run;
  GstBus *bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, &run);
  const guint interrupt = g_unix_signal_add (SIGINT, on_interrupt, pipeline);

  // A listener binds when it goes to READY, so port=0 has become a real one then.
  gst_element_set_state (pipeline, GST_STATE_READY);
  gint port = 0;
  g_object_get (out, "current-port", &port, nullptr);
  std::printf ("port %d\n", port);
  gst_element_set_state (pipeline, GST_STATE_PLAYING); // a failure comes as an ERROR message
  g_main_loop_run (run.loop);

  print_stats (out);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_source_remove (interrupt);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  gst_object_unref (out);
  gst_object_unref (pipeline);
  return run.failed ? 1 : 0;
}
