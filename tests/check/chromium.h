// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium with pages that a test opens and runs expressions in (tests/npm/chromium.js).
#pragma once
#include "wait.h"
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

namespace reach::test {
class Chromium {
public:
  static bool there ()
  {
    const char *missing = nullptr;
    if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0)
      missing = "sanitizers see the same code in elements/rtc_call, rtc_pool and rtc_webrtcbin";
    else if (!std::filesystem::exists ("/usr/bin/chromium"))
      missing = "there is no Chromium (tests/packages)";
    else if (!std::filesystem::exists (packages () + "/node_modules/playwright-core"))
      missing = "there is no playwright-core in build-npm (tests/tools/install-npm)";
    if (missing)
      g_print ("SKIP: %s\n", missing);
    return !missing;
  }

  explicit Chromium (const std::vector<std::string> &flags = {})
  {
    const std::string script = source () + "/tests/npm/chromium.js";
    std::vector<const char *> argv{"node", script.c_str ()};
    for (const std::string &f : flags)
      argv.push_back (f.c_str ());
    argv.push_back (nullptr);
    GSubprocessLauncher *launcher = g_subprocess_launcher_new (static_cast<GSubprocessFlags> (
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE));
    g_subprocess_launcher_setenv (launcher, "REACH_NPM_DIR", packages ().c_str (), TRUE);
    // Sanitizers and caches of this test are nothing for it.
    for (const char *name : {"LD_PRELOAD", "G_SLICE", "GST_TRACERS", "G_DEBUG"})
      g_subprocess_launcher_unsetenv (launcher, name);
    GError *error = nullptr;
    process_ = g_subprocess_launcher_spawnv (launcher, argv.data (), &error);
    g_object_unref (launcher);
    fail_unless (process_ != nullptr, "node: %s", error ? error->message : "");
    out_ = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process_));
  }
  // When its input ends so does it, also after a test that was killed.
  ~Chromium ()
  {
    g_output_stream_close (g_subprocess_get_stdin_pipe (process_), nullptr, nullptr);
    g_subprocess_wait (process_, nullptr, nullptr);
    g_object_unref (out_);
    g_object_unref (process_);
  }
  Chromium (const Chromium &) = delete;
  Chromium &operator= (const Chromium &) = delete;

  void open (const std::string &url, const std::string &page = "a") { command ("open", page, url); }
  void reload (const std::string &page = "a") { command ("reload", page, ""); }
  void close (const std::string &page = "a") { command ("close", page, ""); }
  void screenshot (const std::string &file, const std::string &page = "a")
  {
    command ("screenshot", page, file);
  }
  // What the expression, or the promise it is, comes to; an exception fails the test.
  std::string run (const std::string &expression, const std::string &page = "a")
  {
    return command ("run", page, expression);
  }

  static std::string source () { return g_getenv ("REACH_SOURCE_DIR"); }

private:
  static std::string packages () { return source () + "/build-npm"; }

  std::string command (const char *what, const std::string &page, const std::string &text)
  {
    // Unlike those of another test that was killed while it waited for its answer.
    const std::string id = std::to_string (getpid ()) + "." + std::to_string (++number_);
    const std::string all =
        id + " " + what + " " + page + " " + std::to_string (text.size ()) + "\n" + text;
    GOutputStream *in = g_subprocess_get_stdin_pipe (process_);
    fail_unless (
        g_output_stream_write_all (in, all.data (), all.size (), nullptr, nullptr, nullptr));
    for (;;) {
      gchar *line = g_data_input_stream_read_line (out_, nullptr, nullptr, nullptr);
      fail_unless (line != nullptr, "node has ended");
      gchar **words = g_strsplit (line, " ", 3);
      std::string answer (std::stoul (words[2]), '\0');
      const bool ours = words[0] == id, ok = g_str_equal (words[1], "ok");
      g_strfreev (words);
      g_free (line);
      fail_unless (g_input_stream_read_all (
          G_INPUT_STREAM (out_), answer.data (), answer.size (), nullptr, nullptr, nullptr));
      if (!ours)
        continue;
      if (!ok)
        g_printerr ("%s\n", answer.c_str ()); // longer than messages of checks may be
      fail_unless (ok, "%s: %s", text.c_str (), answer.substr (0, 500).c_str ());
      return answer;
    }
  }

  GSubprocess *process_ = nullptr;
  GDataInputStream *out_ = nullptr;
  unsigned number_ = 0;
};
} // namespace reach::test
