// SPDX-License-Identifier: LGPL-2.1-or-later
// A program of docs/examples as a user runs it: the plugins loaded from their files.
#pragma once
#include "../check.h"
#include <csignal>
#include <gio/gio.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reach::test {
template <typename T> struct Unref {
  void operator() (T *p) const noexcept { g_object_unref (p); }
};
template <typename T> using Object = std::unique_ptr<T, Unref<T>>;

inline std::string env (const char *name)
{
  const char *value = g_getenv (name);
  return value ? value : "";
}

// Ends, at the latest by force, before the test would be killed, so that its output is shown.
class ExampleProgram {
public:
  using Environment = std::vector<std::pair<std::string, std::string>>;
  ExampleProgram (const std::string &name, const std::vector<std::string> &args,
      const Environment &environment = {})
  {
    Object<GSubprocessLauncher> launcher (
        g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE));
    g_subprocess_launcher_setenv (
        launcher.get (), "GST_PLUGIN_PATH_1_0", env ("REACH_PLUGIN_PATH").c_str (), TRUE);
    for (const auto &[variable, value] : environment)
      g_subprocess_launcher_setenv (launcher.get (), variable.c_str (), value.c_str (), TRUE);
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
  ~ExampleProgram ()
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
} // namespace reach::test
