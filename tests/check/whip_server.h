// SPDX-License-Identifier: LGPL-2.1-or-later
// The WHIP and WHEP server of tests/npm/whip-server.js.
#pragma once
#include "common/ref.h"
#include "wait.h"
#include <filesystem>
#include <string>

namespace reach::test {
class WhipServer {
public:
  static bool there ()
  {
    const CharPtr node (g_find_program_in_path ("node"));
    const bool installed = std::filesystem::exists (packages () + "/node_modules/werift");
    if (!node || !installed)
      g_print ("SKIP: %s (tests/tools/install-npm)\n",
          node ? "werift is not in build-npm" : "there is no Node.js");
    return node && installed;
  }
  // options: JSON, as the script has them.
  explicit WhipServer (const std::string &options = "{}")
      : secure_ (options.find ("\"key\"") != std::string::npos)
  {
    const std::string script = source () + "/tests/npm/whip-server.js";
    GSubprocessLauncher *launcher = g_subprocess_launcher_new (static_cast<GSubprocessFlags> (
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE));
    g_subprocess_launcher_setenv (launcher, "REACH_NPM_DIR", packages ().c_str (), TRUE);
    // Sanitizers and caches of this test are nothing for it.
    for (const char *name : {"LD_PRELOAD", "G_SLICE", "GST_TRACERS", "G_DEBUG"})
      g_subprocess_launcher_unsetenv (launcher, name);
    GError *error = nullptr;
    process_ = g_subprocess_launcher_spawn (
        launcher, &error, "node", script.c_str (), options.c_str (), nullptr);
    g_object_unref (launcher);
    fail_unless (process_ != nullptr, "node: %s", error ? error->message : "");
    out_ = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process_));
    port_ = line ();
  }
  ~WhipServer ()
  {
    g_output_stream_close (g_subprocess_get_stdin_pipe (process_), nullptr, nullptr);
    // Until it has ended. To wait for the process takes a thread of GLib's, which a forked test
    // does not have.
    while (g_autofree char *rest = g_data_input_stream_read_line (out_, nullptr, nullptr, nullptr))
      ;
    g_object_unref (out_);
    g_object_unref (process_);
  }
  WhipServer (const WhipServer &) = delete;
  WhipServer &operator= (const WhipServer &) = delete;

  std::string origin () const
  {
    return (secure_ ? "https://localhost:" : "http://127.0.0.1:") + port_;
  }
  // way: whip or whep.
  std::string uri (const std::string &way, const std::string &name = "cam") const
  {
    return way + "+" + origin () + "/" + way + "/" + name;
  }
  void set (const std::string &options) { ask ("{\"set\":" + options + "}"); }
  void close_connections () { ask ("{\"close\":\"\"}"); }
  // What it has seen, JSON.
  std::string seen () { return ask ("{\"see\":\"\"}"); }
  // Until that has this text.
  bool sees (const std::string &text, milliseconds limit = long_enough)
  {
    std::string last;
    const bool yes = iterate_until (
        [&] {
          last = seen ();
          return last.find (text) != std::string::npos;
        },
        nullptr, limit);
    if (!yes)
      g_printerr ("not %s, but %s\n", text.c_str (), last.c_str ());
    return yes;
  }
  // The number behind this name, wherever it is.
  double number (const std::string &name)
  {
    const std::string all = seen (), key = "\"" + name + "\":";
    const auto at = all.find (key);
    fail_unless (at != std::string::npos, "%s", all.c_str ());
    return g_ascii_strtod (all.c_str () + at + key.size (), nullptr);
  }

private:
  static std::string source () { return g_getenv ("REACH_SOURCE_DIR"); }
  static std::string packages () { return source () + "/build-npm"; }
  std::string line ()
  {
    const CharPtr text (g_data_input_stream_read_line (out_, nullptr, nullptr, nullptr));
    fail_unless (text != nullptr, "node has ended");
    return text.get ();
  }
  std::string ask (std::string command)
  {
    command += "\n";
    fail_unless (g_output_stream_write_all (g_subprocess_get_stdin_pipe (process_), command.data (),
        command.size (), nullptr, nullptr, nullptr));
    return line ();
  }

  const bool secure_;
  GSubprocess *process_ = nullptr;
  GDataInputStream *out_ = nullptr;
  std::string port_;
};
} // namespace reach::test
