// SPDX-License-Identifier: LGPL-2.1-or-later
// The floor of a fan-out: one send () of a frame and its header per reader and frame, and nothing
// else but reading, and throwing away, what the readers say.
#include "load.h"
#include "rtmp_image.h"
#include "rtmp_words.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace reach::bench {
namespace {
int listen_on (std::uint16_t port)
{
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons (port);
  here.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (bind (fd, reinterpret_cast<const sockaddr *> (&here), sizeof here) != 0 ||
      listen (fd, 1024) != 0) {
    std::perror ("reach-bench: listen");
    close (fd);
    return -1;
  }
  return fd;
}

void sleep_until (std::int64_t ns)
{
  const timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

struct Loop {
  int listener;
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  std::vector<int> readers;
  std::uint64_t writes = 0, not_taken = 0; // bytes a full socket refused

  ~Loop ()
  {
    for (const int fd : readers)
      close (fd);
    close (epoll);
    close (listener);
  }
  void accept_new ()
  {
    const int on = 1;
    for (int fd; (fd = accept4 (listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event e{};
      e.events = EPOLLIN;
      e.data.fd = fd;
      epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &e);
      readers.push_back (fd);
    }
  }
  void hear ()
  {
    epoll_event events[128];
    char thrown_away[4096];
    const int n = epoll_wait (epoll, events, 128, 0);
    for (int i = 0; i < n; i++)
      if (recv (events[i].data.fd, thrown_away, sizeof thrown_away, 0) <= 0)
        epoll_ctl (epoll, EPOLL_CTL_DEL, events[i].data.fd, nullptr);
  }
  void write (std::string_view data)
  {
    for (const int fd : readers) {
      const auto sent = ::send (fd, data.data (), data.size (), MSG_NOSIGNAL);
      not_taken += data.size () - static_cast<std::size_t> (std::max<ssize_t> (sent, 0));
      writes++;
    }
  }
};
// What it writes: frames with a header of that many bytes in front, or as RTMP messages.
class Writes {
public:
  explicit Writes (const Options &o)
      : load_ (Load::from (o)), rtmp_ (!o.text ("rtmp").empty ()), header_ (o.count ("header", 48)),
        sound_size_ (o.count ("sound", 0)),
        plain_ (std::max (load_.size, load_.key_size) + header_, 'x'),
        video_ (rtmp::video, load_.size, loop_chunk_size),
        audio_ (rtmp::audio, sound_size_, loop_chunk_size)
  {
  }
  bool over () const { return frames_ >= load_.count; }
  // Seconds after the start.
  double next_at () const { return std::min (video_at (), audio_at ()); }
  std::string_view next ()
  {
    const auto ms = static_cast<std::uint32_t> (next_at () * 1e3);
    if (audio_at () < video_at ())
      return audio_.stamp (sounds_++, ms, true);
    const std::uint32_t n = frames_++;
    if (rtmp_)
      return video_.stamp (n, ms, n % load_.key_every == 0);
    return std::string_view (plain_).substr (0, load_.frame_size (n) + header_);
  }

private:
  double video_at () const { return frames_ / load_.fps; }
  double audio_at () const { return sound_size_ == 0 ? HUGE_VAL : sounds_ * 1024 / 44100.0; }

  const Load load_;
  const bool rtmp_;
  const std::size_t header_, sound_size_;
  const std::string plain_;
  RtmpImage video_, audio_;
  std::uint32_t frames_ = 0, sounds_ = 0;
};
} // namespace

// Options: those of the load; header, or rtmp=1: each frame is a message of live streams; sound:
// with rtmp, bytes of an AAC frame, also sent, or 0.
int send_loop (const Options &options)
{
  Writes writes (options);
  Loop loop{listen_on (static_cast<std::uint16_t> (options.count ("port", 0))), {}};
  if (loop.listener < 0)
    return 1;
  Json ().add ("state", std::string ("playing")).print ();
  const auto start = Usage::now ();
  const double end = start.at + options.number ("timeout", 120);
  const auto begin = monotonic_ns ();
  {
    const Commands commands;
    while (!writes.over () && !commands.quit () && Usage::now ().at < end) {
      sleep_until (begin + static_cast<std::int64_t> (writes.next_at () * 1e9));
      loop.accept_new ();
      loop.hear ();
      loop.write (writes.next ());
    }
  }
  Json json;
  json.add ("role", std::string ("send-loop"))
      .add ("writes", loop.writes)
      .add ("not_taken", loop.not_taken);
  add_usage (json, start, Usage::now ());
  json.print ();
  return 0;
}
} // namespace reach::bench
