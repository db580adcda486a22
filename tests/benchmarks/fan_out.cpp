// SPDX-License-Identifier: LGPL-2.1-or-later
// Many readers of one sender, in one thread. "mark" tells what they read so far.
#include "process.h"
#include "pull_client.h"
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace reach::bench {
namespace {
struct Reader {
  int fd = -1;
  std::atomic<std::uint64_t> bytes{0}; // "mark" looks at it from another thread
  PullClient::State state;
};

class Readers {
public:
  Readers (std::size_t n, const PullClient &protocol)
      : protocol_ (protocol), readers_ (n), buffer_ (256 * 1024),
        epoll_ (epoll_create1 (EPOLL_CLOEXEC))
  {
  }
  ~Readers ()
  {
    for (auto &r : readers_)
      if (r.fd >= 0)
        close (r.fd);
    close (epoll_);
  }
  bool connect_all (const std::string &host, std::uint16_t port);
  void run (const Commands &commands, double end);
  void report (Json &json) const;

private:
  void read (Reader &r);

  const PullClient &protocol_;
  std::vector<Reader> readers_;
  std::vector<char> buffer_;
  int epoll_;
  std::atomic<std::uint64_t> lost_{0}; // closed by the sender
};

bool Readers::connect_all (const std::string &host, std::uint16_t port)
{
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons (port);
  inet_pton (AF_INET, host.c_str (), &to.sin_addr);
  for (std::size_t i = 0; i < readers_.size (); i++) {
    auto &r = readers_[i];
    r.fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect (r.fd, reinterpret_cast<const sockaddr *> (&to), sizeof to) != 0) {
      std::perror ("reach-bench: connect");
      return false;
    }
    // tcpserversink has a backlog of 5, and a connection that does not fit tries again after a
    // second.
    usleep (2000);
    const auto hello = protocol_.greeting (i);
    if (::send (r.fd, hello.data (), hello.size (), MSG_NOSIGNAL) !=
        static_cast<ssize_t> (hello.size ()))
      return false;
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = &r;
    epoll_ctl (epoll_, EPOLL_CTL_ADD, r.fd, &e);
  }
  return true;
}

void Readers::read (Reader &r)
{
  // MSG_TRUNC: the kernel throws the bytes away instead of copying them.
  const auto got = recv (r.fd, buffer_.data (), buffer_.size (), MSG_DONTWAIT | MSG_TRUNC);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    epoll_ctl (epoll_, EPOLL_CTL_DEL, r.fd, nullptr);
    lost_++;
    return;
  }
  r.bytes = r.state.total += static_cast<std::uint64_t> (got);
  const auto text = protocol_.answer (r.state, monotonic_ns ());
  if (!text.empty ())
    (void)!::send (r.fd, text.data (), text.size (), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Readers::run (const Commands &commands, double end)
{
  epoll_event events[256];
  while (!commands.quit () && Usage::now ().at < end) {
    const int n = epoll_wait (epoll_, events, 256, 100);
    for (int i = 0; i < n; i++)
      read (*static_cast<Reader *> (events[i].data.ptr));
  }
}

void Readers::report (Json &json) const
{
  std::uint64_t sum = 0, least = UINT64_MAX;
  for (const auto &r : readers_) {
    sum += r.bytes;
    least = std::min<std::uint64_t> (least, r.bytes);
  }
  json.add ("read", sum).add ("least", least).add ("closed", std::uint64_t{lost_});
}
} // namespace

int fan_out_readers (const Options &options)
{
  const auto protocol = make_pull_client (options.text ("protocol", "raw"));
  if (!protocol)
    return 1;
  Readers readers (options.count ("count", 100), *protocol);
  if (!readers.connect_all (options.text ("host", "127.0.0.1"),
          static_cast<std::uint16_t> (options.count ("port", 0))))
    return 1;
  const auto start = Usage::now ();
  Json ().add ("state", std::string ("connected")).print ();
  {
    const Commands commands ([&] (Json &json) { readers.report (json); });
    readers.run (commands, start.at + options.number ("timeout", 120));
  }
  Json json;
  readers.report (json.add ("role", std::string ("fan-out-readers")));
  add_usage (json, start, Usage::now ());
  json.print ();
  return 0;
}
} // namespace reach::bench
