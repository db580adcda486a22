// SPDX-License-Identifier: LGPL-2.1-or-later
// The example that renders frames for RTMP viewers, with an encoder that it loads itself.
#include "../elements/rtmp_client.h"
#include "../elements/rtmp_source.h"
#include "example_program.h"
#include <filesystem>

using namespace reach::test;
namespace fs = std::filesystem;

namespace {
constexpr const char *anywhere = "port=0";
constexpr const char *here = "bind-address=127.0.0.1";

std::string system_plugin (const std::string &name)
{
  return env ("GST_PLUGIN_SYSTEM_PATH_1_0") + "/libgst" + name + ".so";
}

// GStreamer without any video encoder, and a folder with one plugin of one.
class Plugins {
public:
  Plugins ()
  {
    gchar *made = g_dir_make_tmp ("reach-XXXXXX", nullptr);
    fail_unless (made != nullptr);
    root_ = made;
    g_free (made);
    for (const char *folder : {"system", "codecs"})
      fs::create_directory (root_ / folder);
    for (const char *name : {"app", "coreelements", "videoconvertscale", "videoparsersbad"})
      link ("system", name);
    link ("codecs", "libav");
  }
  ~Plugins () { fs::remove_all (root_); }
  Plugins (const Plugins &) = delete;
  Plugins &operator= (const Plugins &) = delete;

  std::string codecs () const { return root_ / "codecs"; }
  ExampleProgram::Environment environment () const
  {
    return {
        {"GST_PLUGIN_SYSTEM_PATH_1_0", root_ / "system"}, {"GST_REGISTRY_1_0", root_ / "registry"}};
  }

private:
  void link (const char *folder, const std::string &name) const
  {
    fs::create_symlink (system_plugin (name), root_ / folder / ("libgst" + name + ".so"));
  }
  fs::path root_;
};

int port_of (ExampleProgram &p)
{
  const int port = std::atoi (p.line ("port ").c_str ());
  fail_unless (port > 0, "no port:\n%s", p.output.c_str ());
  return port;
}

unsigned rendered (const ExampleProgram &p)
{
  unsigned n = 0;
  const auto at = p.output.find ("rendered ");
  fail_unless (at != std::string::npos, "%s", p.output.c_str ());
  std::sscanf (p.output.c_str () + at, "rendered %u", &n);
  return n;
}

// ffmpeg decodes 30 frames of it.
void watch (ExampleProgram &p)
{
  const std::string url = "rtmp://127.0.0.1:" + std::to_string (port_of (p)) + "/live/render";
  Program player ({"ffmpeg", "-v", "error", "-analyzeduration", "300000", "-i", url, "-frames:v",
      "30", "-f", "null", "-"});
  fail_unless (player.succeeds ());
  fail_unless (p.line ("viewers ") == "1");
  fail_unless (p.line ("viewers ") == "0");
  p.interrupt (SIGINT);
  fail_unless (p.success (), "%s", p.output.c_str ());
  fail_unless (rendered (p) >= 30, "%s", p.output.c_str ());
}
} // namespace

GST_START_TEST (test_nothing_is_rendered_for_nobody)
{
  ExampleProgram p ("rtmp-render", {"2", anywhere, here});
  fail_unless (p.success (), "%s", p.output.c_str ());
  fail_unless_equals_int (rendered (p), 1);
}
GST_END_TEST

GST_START_TEST (test_without_an_encoder)
{
  const Plugins plugins;
  ExampleProgram p ("rtmp-render", {"60", anywhere, here}, plugins.environment ());
  fail_if (p.success (), "%s", p.output.c_str ());
  fail_unless (
      p.output.find ("no encoder is installed") != std::string::npos, "%s", p.output.c_str ());
}
GST_END_TEST

GST_START_TEST (test_encoder_of_a_file)
{
  const Plugins plugins;
  ExampleProgram p ("rtmp-render", {"60", "plugin=" + system_plugin ("x264"), anywhere, here},
      plugins.environment ());
  fail_unless (p.line ("encoder ") == "x264enc");
  watch (p);
}
GST_END_TEST

GST_START_TEST (test_encoder_of_a_folder)
{
  const Plugins plugins;
  ExampleProgram p ("rtmp-render", {"60", "plugin-folder=" + plugins.codecs (), anywhere, here},
      plugins.environment ());
  watch (p); // h264 is preferred, but screen-video is what there is
  fail_unless (p.output.find ("encoder avenc_flashsv\n") != std::string::npos);
  fail_unless (p.output.find ("x264enc") == std::string::npos);
}
GST_END_TEST

GST_START_TEST (test_no_such_plugin)
{
  ExampleProgram p ("rtmp-render", {"60", "plugin=/nowhere/libgstnone.so"});
  fail_if (p.success ());
}
GST_END_TEST

// A viewer that reads nothing.
GST_START_TEST (test_frames_are_skipped_for_a_slow_viewer)
{
  ExampleProgram p ("rtmp-render", {"60", "bitrate=20000", "max-queue-time=200", anywhere, here});
  RtmpClient client (port_of (p));
  fail_unless_equals_string (client.connect ().c_str (), "NetConnection.Connect.Success");
  fail_unless_equals_string (client.play ("render").c_str (), "NetStream.Play.Start");
  fail_if (p.line ("too slow: ").empty (), "%s", p.output.c_str ());
  fail_if (p.line ("too slow: ").empty (), "%s", p.output.c_str ());
  p.interrupt (SIGINT);
  fail_unless (p.success (), "%s", p.output.c_str ());
  fail_unless (p.output.find (", skipped 0") == std::string::npos, "%s", p.output.c_str ());
}
GST_END_TEST

static Suite *rtmp_render_suite ()
{
  Suite *s = suite_create ("rtmp-render");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_nothing_is_rendered_for_nobody);
  tcase_add_test (tc, test_without_an_encoder);
  tcase_add_test (tc, test_encoder_of_a_file);
  tcase_add_test (tc, test_encoder_of_a_folder);
  tcase_add_test (tc, test_no_such_plugin);
  tcase_add_test (tc, test_frames_are_skipped_for_a_slow_viewer);
  return s;
}

int main (int argc, char **argv)
{
  // As in examples.cpp: the programs are not sanitized.
  if (env ("REACH_SANITIZED") == "1")
    return 77;
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (rtmp_render_suite (), "rtmp-render", __FILE__);
}
