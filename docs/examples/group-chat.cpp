// SPDX-License-Identifier: LGPL-2.1-or-later
// A chat in a group of a media server, with files: commands and files to all members, and notices
// of who comes and goes. A client is a camsender and a camreceiver of the same guid; this one has
// no media, but any could be linked beside it.
//
//   group-chat ann friends FOLDER host=127.0.0.1 port=7100
//
// A line is said to the group; "/file PATH" sends a file, "/who" lists the members. Files that
// come are put into FOLDER. The end of the input, or Ctrl-C, ends it when all has been delivered.
#include <algorithm>
#include <cstdio>
#include <glib-unix.h>
#include <gst/gst.h>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>

namespace {
struct Chat {
  std::string me, group;
  GMainLoop *loop = g_main_loop_new (nullptr, FALSE);
  GstElement *pipeline = gst_pipeline_new (nullptr), *out = nullptr, *in = nullptr;
  std::set<guint64> under_way; // commands and files that not everybody has
  GIOChannel *input = g_io_channel_unix_new (STDIN_FILENO);
  guint watch = 0;
  bool joined = false, ending = false, failed = false;

  ~Chat ()
  {
    g_io_channel_unref (input);
    gst_object_unref (pipeline);
    g_main_loop_unref (loop);
  }
};

void end_when_delivered (Chat &c)
{
  if (c.ending && c.under_way.empty ())
    g_main_loop_quit (c.loop);
}

void said (Chat &c, guint64 id, const char *what)
{
  if (id != 0)
    c.under_way.insert (id);
  else
    std::printf ("* not taken: %s\n", what);
}

// The server answers in the element's event thread; its answer is a message on the bus, as all else
// that happens here. It is named after the question.
void post_answer (GstPromise *promise, gpointer in, const char *name)
{
  if (const GstStructure *reply = gst_promise_get_reply (promise)) {
    GstStructure *answer = gst_structure_copy (reply);
    gst_structure_set_name (answer, name);
    gst_element_post_message (
        GST_ELEMENT (in), gst_message_new_application (GST_OBJECT (in), answer));
  }
  gst_promise_unref (promise);
}

void on_joined_answer (GstPromise *promise, gpointer in)
{
  post_answer (promise, in, "joined");
}

void on_members_answer (GstPromise *promise, gpointer in)
{
  post_answer (promise, in, "members");
}

GstPromise *answer_to (Chat &c, GstPromiseChangeFunc then)
{
  return gst_promise_new_with_change_func (then, gst_object_ref (c.in), gst_object_unref);
}

void join (Chat &c)
{
  g_signal_emit_by_name (
      c.in, "join-group", c.group.c_str (), nullptr, FALSE, answer_to (c, on_joined_answer));
}

void say (Chat &c, const std::string &text)
{
  GstStructure *command = gst_structure_new ("say", "text", G_TYPE_STRING, text.c_str (), nullptr);
  guint64 id = 0;
  g_signal_emit_by_name (c.out, "send-command", command, nullptr, c.group.c_str (), 0u, &id);
  gst_structure_free (command);
  said (c, id, text.c_str ());
}

void send_file (Chat &c, const std::string &path)
{
  guint64 id = 0;
  g_signal_emit_by_name (
      c.out, "send-file", path.c_str (), guint64{0}, nullptr, c.group.c_str (), 0u, &id);
  said (c, id, path.c_str ());
}

void who (Chat &c)
{
  GstStructure *question = gst_structure_new ("group-members", "group", G_TYPE_STRING,
      c.group.c_str (), "online", G_TYPE_BOOLEAN, TRUE, nullptr);
  g_signal_emit_by_name (c.in, "ask-server", question, answer_to (c, on_members_answer));
  gst_structure_free (question);
}

gboolean on_input (GIOChannel *input, GIOCondition, gpointer data)
{
  auto &c = *static_cast<Chat *> (data);
  g_autofree gchar *text = nullptr;
  gsize end = 0;
  if (g_io_channel_read_line (input, &text, nullptr, &end, nullptr) != G_IO_STATUS_NORMAL) {
    c.ending = true;
    c.watch = 0;
    end_when_delivered (c);
    return G_SOURCE_REMOVE;
  }
  const std::string line (text, end);
  if (line.starts_with ("/file "))
    send_file (c, line.substr (6));
  else if (line == "/who")
    who (c);
  else if (!line.empty ())
    say (c, line);
  return G_SOURCE_CONTINUE;
}

const char *field (const GstStructure *s, const char *name)
{
  const char *text = gst_structure_get_string (s, name);
  return text ? text : "";
}

void on_joined (Chat &c, const GstStructure *answer)
{
  c.failed = std::string (field (answer, "status")) != "ok";
  if (c.failed)
    std::printf ("* %s: %s\n", field (answer, "status"), field (answer, "text"));
  else
    std::printf ("* in %s\n", c.group.c_str ());
  if (c.failed)
    g_main_loop_quit (c.loop);
  else if (!std::exchange (c.joined, true))
    c.watch =
        g_io_add_watch (c.input, static_cast<GIOCondition> (G_IO_IN | G_IO_HUP), on_input, &c);
}

void on_server_answer (Chat &c, const GstStructure *answer)
{
  if (gst_structure_has_name (answer, "joined"))
    return on_joined (c, answer);
  const GValue *members = gst_structure_get_value (answer, "members");
  if (!members)
    std::printf ("* %s: %s\n", field (answer, "status"), field (answer, "text"));
  for (guint i = 0; members && i < gst_value_array_get_size (members); i++)
    std::printf ("* here: %s\n", g_value_get_string (gst_value_array_get_value (members, i)));
}

void on_notice (const GstStructure *s)
{
  const std::string name = field (s, "name");
  const GstStructure *notice = nullptr;
  gst_structure_get (s, "notice", GST_TYPE_STRUCTURE, &notice, nullptr);
  if (name == "user-joins-group" || name == "user-leaves-group")
    std::printf (
        "* %s %s\n", field (notice, "guid"), name == "user-joins-group" ? "comes" : "goes");
}

void on_event (Chat &c, const GstStructure *s)
{
  const std::string what = gst_structure_get_name (s);
  guint64 id = 0;
  gst_structure_get_uint64 (s, "id", &id);
  if (what == "cam-session-connected") {
    join (c); // and again after a break: a membership that is not permanent ends with the client
  } else if (what == "cam-command-received") {
    g_autoptr (GstStructure) command = nullptr;
    gst_structure_get (s, "command", GST_TYPE_STRUCTURE, &command, nullptr);
    std::printf ("<%s> %s\n", field (s, "guid"), field (command, "text"));
  } else if (what == "cam-file-received") {
    std::printf ("* file from %s: %s\n", field (s, "guid"), field (s, "path"));
  } else if (what == "cam-server-notice") {
    on_notice (s);
  } else if (c.under_way.erase (id) > 0) {
    if (what == "cam-command-failed" || what == "cam-file-failed")
      std::printf ("* not delivered: %s\n", field (s, "reason"));
    end_when_delivered (c);
  }
}

void on_warning (GstMessage *message) // the server cannot be reached, say
{
  g_autoptr (GError) warning = nullptr;
  gst_message_parse_warning (message, &warning, nullptr);
  std::printf ("* %s\n", warning->message);
}

void on_error (Chat &c, GstMessage *message)
{
  g_autoptr (GError) error = nullptr;
  gst_message_parse_error (message, &error, nullptr);
  std::fprintf (stderr, "error: %s\n", error->message);
  c.failed = true;
  g_main_loop_quit (c.loop);
}

gboolean on_message (GstBus *, GstMessage *message, gpointer data)
{
  auto &c = *static_cast<Chat *> (data);
  const GstStructure *s = gst_message_get_structure (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT)
    on_event (c, s);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_APPLICATION)
    on_server_answer (c, s);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    on_warning (message);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    on_error (c, message);
  return G_SOURCE_CONTINUE;
}

bool make (Chat &c, const std::string &folder, int n, char **properties)
{
  c.out = gst_element_factory_make ("camsender", nullptr);
  c.in = gst_element_factory_make ("camreceiver", nullptr);
  if (!c.out || !c.in)
    return false;
  gst_bin_add_many (GST_BIN (c.pipeline), c.out, c.in, nullptr);
  // The sender stays connected while it has nothing to say: so all see who is there.
  g_object_set (c.out, "guid", c.me.c_str (), nullptr);
  g_object_set (c.in, "guid", c.me.c_str (), "file-directory", folder.c_str (), nullptr);
  gst_util_set_object_arg (G_OBJECT (c.in), "mode", "caller");
  gst_util_set_object_arg (G_OBJECT (c.in), "media-types", "commands+files");
  for (int i = 0; i < n; i++) { // PROPERTY=VALUE, for both
    const std::string arg = properties[i];
    const auto equals = std::min (arg.find ('='), arg.size () - 1);
    for (GstElement *e : {c.out, c.in})
      gst_util_set_object_arg (
          G_OBJECT (e), arg.substr (0, equals).c_str (), arg.substr (equals + 1).c_str ());
  }
  return true;
}

gboolean on_interrupt (gpointer loop)
{
  g_main_loop_quit (static_cast<GMainLoop *> (loop));
  return G_SOURCE_CONTINUE;
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  std::setvbuf (stdout, nullptr, _IOLBF, 0);
  if (argc < 4) {
    std::fprintf (stderr, "usage: group-chat NAME GROUP FOLDER [PROPERTY=VALUE]...\n");
    return 2;
  }
  Chat chat;
  chat.me = argv[1];
  chat.group = argv[2];
  if (!make (chat, argv[3], argc - 4, argv + 4)) {
    std::fprintf (stderr, "camsender and camreceiver are not installed\n");
    return 1;
  }
  GstBus *bus = gst_element_get_bus (chat.pipeline);
  gst_bus_add_watch (bus, on_message, &chat);
  const guint interrupt = g_unix_signal_add (SIGINT, on_interrupt, chat.loop);
  gst_element_set_state (chat.pipeline, GST_STATE_PLAYING);
  g_main_loop_run (chat.loop);
  gst_element_set_state (chat.pipeline, GST_STATE_NULL);
  g_source_remove (interrupt);
  if (chat.watch != 0)
    g_source_remove (chat.watch);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  return chat.failed ? 1 : 0;
}
