// SPDX-License-Identifier: LGPL-2.1-or-later
// Players that join one after the other at fixed times, and leave with their first key frame.
#include "rtmp_talk.h"
#include "rtmp_times.h"
#include "rtmp_words.h"
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <list>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::bench {
namespace {
constexpr double give_up = 5e3; // ms

struct Join {
  explicit Join (int socket) : fd (socket) {}
  ~Join () { close (fd); }
  Join (const Join &) = delete;
  Join &operator= (const Join &) = delete;

  const int fd;
  const std::int64_t began = monotonic_ns ();
  RtmpTalk talk{rtmp::play ("bench")};
  bool has_key = false;
};

class Joins {
public:
  explicit Joins (const Options &o) : wanted_ (o.count ("count", 200))
  {
    to_.sin_family = AF_INET;
    to_.sin_port = htons (static_cast<std::uint16_t> (o.count ("port", 0)));
    inet_pton (AF_INET, o.text ("host", "127.0.0.1").c_str (), &to_.sin_addr);
    every_ = static_cast<std::int64_t> (o.number ("every-ms", 37) * 1e6);
  }
  // Until all have joined.
  void run (const Commands &commands);
  void report (Json &json);

private:
  void begin ();
  void look ();
  bool read (Join &j);
  void count (const Join &j);
  static double since (const Join &j)
  {
    return static_cast<double> (monotonic_ns () - j.began) / 1e6;
  }

  const std::uint64_t wanted_;
  std::int64_t every_ = 0;
  sockaddr_in to_{};
  std::list<Join> joins_;
  std::vector<double> to_key_;
  std::uint64_t begun_ = 0, failed_ = 0;
};

void Joins::begin ()
{
  const int on = 1;
  Join &j = joins_.emplace_back (socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  begun_++;
  setsockopt (j.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto hello = RtmpTalk::begin ();
  if (connect (j.fd, reinterpret_cast<const sockaddr *> (&to_), sizeof to_) != 0 ||
      send (j.fd, hello.data (), hello.size (), MSG_NOSIGNAL) < 0) {
    joins_.pop_back ();
    failed_++;
  }
}

// False: it is over.
bool Joins::read (Join &j)
{
  char in[65536];
  const auto got = recv (j.fd, in, sizeof in, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN && since (j) < give_up)
    return true;
  if (got > 0) {
    const auto say =
        j.talk.input ({in, static_cast<std::size_t> (got)}, [&] (const RtmpMessages::Message &m) {
          const auto frame = RtmpFrame::parse (m);
          j.has_key = j.has_key || (frame && frame->key);
        });
    const bool said = say.empty () || send (j.fd, say.data (), say.size (), MSG_NOSIGNAL) > 0;
    if (!j.has_key && said && !j.talk.refused ())
      return true;
  }
  if (j.has_key)
    to_key_.push_back (since (j));
  else
    failed_++;
  return false;
}

void Joins::look ()
{
  std::vector<pollfd> fds;
  for (const Join &j : joins_)
    fds.push_back ({j.fd, POLLIN, 0});
  poll (fds.data (), fds.size (), 1);
  std::erase_if (joins_, [this] (Join &j) { return !read (j); });
}

void Joins::run (const Commands &commands)
{
  const auto start = monotonic_ns ();
  while (!commands.quit () && (begun_ < wanted_ || !joins_.empty ())) {
    if (begun_ < wanted_ && monotonic_ns () >= start + static_cast<std::int64_t> (begun_) * every_)
      begin ();
    look ();
  }
}

void Joins::report (Json &json)
{
  std::ranges::sort (to_key_);
  const auto at = [&] (double p) {
    return to_key_.empty () ? 0.0
                            : to_key_[static_cast<std::size_t> (
                                  p * static_cast<double> (to_key_.size () - 1) + 0.5)];
  };
  json.add ("joined", std::uint64_t{to_key_.size ()}).add ("failed", failed_);
  json.add ("p50_ms", at (0.5)).add ("p95_ms", at (0.95)).add ("max_ms", at (1));
}
} // namespace

// Options: host, port, count, every-ms: between two joins.
int rtmp_joins (const Options &options)
{
  Joins joins (options);
  {
    const Commands commands;
    joins.run (commands);
  }
  Json json;
  joins.report (json.add ("role", std::string ("rtmp-joins")));
  json.print ();
  return 0;
}
} // namespace reach::bench
