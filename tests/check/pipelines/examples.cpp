// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedding examples as a user runs them: two processes, the plugin loaded from its file.
#include "check.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <memory>
#include <string>
#include <vector>

namespace {
template <typename T> struct Unref {
  void operator() (T *p) const noexcept { g_object_unref (p); }
};
template <typename T> using Object = std::unique_ptr<T, Unref<T>>;

std::string env (const char *name)
{
  const char *value = g_getenv (name);
  return value ? value : "";
}

// Ends, at the latest by force, before the test would be killed, so that its output is shown.
class Program {
public:
  Program (const std::string &name, std::initializer_list<std::string> args)
  {
    Object<GSubprocessLauncher> launcher (
        g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE));
    g_subprocess_launcher_setenv (
        launcher.get (), "GST_PLUGIN_PATH_1_0", env ("REACH_PLUGIN_PATH").c_str (), TRUE);
    const std::string file = env ("REACH_BUILD_DIR") + "/docs/examples/" + name;
    std::vector<const char *> argv{"timeout", "--kill-after=5", "100", file.c_str ()};
    for (const std::string &arg : args)
      argv.push_back (arg.c_str ());
    argv.push_back (nullptr);
    GError *error = nullptr;
    process_.reset (g_subprocess_launcher_spawnv (launcher.get (), argv.data (), &error));
    fail_unless (process_ != nullptr, "%s: %s", name.c_str (), error ? error->message : "");
    lines_.reset (g_data_input_stream_new (g_subprocess_get_stdout_pipe (process_.get ())));
  }
  ~Program ()
  {
    if (!ended_)
      interrupt (SIGTERM);
  }
  void interrupt (int signal) { g_subprocess_send_signal (process_.get (), signal); }

  // The rest of the first line that starts with `prefix`, and all output up to there in `output`.
  std::string line (const std::string &prefix)
  {
    while (gchar *text = g_data_input_stream_read_line (lines_.get (), nullptr, nullptr, nullptr)) {
      const std::string l = text;
      g_free (text);
      output += l + "\n";
      if (l.starts_with (prefix))
        return l.substr (prefix.size ());
    }
    return {};
  }
  // Reads to the end of the output; true when the program ended with status 0.
  bool success ()
  {
    while (!line ("\n").empty ()) {
    }
    g_subprocess_wait (process_.get (), nullptr, nullptr);
    ended_ = true;
    return g_subprocess_get_successful (process_.get ());
  }

  std::string output;

private:
  Object<GSubprocess> process_;
  Object<GDataInputStream> lines_;
  bool ended_ = false;
};

// A folder for one test, removed at its end.
class Folder {
public:
  Folder ()
  {
    gchar *made = g_dir_make_tmp ("reach-XXXXXX", nullptr);
    fail_unless (made != nullptr);
    path = made;
    g_free (made);
  }
  ~Folder ()
  {
    for (const char *file : {"/reach.mkv", "/reach.png"})
      (void)g_remove ((path + file).c_str ());
    (void)g_rmdir (path.c_str ());
  }
  gsize size (const std::string &file) const
  {
    GStatBuf info;
    return g_stat ((path + file).c_str (), &info) == 0 ? static_cast<gsize> (info.st_size) : 0;
  }
  // A receiver writes it: false when it has not so many bytes within 80 s.
  bool wait_for (const std::string &file, gsize bytes) const
  {
    for (int i = 0; i < 8000 && size (file) < bytes; i++)
      g_usleep (10'000);
    return size (file) >= bytes;
  }
  std::string path;
};

// What a receiver must have printed after 3 s of 30 frames each, played without loss.
void assert_arrived (const Program &receiver, const Folder &folder, int at_least)
{
  const char *frames = std::strstr (receiver.output.c_str (), "frames: ");
  fail_unless (frames != nullptr, "no summary:\n%s", receiver.output.c_str ());
  int received = 0, decoded = 0, missing = -1;
  std::sscanf (
      frames, "frames: %d received, %d decoded, %d missing", &received, &decoded, &missing);
  fail_unless (received >= at_least, "only %d frames:\n%s", received, receiver.output.c_str ());
  fail_unless_equals_int (decoded, received);
  fail_unless_equals_int (missing, 0);
  int audio = 0;
  const char *sound = std::strstr (receiver.output.c_str (), "audio buffers: ");
  fail_unless (sound != nullptr);
  std::sscanf (sound, "audio buffers: %d", &audio);
  fail_unless (audio >= at_least, "only %d audio buffers", audio);
  fail_unless (folder.size ("/reach.mkv") > 10000);
  fail_unless (folder.size ("/reach.png") > 1000);
}

void push (const char *protocol)
{
  Folder folder;
  const std::string p = std::string ("protocol=") + protocol;
  Program receiver ("cam-receive", {folder.path, "mode=listener", p, "port=0"});
  const std::string port = receiver.line ("port ");
  fail_unless (std::atoi (port.c_str ()) > 0, "no port:\n%s", receiver.output.c_str ());
  Program sender ("cam-send", {"3", "mode=caller", p, "host=127.0.0.1", "port=" + port});
  fail_unless (sender.success (), "%s", sender.output.c_str ());
  fail_unless (receiver.success (), "%s", receiver.output.c_str ());
  assert_arrived (receiver, folder, 90);
  fail_unless (sender.output.find ("event cam-connected") != std::string::npos);
  fail_unless (receiver.output.find ("event cam-connected") != std::string::npos);
}

void pull (const char *protocol)
{
  Folder folder;
  const std::string p = std::string ("protocol=") + protocol;
  Program sender ("cam-send", {"90", "mode=listener", p, "port=0"});
  const std::string port = sender.line ("port ");
  fail_unless (std::atoi (port.c_str ()) > 0, "no port:\n%s", sender.output.c_str ());
  Program receiver (
      "cam-receive", {folder.path, "mode=caller", p, "host=127.0.0.1", "port=" + port});
  fail_unless (folder.wait_for ("/reach.mkv", 400'000), "%s", receiver.output.c_str ());
  sender.interrupt (SIGINT);
  fail_unless (sender.success (), "%s", sender.output.c_str ());
  fail_unless (receiver.success (), "%s", receiver.output.c_str ());
  // It joins late, at a key frame.
  assert_arrived (receiver, folder, 30);
  fail_unless (receiver.output.find ("event cam-session-connected") != std::string::npos);
}
} // namespace

GST_START_TEST (test_push_tcp)
{
  push ("tcp");
}
GST_END_TEST
GST_START_TEST (test_push_http)
{
  push ("http");
}
GST_END_TEST
GST_START_TEST (test_push_udp)
{
  push ("udp");
}
GST_END_TEST
GST_START_TEST (test_pull_tcp)
{
  pull ("tcp");
}
GST_END_TEST
GST_START_TEST (test_pull_http)
{
  pull ("http");
}
GST_END_TEST

static Suite *examples_suite ()
{
  Suite *s = suite_create ("examples");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_push_tcp);
  tcase_add_test (tc, test_push_http);
  tcase_add_test (tc, test_push_udp);
  tcase_add_test (tc, test_pull_tcp);
  tcase_add_test (tc, test_pull_http);
  return s;
}

int main (int argc, char **argv)
{
  // The programs are not sanitized test programs: gst-plugin-scanner cannot load their plugin then.
  if (env ("REACH_SANITIZED") == "1")
    return 77;
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (examples_suite (), "examples", __FILE__);
}
