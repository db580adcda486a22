// SPDX-License-Identifier: LGPL-2.1-or-later
// A program that renders its own frames and plays them to RTMP viewers, with an encoder out of a
// plugin that it names itself.
//
//   rtmp-render SECONDS [plugin=FILE] [plugin-folder=FOLDER] [PROPERTY=VALUE]...
//   rtmp-render 60 plugin=/opt/codecs/libgstx264.so port=1935
//   ffplay rtmp://127.0.0.1:1935/live/render
//
// It renders nothing while nobody watches, and fewer frames while a viewer is too slow.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <glib-unix.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <mutex>
#include <string>
#include <thread>

namespace {
using Clock = std::chrono::steady_clock;
constexpr int width = 640, height = 360, fps = 30;
constexpr std::chrono::seconds easy_for{2}; // fewer frames, once a viewer was too slow
constexpr unsigned easy_rate = 3;           // of so many frames one is rendered then

struct Show {
  GMainLoop *loop = g_main_loop_new (nullptr, FALSE);
  GstElement *pipeline = nullptr, *source = nullptr, *server = nullptr;
  bool failed = false;

  std::mutex mutex;
  std::condition_variable changed;
  guint viewers = 0;
  bool over = false;
  Clock::time_point not_before{}; // the next frame
  Clock::time_point easy_until{};
  unsigned rendered = 0, skipped = 0; // render thread
};

void print_encoders (GstPlugin *plugin)
{
  GList *all =
      gst_registry_get_feature_list_by_plugin (gst_registry_get (), gst_plugin_get_name (plugin));
  for (GList *i = all; i; i = i->next)
    if (GST_IS_ELEMENT_FACTORY (i->data) &&
        gst_element_factory_list_is_type (
            GST_ELEMENT_FACTORY (i->data), GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER))
      std::printf ("encoder %s\n", GST_OBJECT_NAME (i->data));
  gst_plugin_feature_list_free (all);
}

// One plugin by its file: the program decides which one it is, whatever else is installed.
bool load_plugin (const std::string &file)
{
  g_autoptr (GError) error = nullptr;
  GstPlugin *plugin = gst_plugin_load_file (file.c_str (), &error);
  if (!plugin) {
    std::fprintf (stderr, "%s: %s\n", file.c_str (), error->message);
    return false;
  }
  print_encoders (plugin);
  gst_object_unref (plugin);
  return true;
}

// All plugins of a folder, which are only loaded when an element of theirs is made.
bool load_folder (const std::string &folder)
{
  GstRegistry *registry = gst_registry_get ();
  gst_registry_scan_path (registry, folder.c_str ());
  GList *all = gst_registry_get_plugin_list (registry);
  bool any = false;
  for (GList *i = all; i; i = i->next) {
    const char *file = gst_plugin_get_filename (GST_PLUGIN (i->data));
    g_autofree gchar *its = file ? g_path_get_dirname (file) : nullptr;
    if (!its || folder != its)
      continue;
    any = true;
    print_encoders (GST_PLUGIN (i->data));
  }
  gst_plugin_list_free (all);
  if (!any)
    std::fprintf (stderr, "%s: no plugins\n", folder.c_str ());
  return any;
}

// What a real program does better.
void draw (guint8 *pixels, unsigned frame)
{
  for (unsigned y = 0; y < height; y++)
    for (unsigned x = 0; x < width; x++, pixels += 4) {
      pixels[0] = static_cast<guint8> ((x ^ y) + frame * 3);
      pixels[1] = static_cast<guint8> ((x + frame * 5) ^ y);
      pixels[2] = static_cast<guint8> (x * y / 64 + frame);
      pixels[3] = 255;
    }
}

void render (Show &show)
{
  GstBuffer *buffer = gst_buffer_new_allocate (nullptr, gsize{width} * height * 4, nullptr);
  GstMapInfo map;
  if (gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    draw (map.data, show.rendered++);
    gst_buffer_unmap (buffer, &map);
  }
  gst_app_src_push_buffer (GST_APP_SRC (show.source), buffer); // with its time (do-timestamp)
}

// The first frame is rendered without a viewer: its caps choose the encoder, and if there is none
// that is known at once.
void render_all (Show &show)
{
  render (show);
  auto due = Clock::now ();
  for (unsigned n = 0;; n++) {
    std::unique_lock lock (show.mutex);
    if (show.viewers == 0 && !show.over) {
      std::printf ("idle after %u frames\n", show.rendered);
      show.changed.wait (lock, [&show] { return show.over || show.viewers > 0; });
      due = Clock::now ();
    }
    due = std::max (due + std::chrono::microseconds (1000000 / fps), show.not_before);
    if (show.changed.wait_until (lock, due, [&show] { return show.over; }))
      return;
    const bool easy = Clock::now () < show.easy_until && n % easy_rate != 0;
    lock.unlock ();
    if (easy)
      show.skipped++;
    else
      render (show);
  }
}

void on_viewers (GstElement *, guint count, gpointer data)
{
  auto &show = *static_cast<Show *> (data);
  std::printf ("viewers %u\n", count);
  const std::lock_guard lock (show.mutex);
  show.viewers = count;
  show.not_before = {};
  show.changed.notify_all ();
}

// What waited for a viewer was dropped. Frames that are left out here cost nobody anything.
void on_queue_full (GstElement *, GstStructure *event, gpointer data)
{
  auto &show = *static_cast<Show *> (data);
  guint64 dropped = 0;
  gst_structure_get_uint64 (event, "dropped", &dropped);
  std::printf ("too slow: %" G_GUINT64_FORMAT " frames dropped\n", dropped);
  const std::lock_guard lock (show.mutex);
  show.easy_until = Clock::now () + easy_for;
}

// With render-when-idle=false each frame that nobody sees is answered by a QoS event of type
// THROTTLE: not more than one frame in that time is wanted.
GstPadProbeReturn on_upstream (GstPad *, GstPadProbeInfo *info, gpointer data)
{
  auto &show = *static_cast<Show *> (data);
  GstEvent *event = gst_pad_probe_info_get_event (info);
  if (GST_EVENT_TYPE (event) != GST_EVENT_QOS)
    return GST_PAD_PROBE_OK;
  GstQOSType type;
  GstClockTimeDiff apart = 0;
  gst_event_parse_qos (event, &type, nullptr, &apart, nullptr);
  if (type == GST_QOS_TYPE_THROTTLE) {
    const std::lock_guard lock (show.mutex);
    show.not_before = Clock::now () + std::chrono::nanoseconds (apart);
  }
  return GST_PAD_PROBE_OK;
}

bool make (Show &show)
{
  show.pipeline = gst_parse_launch_full (
      "appsrc name=source is-live=true format=time do-timestamp=true max-buffers=2 "
      "leaky-type=downstream ! rtmpserversink name=server application=live stream-key=render "
      "render-when-idle=false preset=ultrafast",
      nullptr, GST_PARSE_FLAG_FATAL_ERRORS, nullptr);
  if (!show.pipeline)
    return false;
  show.source = gst_bin_get_by_name (GST_BIN (show.pipeline), "source");
  show.server = gst_bin_get_by_name (GST_BIN (show.pipeline), "server");
  g_autoptr (GstCaps) caps =
      gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGBx", "width", G_TYPE_INT,
          width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, fps, 1, nullptr);
  g_object_set (show.source, "caps", caps, nullptr);
  g_signal_connect (show.server, "viewers", G_CALLBACK (on_viewers), &show);
  g_signal_connect (show.server, "queue-full", G_CALLBACK (on_queue_full), &show);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (show.source, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream, &show, nullptr);
  return true;
}

// plugin=FILE, plugin-folder=FOLDER, or a property of the server. False: a plugin is not there.
bool apply (Show &show, const std::string &arg)
{
  const auto equals = std::min (arg.find ('='), arg.size () - 1);
  const std::string name = arg.substr (0, equals), value = arg.substr (equals + 1);
  if (name == "plugin")
    return load_plugin (value);
  if (name == "plugin-folder")
    return load_folder (value);
  gst_util_set_object_arg (G_OBJECT (show.server), name.c_str (), value.c_str ());
  return true;
}

gboolean on_message (GstBus *, GstMessage *message, gpointer data)
{
  auto &show = *static_cast<Show *> (data);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = nullptr;
    gst_message_parse_error (message, &error, nullptr);
    std::printf ("error: %s\n", error->message);
    show.failed = true;
    g_main_loop_quit (show.loop);
  }
  return G_SOURCE_CONTINUE;
}

gboolean stop (gpointer loop)
{
  g_main_loop_quit (static_cast<GMainLoop *> (loop));
  return G_SOURCE_CONTINUE;
}

void run (Show &show, int seconds)
{
  GstBus *bus = gst_element_get_bus (show.pipeline);
  gst_bus_add_watch (bus, on_message, &show);
  const guint ends[] = {g_unix_signal_add (SIGINT, stop, show.loop),
      g_timeout_add_seconds (static_cast<guint> (seconds), stop, show.loop)};
  if (gst_element_set_state (show.pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) {
    gint port = 0;
    g_object_get (show.server, "current-port", &port, nullptr);
    std::printf ("port %d\n", port);
    std::thread renderer ([&show] { render_all (show); });
    g_main_loop_run (show.loop);
    {
      const std::lock_guard lock (show.mutex);
      show.over = true;
      show.changed.notify_all ();
    }
    renderer.join ();
  } else {
    show.failed = true;
  }
  gst_element_set_state (show.pipeline, GST_STATE_NULL);
  std::printf ("rendered %u frames, skipped %u\n", show.rendered, show.skipped);
  for (const guint end : ends)
    g_source_remove (end);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  std::setvbuf (stdout, nullptr, _IOLBF, 0);
  if (argc < 2) {
    std::fprintf (stderr,
        "usage: rtmp-render SECONDS [plugin=FILE] [plugin-folder=FOLDER] [PROPERTY=VALUE]...\n");
    return 2;
  }
  Show show;
  if (!make (show)) {
    std::fprintf (stderr, "appsrc or rtmpserversink is not installed\n");
    return 1;
  }
  bool good = true;
  for (int i = 2; i < argc && good; i++)
    good = apply (show, argv[i]);
  if (good)
    run (show, std::atoi (argv[1]));
  for (GstElement *e : {show.source, show.server, show.pipeline})
    gst_object_unref (e);
  g_main_loop_unref (show.loop);
  return good && !show.failed ? 0 : 1;
}
