// SPDX-License-Identifier: LGPL-2.1-or-later
// A picture whose viewers control it: an rtmpserversink with handlers for what its clients ask.
// Everybody may watch; who connects with ?token=TOKEN behind the application may also call
//
//   paint (colour)   the picture becomes red, green, blue, white or black; returns was and now
//
// over the connection that it watches with, and all viewers are then called: painted (colour).
//
//   remote-control TOKEN port=1935
//   ffplay rtmp://127.0.0.1:1935/studio/picture          watches
//   remote-control.py 127.0.0.1 1935 TOKEN               watches and calls
#include <algorithm>
#include <cstdio>
#include <glib-unix.h>
#include <gst/gst.h>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace {
const std::map<std::string, guint> colours{{"red", 0xffff0000}, {"green", 0xff00ff00},
    {"blue", 0xff0000ff}, {"white", 0xffffffff}, {"black", 0xff000000}};

struct Studio {
  std::string token;
  GMainLoop *loop = g_main_loop_new (nullptr, FALSE);
  GstElement *pipeline = nullptr, *picture = nullptr, *server = nullptr;
  bool failed = false;

  // Handlers of different connections run at the same time, in threads of the element.
  std::mutex mutex;
  std::set<guint64> viewers;
  std::string colour = "blue";
};

guint64 id_of (const GstStructure *connection)
{
  guint64 id = 0;
  gst_structure_get_uint64 (connection, "id", &id);
  return id;
}

const char *text (const GstStructure *s, const char *name)
{
  const char *value = gst_structure_get_string (s, name);
  return value ? value : "";
}

// All are let in. What this one may do is kept with its connection.
gboolean on_connect (
    GstElement *server, GstStructure *connection, GstStructure *, GstStructure *, gpointer data)
{
  const auto &studio = *static_cast<Studio *> (data);
  const bool may = text (connection, "query") == "token=" + studio.token;
  gboolean kept = FALSE;
  if (may)
    g_signal_emit_by_name (
        server, "set-connection-property", id_of (connection), "may-control", "yes", &kept);
  std::printf (
      "%s connects%s\n", text (connection, "peer-address"), may ? ", with the remote control" : "");
  return TRUE;
}

gboolean on_play (GstElement *, GstStructure *connection, GstStructure *request, gpointer data)
{
  auto &studio = *static_cast<Studio *> (data);
  if (text (request, "stream-name") != std::string ("picture"))
    return FALSE; // it hears NetStream.Play.Failed
  const std::lock_guard lock (studio.mutex);
  studio.viewers.insert (id_of (connection));
  return TRUE;
}

bool may_control (GstElement *server, const GstStructure *connection)
{
  g_autofree gchar *may = nullptr;
  g_signal_emit_by_name (
      server, "get-connection-property", id_of (connection), "may-control", &may);
  return may != nullptr;
}

void tell_viewers (Studio &studio, const std::string &colour)
{
  std::set<guint64> viewers;
  {
    const std::lock_guard lock (studio.mutex);
    viewers = studio.viewers;
  }
  g_autoptr (GstStructure) arguments =
      gst_structure_new ("painted", "argument-0", G_TYPE_STRING, colour.c_str (), nullptr);
  for (const guint64 id : viewers) {
    gboolean sent = FALSE; // it may have gone meanwhile
    g_signal_emit_by_name (studio.server, "call", id, "painted", arguments, nullptr, &sent);
  }
}

// NULL is an error to the caller. What is returned reaches it as one object.
GstStructure *on_paint (
    GstElement *server, GstStructure *connection, GstStructure *arguments, gpointer data)
{
  auto &studio = *static_cast<Studio *> (data);
  const std::string colour = text (arguments, "argument-0");
  const auto known = colours.find (colour);
  if (known == colours.end () || !may_control (server, connection))
    return nullptr;
  std::string was;
  {
    const std::lock_guard lock (studio.mutex);
    was = std::exchange (studio.colour, colour);
    g_object_set (studio.picture, "foreground-color", known->second, nullptr);
  }
  std::printf ("%s paints it %s\n", text (connection, "peer-address"), colour.c_str ());
  tell_viewers (studio, colour);
  return gst_structure_new ("painted", "was", G_TYPE_STRING, was.c_str (), "now", G_TYPE_STRING,
      colour.c_str (), nullptr);
}

void on_closed (GstElement *, GstStructure *event, gpointer data)
{
  auto &studio = *static_cast<Studio *> (data);
  const GValue *value = gst_structure_get_value (event, "connection");
  if (!value)
    return;
  const GstStructure *connection = gst_value_get_structure (value);
  std::printf ("%s has left\n", text (connection, "peer-address"));
  const std::lock_guard lock (studio.mutex);
  studio.viewers.erase (id_of (connection));
}

bool make (Studio &studio, int n, char **properties)
{
  studio.pipeline = gst_parse_launch_full (
      "videotestsrc name=picture is-live=true pattern=solid-color foreground-color=0xff0000ff ! "
      "video/x-raw,width=640,height=360,framerate=30/1 ! "
      "rtmpserversink name=server application=studio stream-key=picture preset=ultrafast",
      nullptr, GST_PARSE_FLAG_FATAL_ERRORS, nullptr);
  if (!studio.pipeline)
    return false;
  GstBin *bin = GST_BIN (studio.pipeline);
  studio.picture = gst_bin_get_by_name (bin, "picture");
  studio.server = gst_bin_get_by_name (bin, "server");
  for (int i = 0; i < n; i++) { // PROPERTY=VALUE
    const std::string arg = properties[i];
    const auto equals = std::min (arg.find ('='), arg.size () - 1);
    gst_util_set_object_arg (G_OBJECT (studio.server), arg.substr (0, equals).c_str (),
        arg.substr (equals + 1).c_str ());
  }
  const auto connect = [&studio] (const char *signal, GCallback handler) {
    g_signal_connect (studio.server, signal, handler, &studio);
  };
  connect ("connect-request", G_CALLBACK (on_connect));
  connect ("play-request", G_CALLBACK (on_play));
  connect ("remote-call::paint", G_CALLBACK (on_paint));
  connect ("connection-closed", G_CALLBACK (on_closed));
  return true;
}

gboolean on_message (GstBus *, GstMessage *message, gpointer data)
{
  auto &studio = *static_cast<Studio *> (data);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = nullptr;
    gst_message_parse_error (message, &error, nullptr);
    std::fprintf (stderr, "error: %s\n", error->message);
    studio.failed = true;
    g_main_loop_quit (studio.loop);
  }
  return G_SOURCE_CONTINUE;
}

void run (Studio &studio)
{
  GstBus *bus = gst_element_get_bus (studio.pipeline);
  gst_bus_add_watch (bus, on_message, &studio);
  const auto stop = [] (gpointer loop) -> gboolean {
    g_main_loop_quit (static_cast<GMainLoop *> (loop));
    return G_SOURCE_CONTINUE;
  };
  const guint interrupts[] = {g_unix_signal_add (SIGINT, stop, studio.loop),
      g_unix_signal_add (SIGTERM, stop, studio.loop)};
  gst_element_set_state (studio.pipeline, GST_STATE_PLAYING);
  gint port = 0;
  g_object_get (studio.server, "current-port", &port, nullptr);
  std::printf ("port %d\n", port);
  g_main_loop_run (studio.loop);
  gst_element_set_state (studio.pipeline, GST_STATE_NULL);
  for (const guint i : interrupts)
    g_source_remove (i);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  std::setvbuf (stdout, nullptr, _IOLBF, 0);
  if (argc < 2) {
    std::fprintf (stderr, "usage: remote-control TOKEN [PROPERTY=VALUE]...\n");
    return 2;
  }
  Studio studio;
  studio.token = argv[1];
  if (!make (studio, argc - 2, argv + 2)) {
    std::fprintf (stderr, "rtmpserversink or videotestsrc is not installed\n");
    return 1;
  }
  run (studio);
  for (GstElement *e : {studio.picture, studio.server, studio.pipeline})
    gst_object_unref (e);
  g_main_loop_unref (studio.loop);
  return studio.failed ? 1 : 0;
}
