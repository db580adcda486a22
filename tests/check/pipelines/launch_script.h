// SPDX-License-Identifier: LGPL-2.1-or-later
// A script of pipelines/ as a user runs it.
#pragma once
#include "../child_process.h"
#include "../chromium.h"

namespace reach::test {
// The launch line in a process of its own; ends it, as Ctrl+C does.
class Line {
public:
  // That of this folder of pipelines/.
  Line (const std::string &folder, guint16 port)
  {
    std::string script = Chromium::source () + "/pipelines/" + folder + "/run";
    g_setenv ("PORT", std::to_string (port).c_str (), TRUE);
    g_setenv ("GST_PLUGIN_PATH_1_0", g_getenv ("REACH_PLUGIN_PATH"), TRUE);
    char *argv[] = {script.data (), nullptr};
    pid_ = start_child (argv);
  }
  ~Line () { end_child (pid_, SIGINT); }
  Line (const Line &) = delete;
  Line &operator= (const Line &) = delete;

private:
  pid_t pid_;
};

inline bool answers (guint16 port)
{
  GSocketClient *client = g_socket_client_new ();
  GSocketConnection *c =
      g_socket_client_connect_to_host (client, "127.0.0.1", port, nullptr, nullptr);
  const bool yes = c != nullptr;
  g_clear_object (&c);
  g_object_unref (client);
  return yes;
}
} // namespace reach::test
