// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers of H.264 and AAC, in one thread that costs little: a server's load.
#include "load.h"
#include "rtmp_image.h"
#include "rtmp_talk.h"
#include "rtmp_words.h"
#include <arpa/inet.h>
#include <cstdio>
#include <ctime>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::bench {
namespace {
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t tick = 1'000'000; // ns

// A stream's frames, at fixed times.
struct Track {
  double fps;
  RtmpImage image;
  unsigned key_every;
  std::uint32_t sent = 0;

  std::int64_t due () const { return static_cast<std::int64_t> (sent / fps * 1e9); }
  const std::string &next ()
  {
    const auto ms = static_cast<std::uint32_t> (due () / 1'000'000);
    const std::string &m = image.stamp (sent, ms, sent % key_every == 0);
    sent++;
    return m;
  }
};

class Publisher {
public:
  Publisher (const Options &o, std::string name, bool sound);
  ~Publisher () { close (fd_); }
  Publisher (const Publisher &) = delete;
  Publisher &operator= (const Publisher &) = delete;

  bool connect (const sockaddr_in &to);
  // All that is due `ns` after the start, into a socket that blocks. The bytes; negative: closed.
  std::int64_t send_due (std::int64_t ns, std::uint64_t &messages);
  void hear () const; // and throw away

private:
  bool say (const std::string &text) const
  {
    return ::send (fd_, text.data (), text.size (), MSG_NOSIGNAL) ==
           static_cast<ssize_t> (text.size ());
  }
  const int fd_ = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string name_;
  const std::uint32_t chunk_size_;
  std::vector<Track> tracks_;
};

Publisher::Publisher (const Options &o, std::string name, bool sound)
    : name_ (std::move (name)), chunk_size_ (static_cast<std::uint32_t> (o.count ("chunk", 4096)))
{
  const Load video = Load::from (o);
  tracks_.push_back (
      {video.fps, RtmpImage (rtmp::video, video.size, chunk_size_), video.key_every});
  if (sound)
    tracks_.push_back (
        {44100.0 / 1024, RtmpImage (rtmp::audio, o.count ("sound", 0), chunk_size_), 1});
}

bool Publisher::connect (const sockaddr_in &to)
{
  const int on = 1;
  const timeval patience{5, 0};
  setsockopt (fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect (fd_, reinterpret_cast<const sockaddr *> (&to), sizeof to) != 0 ||
      !say (RtmpTalk::begin ()))
    return false;
  RtmpTalk talk (rtmp::publish (name_));
  while (!talk.started ()) {
    char in[8192];
    const auto got = recv (fd_, in, sizeof in, 0);
    if (got <= 0)
      return false;
    const auto text =
        talk.input ({in, static_cast<std::size_t> (got)}, [] (const RtmpMessages::Message &) {});
    if (talk.refused () || !(text.empty () || say (text)))
      return false;
  }
  const bool sound = tracks_.size () > 1;
  return say (rtmp::metadata (sound) + rtmp_configuration (sound) +
              rtmp::announce_chunk_size (chunk_size_));
}

std::int64_t Publisher::send_due (std::int64_t ns, std::uint64_t &messages)
{
  std::int64_t bytes = 0;
  for (Track &t : tracks_)
    while (t.due () <= ns) {
      const std::string &m = t.next ();
      if (!say (m))
        return -1;
      messages++;
      bytes += static_cast<std::int64_t> (m.size ());
    }
  return bytes;
}

void Publisher::hear () const
{
  char in[4096];
  while (recv (fd_, in, sizeof in, MSG_DONTWAIT) > 0)
    ;
}

class Publishers {
public:
  bool connect_all (const Options &o);
  void run (const Commands &commands, double end);
  void report (Json &json) const
  {
    json.add ("messages", std::uint64_t{messages_}).add ("bytes", std::uint64_t{bytes_});
    json.add ("closed", std::uint64_t{closed_}).add ("late_ms", static_cast<double> (late_) / 1e6);
  }

private:
  void send_due (std::size_t i, std::int64_t ns);

  std::vector<std::unique_ptr<Publisher>> all_; // null: closed
  double fps_ = 30;
  // "mark" looks at them from another thread.
  std::atomic<std::uint64_t> messages_{0}, bytes_{0}, closed_{0};
  std::atomic<std::int64_t> late_{0};
};

bool Publishers::connect_all (const Options &o)
{
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons (static_cast<std::uint16_t> (o.count ("port", 0)));
  inet_pton (AF_INET, o.text ("host", "127.0.0.1").c_str (), &to.sin_addr);
  const std::uint64_t count = o.count ("count", 1);
  fps_ = o.number ("fps", fps_);
  for (std::uint64_t i = 0; i < count; i++) {
    all_.push_back (std::make_unique<Publisher> (
        o, count == 1 ? "bench" : "bench" + std::to_string (i), o.count ("sound", 0) != 0));
    if (!all_.back ()->connect (to)) {
      std::fprintf (stderr, "reach-bench: publisher %ju is not let in\n", std::uintmax_t{i});
      return false;
    }
  }
  return true;
}

// They begin within a frame's duration, one after the other.
void Publishers::send_due (std::size_t i, std::int64_t ns)
{
  const auto phase = static_cast<std::int64_t> (
      static_cast<double> (i) / static_cast<double> (all_.size ()) / fps_ * 1e9);
  std::uint64_t messages = 0;
  const auto bytes = all_[i]->send_due (ns - phase, messages);
  messages_ += messages;
  if (bytes < 0) {
    all_[i].reset ();
    closed_++;
    return;
  }
  bytes_ += static_cast<std::uint64_t> (bytes);
}

void Publishers::run (const Commands &commands, double end)
{
  const auto start = monotonic_ns ();
  std::int64_t heard = start;
  for (std::int64_t at = start; !commands.quit () && Usage::now ().at < end; at += tick) {
    const timespec t{at / second, at % second};
    clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
    late_ = std::max<std::int64_t> (late_, monotonic_ns () - at);
    const bool hear = at - heard > second / 4;
    for (std::size_t i = 0; i < all_.size (); i++) {
      if (all_[i])
        send_due (i, at - start);
      if (all_[i] && hear)
        all_[i]->hear ();
    }
    if (hear)
      heard = at;
  }
}
} // namespace

// Options: host, port, count, fps, size and key-every of the video, sound: bytes of an AAC frame or
// 0, chunk: the chunk size. Their names are "bench0", "bench1" …; of a single one "bench".
int rtmp_publishers (const Options &options)
{
  Publishers publishers;
  if (!publishers.connect_all (options))
    return 1;
  const auto start = Usage::now ();
  Json ().add ("state", std::string ("connected")).print ();
  {
    const Commands commands ([&] (Json &json) { publishers.report (json); });
    publishers.run (commands, start.at + options.number ("timeout", 120));
  }
  Json json;
  publishers.report (json.add ("role", std::string ("rtmp-publishers")));
  add_usage (json, start, Usage::now ());
  json.print ();
  return 0;
}
} // namespace reach::bench
