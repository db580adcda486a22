// SPDX-License-Identifier: LGPL-2.1-or-later
// Many readers of one sender, in one thread. "mark" tells what they read so far.
#include "common/proto/bytes.h"
#include "pull_client.h"
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace reach::bench {
namespace {
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t slow_interval = 10'000'000; // between two reads of a slow reader, ns

struct Reader {
  int fd = -1;
  bool slow = false;
  std::atomic<std::uint64_t> bytes{0}; // "mark" looks at it from another thread
  PullClient::State state;
  std::unique_ptr<FrameTimes> times; // null: nobody looks
};

class Readers {
public:
  // count, host, port, and with `times` what they do with the frames: 1 looks at when each came;
  // else all is thrown away unread. Each slow-each-th reads slow-rate bytes a second. pause-ms:
  // between two looks at the sockets, so that the sender need not wake this process for each.
  Readers (const Options &options, const PullClient &protocol)
      : protocol_ (protocol), readers_ (options.count ("count", 100)), buffer_ (256 * 1024),
        epoll_ (epoll_create1 (EPOLL_CLOEXEC)), times_ (options.count ("times", 0) != 0),
        slow_rate_ (options.number ("slow-rate", 0)),
        pause_ (static_cast<useconds_t> (options.number ("pause-ms", 0) * 1e3))
  {
    const auto each = options.count ("slow-each", 0);
    for (std::size_t i = 0; i < readers_.size (); i++) {
      readers_[i].slow = each != 0 && i % each == each - 1;
      if (times_)
        readers_[i].times = protocol.times ();
    }
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
  void report_times (Json &json, std::int64_t since) const;

private:
  bool connect (Reader &r, const sockaddr_in &to, std::size_t number);
  bool greet (Reader &r, std::size_t number);
  void read (Reader &r, std::size_t most);
  void read_slow (std::int64_t now);
  void answer (Reader &r, std::int64_t now);
  void stay_alive (std::int64_t now);

  const PullClient &protocol_;
  std::vector<Reader> readers_;
  std::vector<char> buffer_;
  int epoll_;
  const bool times_;
  const double slow_rate_;
  const useconds_t pause_;
  std::int64_t slow_at_ = 0, alive_at_ = 0;
  std::atomic<std::uint64_t> lost_{0}; // closed by the sender
};

// A kernel that has sent data leaves its next acknowledgements to later data, until a timer fires:
// over loopback that is work in the sender's send () instead of the reader's recv (), and depends
// on how often a protocol answers. Here they are always sent when data are read.
bool say (int fd, const std::string &text)
{
  const int on = 1;
  const auto sent = ::send (fd, text.data (), text.size (), MSG_NOSIGNAL | MSG_DONTWAIT);
  setsockopt (fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  return sent == static_cast<ssize_t> (text.size ());
}

bool Readers::connect_all (const std::string &host, std::uint16_t port)
{
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons (port);
  inet_pton (AF_INET, host.c_str (), &to.sin_addr);
  for (std::size_t i = 0; i < readers_.size (); i++) {
    if (!connect (readers_[i], to, i)) {
      std::fprintf (stderr, "reach-bench: reader %zu: %s\n", i, std::strerror (errno));
      return false;
    }
    // Those that are connected must be heard meanwhile.
    stay_alive (monotonic_ns ());
  }
  return true;
}

bool Readers::connect (Reader &r, const sockaddr_in &to, std::size_t number)
{
  r.fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // A slow reader's kernel must not take for it what it does not read.
  const int little = 64 * 1024;
  if (r.slow)
    setsockopt (r.fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  if (::connect (r.fd, reinterpret_cast<const sockaddr *> (&to), sizeof to) != 0)
    return false;
  // tcpserversink has a backlog of 5, and a connection that does not fit tries again after a
  // second.
  usleep (protocol_.first_header () == 0 ? 2000 : 0);
  if (!greet (r, number))
    return false;
  if (r.slow)
    return true;
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.ptr = &r;
  return epoll_ctl (epoll_, EPOLL_CTL_ADD, r.fd, &e) == 0;
}

bool Readers::greet (Reader &r, std::size_t number)
{
  if (!say (r.fd, protocol_.greeting (number)))
    return false;
  const std::size_t header = protocol_.first_header ();
  if (header == 0)
    return true;
  std::array<std::uint8_t, 16> head{};
  if (recv (r.fd, head.data (), header, MSG_WAITALL) != static_cast<ssize_t> (header))
    return false;
  const auto length = load_be<std::uint32_t> (head.data () + header - 4);
  return length <= buffer_.size () &&
         recv (r.fd, buffer_.data (), length, MSG_WAITALL) == static_cast<ssize_t> (length) &&
         say (r.fd, protocol_.after_first ());
}

void Readers::read (Reader &r, std::size_t most)
{
  // MSG_TRUNC: the kernel throws the bytes away instead of copying them.
  const auto got = recv (r.fd, buffer_.data (), std::min (most, buffer_.size ()),
      MSG_DONTWAIT | (times_ ? 0 : MSG_TRUNC));
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    epoll_ctl (epoll_, EPOLL_CTL_DEL, r.fd, nullptr);
    close (std::exchange (r.fd, -1));
    lost_++;
    return;
  }
  const auto now = monotonic_ns ();
  r.bytes = r.state.total += static_cast<std::uint64_t> (got);
  if (r.times)
    r.times->input ({buffer_.data (), static_cast<std::size_t> (got)}, now);
  answer (r, now);
}

void Readers::answer (Reader &r, std::int64_t now)
{
  const auto text = protocol_.answer (r.state, now);
  if (!text.empty ())
    say (r.fd, text);
}

void Readers::read_slow (std::int64_t now)
{
  if (slow_rate_ <= 0 || now - slow_at_ < slow_interval)
    return;
  const std::int64_t passed = std::min (now - std::exchange (slow_at_, now), second / 10);
  const auto most = static_cast<std::size_t> (slow_rate_ * static_cast<double> (passed) / 1e9);
  for (auto &r : readers_)
    if (r.slow && r.fd >= 0)
      read (r, most);
}

void Readers::stay_alive (std::int64_t now)
{
  if (!protocol_.keeps_alive () || now - alive_at_ < second / 4)
    return;
  alive_at_ = now;
  for (auto &r : readers_)
    if (r.fd >= 0)
      answer (r, now);
}

void Readers::run (const Commands &commands, double end)
{
  epoll_event events[256];
  while (!commands.quit () && Usage::now ().at < end) {
    const int n = epoll_wait (epoll_, events, 256, slow_rate_ > 0 ? 10 : 100);
    for (int i = 0; i < n; i++)
      read (*static_cast<Reader *> (events[i].data.ptr), buffer_.size ());
    const auto now = monotonic_ns ();
    read_slow (now);
    stay_alive (now);
    if (pause_ > 0 && n < 256)
      usleep (pause_);
  }
}

void Readers::report (Json &json) const
{
  std::uint64_t sum = 0, least = UINT64_MAX, slow = 0;
  for (const auto &r : readers_) {
    (r.slow ? slow : sum) += r.bytes;
    if (!r.slow)
      least = std::min<std::uint64_t> (least, r.bytes);
  }
  json.add ("read", sum).add ("least", least).add ("slow", slow);
  json.add ("closed", std::uint64_t{lost_});
}

// Times of those that read as fast as they can.
void Readers::report_times (Json &json, std::int64_t since) const
{
  std::vector<double> all;
  std::uint64_t holes = 0, slow_holes = 0, off_key = 0;
  for (const auto &r : readers_) {
    if (!r.times)
      continue;
    off_key += r.times->holes_off_key ();
    (r.slow ? slow_holes : holes) += r.times->holes ();
    if (!r.slow)
      r.times->collect (since, all);
  }
  std::sort (all.begin (), all.end ());
  const auto at = [&] (double p) {
    return all.empty ()
               ? 0.0
               : all[static_cast<std::size_t> (p * static_cast<double> (all.size () - 1) + 0.5)];
  };
  json.add ("frames", std::uint64_t{all.size ()}).add ("holes", holes);
  json.add ("slow_holes", slow_holes).add ("holes_off_key", off_key);
  json.add ("p50_ms", at (0.5)).add ("p99_ms", at (0.99)).add ("max_ms", at (1));
}
} // namespace

int fan_out_readers (const Options &options)
{
  const auto protocol = make_pull_client (options);
  if (!protocol)
    return 1;
  Readers readers (options, *protocol);
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
  if (options.count ("times", 0) != 0)
    readers.report_times (
        json, static_cast<std::int64_t> ((start.at + options.number ("settle", 1)) * 1e9));
  add_usage (json, start, Usage::now ());
  json.print ();
  return 0;
}
} // namespace reach::bench
