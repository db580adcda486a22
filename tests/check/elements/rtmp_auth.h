// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of logins and tokens share: files of secrets, programs and pipelines that end one way
// or the other.
#pragma once
#include "../rtmp_players.h"
#include "rtmp_client.h"
#include "rtmp_source.h"

namespace reach::test {
class SecretFile {
public:
  explicit SecretFile (const std::string &text)
  {
    char name[] = "/tmp/reach-lines-XXXXXX";
    const int fd = g_mkstemp (name);
    fail_unless (fd >= 0);
    g_close (fd, nullptr);
    path = name;
    write (text);
  }
  ~SecretFile () { g_unlink (path.c_str ()); }
  SecretFile (const SecretFile &) = delete;
  SecretFile &operator= (const SecretFile &) = delete;
  void write (const std::string &text) const
  {
    fail_unless (g_file_set_contents (
        path.c_str (), text.data (), static_cast<gssize> (text.size ()), nullptr));
  }
  std::string path;
};

struct Outcome {
  bool good = false;
  std::string said; // on stderr
};

inline Outcome run (const std::vector<std::string> &words, const char *preload = nullptr)
{
  std::vector<const char *> argv;
  for (const auto &w : words)
    argv.push_back (w.c_str ());
  argv.push_back (nullptr);
  GSubprocessLauncher *l = g_subprocess_launcher_new (static_cast<GSubprocessFlags> (
      G_SUBPROCESS_FLAGS_STDERR_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE));
  g_subprocess_launcher_unsetenv (l, "GST_TRACERS"); // its leaks are not ours
  if (preload)
    g_subprocess_launcher_setenv (l, "LD_PRELOAD", preload, TRUE);
  GSubprocess *p = g_subprocess_launcher_spawnv (l, argv.data (), nullptr);
  fail_unless (p != nullptr, "%s", argv[0]);
  gchar *said = nullptr;
  fail_unless (g_subprocess_communicate_utf8 (p, nullptr, nullptr, nullptr, &said, nullptr));
  Outcome o{g_subprocess_get_if_exited (p) && g_subprocess_get_exit_status (p) == 0, said};
  g_free (said);
  g_object_unref (p);
  g_object_unref (l);
  return o;
}

inline std::vector<std::string> gst_launch (const std::string &line)
{
  std::vector<std::string> words{"gst-launch-1.0", "-q"};
  gchar **split = nullptr;
  fail_unless (g_shell_parse_argv (line.c_str (), nullptr, &split, nullptr));
  for (gchar **w = split; *w; w++)
    words.emplace_back (*w);
  g_strfreev (split);
  return words;
}

// Of rtmp2sink and rtmp2src, which leak in 1.22 when they are refused behind connect.
inline bool is_refused (const std::string &line)
{
  const Outcome o = run (gst_launch (line));
  return !o.good && o.said.find ("ERROR") != std::string::npos;
}

// Whether a pipeline in this process comes to its end; an ERROR else.
inline bool ends_well (const std::string &line)
{
  GstElement *p = gst_parse_launch (line.c_str (), nullptr);
  fail_unless (p != nullptr, "%s", line.c_str ());
  gst_element_set_state (p, GST_STATE_PLAYING);
  const auto types = static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  const auto m = wait_message (p, types);
  fail_unless (m != nullptr, "it neither ended nor failed: %s", line.c_str ());
  gst_element_set_state (p, GST_STATE_NULL);
  gst_object_unref (p);
  return GST_MESSAGE_TYPE (m.get ()) == GST_MESSAGE_EOS;
}

// The file through flvmux into `sink`.
inline std::string published (const FlvFile &file, const std::string &sink)
{
  return "filesrc location=" + file.path +
         " ! flvdemux name=d flvmux name=m streamable=true d.video ! queue ! h264parse ! m. "
         "d.audio ! queue ! aacparse ! m. m. ! " +
         sink;
}

inline std::string played (const std::string &source)
{
  return source + " num-buffers=10 ! fakesink sync=false";
}

inline std::vector<std::string> ffmpeg_player (const std::string &url)
{
  return {"ffmpeg", "-v", "error", "-analyzeduration", "300000", "-i", url, "-frames:v", "2", "-f",
      "null", "-"};
}

// A live picture for players.
inline const char *live_video = "videotestsrc is-live=true ! "
                                "video/x-raw,width=160,height=120,framerate=30/1 ! x264enc "
                                "tune=zerolatency key-int-max=10 ! s.video_0";

inline std::string with_user (std::string url, const std::string &user)
{
  return url.insert (url.find ("://") + 3, user + "@");
}
} // namespace reach::test
