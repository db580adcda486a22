// SPDX-License-Identifier: LGPL-2.1-or-later
// nginx with its RTMP module in between: it pushes what it gets to rtmpserversrc, and pulls what
// its players want from rtmpserversink.
#include "../rtmp_players.h"
#include "rtmp_publisher.h"
#include <filesystem>

using namespace reach::test;

namespace {
constexpr const char *module = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
constexpr const char *nginx = "/usr/sbin/nginx";

bool installed ()
{
  for (const char *file : {module, nginx})
    if (!std::filesystem::exists (file)) {
      g_print ("SKIP: %s is not there (Debian: nginx-light, libnginx-mod-rtmp)\n", file);
      return false;
    }
  return true;
}

bool accepts (std::uint16_t port)
{
  const int fd = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons (port);
  a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  const bool good = ::connect (fd, reinterpret_cast<sockaddr *> (&a), sizeof a) == 0;
  ::close (fd);
  return good;
}

// One process, in a folder of its own.
class Nginx {
public:
  // `relay`: what its application `live` does with its streams.
  explicit Nginx (const std::string &relay) : port (unused_port ())
  {
    gchar *dir = g_dir_make_tmp ("reach-nginx-XXXXXX", nullptr);
    fail_unless (dir != nullptr);
    folder_ = dir;
    g_free (dir);
    const std::string config = folder_ + "/nginx.conf";
    std::ofstream (config) << "load_module " << module << ";\ndaemon off; master_process off;\n"
                           << "pid " << folder_ << "/pid; error_log " << folder_ << "/log;\n"
                           << "events { worker_connections 64; }\n"
                           << "rtmp { access_log off; server { listen 127.0.0.1:" << port << ";\n"
                           << "application live { live on; " << relay << " } } }\n";
    process_ = std::make_unique<Program> (
        std::vector<std::string>{nginx, "-p", folder_, "-e", folder_ + "/log", "-c", config});
    fail_unless (iterate_until ([this] { return accepts (port); }), "nginx does not listen");
  }
  ~Nginx ()
  {
    process_.reset ();
    std::filesystem::remove_all (folder_);
  }
  Nginx (const Nginx &) = delete;
  Nginx &operator= (const Nginx &) = delete;
  std::string url () const { return "rtmp://127.0.0.1:" + std::to_string (port) + "/live/cam"; }

  const std::uint16_t port;

private:
  std::string folder_;
  std::unique_ptr<Program> process_;
};

std::string push_to (const RtmpSource &s)
{
  return "push rtmp://127.0.0.1:" + std::to_string (s.port ()) + "/live;";
}
} // namespace

// Every frame: the publisher waits until nginx has connected to us.
GST_START_TEST (test_push)
{
  if (!installed ())
    return;
  const FlvFile file;
  RtmpSource s;
  s.set ("stream-key", "cam");
  s.play ();
  Nginx server (push_to (s));
  {
    Publisher publisher (server.port, file);
    fail_unless (iterate_until ([&] { return s.stat ("publishers") == 1; }));
    for (const auto &t : publisher.tags)
      publisher.send (t);
    const auto video = file.frames (true).size (), audio = file.frames (false).size ();
    fail_unless (s.wait ([&] (const auto &p) {
      return p.contains ("video_0") && p.at ("video_0").buffers.size () >= video &&
             p.contains ("audio_0") && p.at ("audio_0").buffers.size () >= audio;
    }));
  }
  fail_unless (s.wait_eos (3));
  const auto pads = s.pads.get ();
  check_same (pads.at ("video_0"), file.frames (true));
  check_same (pads.at ("audio_0"), file.frames (false));
  fail_unless (pads.at ("video_0").caps.find ("video/x-h264") == 0);
  fail_unless (pads.at ("audio_0").caps.find ("audio/mpeg") == 0);
}
GST_END_TEST

// FFmpeg does not wait: what it sends before nginx has connected is not for us. The rest is, and
// begins with a key frame.
GST_START_TEST (test_ffmpeg_pushed_on)
{
  if (!installed ())
    return;
  const FlvFile file (true, true, "4");
  RtmpSource s;
  s.play ();
  Nginx server (push_to (s));
  Program publisher (file.ffmpeg (server.url ()));
  fail_unless (s.wait_eos (3));
  const auto pads = s.pads.get ();
  for (const bool video : {true, false}) {
    const auto &got = pads.at (video ? "video_0" : "audio_0").buffers;
    const auto sent = file.frames (video);
    fail_unless (got.size () >= 10 && got.size () <= sent.size (), "%zu", got.size ());
    for (std::size_t i = 0; i < got.size (); i++)
      fail_unless (bytes_of (got[i].get ()) == sent[sent.size () - got.size () + i], "%zu", i);
  }
  fail_if (
      GST_BUFFER_FLAG_IS_SET (pads.at ("video_0").buffers[0].get (), GST_BUFFER_FLAG_DELTA_UNIT));
}
GST_END_TEST

// A player of nginx has it pull from us.
GST_START_TEST (test_pull)
{
  if (!installed ())
    return;
  const Recording v (coded_video), a (coded_audio);
  Sender s ("appsrc name=v is-live=true format=time ! s.video_0 appsrc name=a is-live=true "
            "format=time ! s.audio_0");
  Nginx server ("pull " + s.url.substr (0, s.url.rfind ('/')) + ";");
  Viewer viewer (demuxed ("rtmp2src location=" + server.url ()));
  fail_unless (s.wait_viewers (1));
  s.push ("v", v);
  s.push ("a", a);
  fail_unless (viewer.video.wait ([&] (const auto &f) { return f.size () >= v.buffers.size (); }),
      "%zu of %zu frames", viewer.video.get ().size (), v.buffers.size ());
  fail_unless (viewer.audio.wait ([&] (const auto &f) { return f.size () >= a.buffers.size (); }),
      "%zu of %zu of sound", viewer.audio.get ().size (), a.buffers.size ());
  fail_unless (viewer.video.get () == v.payloads ());
  fail_unless (viewer.audio.get () == a.payloads ());
}
GST_END_TEST

static Suite *rtmp_nginx_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_nginx");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_push);
  tcase_add_test (tc, test_ffmpeg_pushed_on);
  tcase_add_test (tc, test_pull);
  return s;
}

GST_CHECK_MAIN (rtmp_nginx)
