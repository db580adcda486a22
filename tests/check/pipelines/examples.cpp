// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedding examples as a user runs them: two processes, the plugin loaded from its file.
#include "example_program.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <glib/gstdio.h>

using namespace reach::test;

namespace {
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
void assert_arrived (const ExampleProgram &receiver, const Folder &folder, int at_least)
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
  ExampleProgram receiver ("cam-receive", {folder.path, "mode=listener", p, "port=0"});
  const std::string port = receiver.line ("port ");
  fail_unless (std::atoi (port.c_str ()) > 0, "no port:\n%s", receiver.output.c_str ());
  ExampleProgram sender ("cam-send", {"3", "mode=caller", p, "host=127.0.0.1", "port=" + port});
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
  ExampleProgram sender ("cam-send", {"90", "mode=listener", p, "port=0"});
  const std::string port = sender.line ("port ");
  fail_unless (std::atoi (port.c_str ()) > 0, "no port:\n%s", sender.output.c_str ());
  ExampleProgram receiver (
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
