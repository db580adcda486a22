// SPDX-License-Identifier: LGPL-2.1-or-later
// Relays TCP connections with delay and a rate limit, and breaks or stalls them after a number of
// bytes. Loss, reordering and duplication do not apply: TCP hides them.
#include "relay.h"
#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::impair {
namespace {
constexpr std::uint64_t listener_token = 0;
constexpr std::size_t read_size = 16 * 1024;

Fd tcp_socket ()
{
  return Fd (socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// One direction of a connection.
struct Pipe {
  struct Chunk {
    TimePoint due;
    std::vector<std::uint8_t> bytes;
    std::size_t offset = 0;
  };
  const Profile *profile = nullptr;
  std::deque<Chunk> chunks;
  std::size_t held = 0;
  std::uint64_t carried = 0; // bytes read
  TimePoint line_free{};
  bool eof = false, finished = false, blocked = false;
  Counters counters;

  std::size_t limit () const
  {
    if (profile->rate == 0)
      return profile->max_held;
    const double on_the_way =
        static_cast<double> (profile->rate) / 8e9 * static_cast<double> (profile->delay.count ());
    return std::min (profile->max_held, profile->queue + static_cast<std::size_t> (on_the_way));
  }
  bool due (TimePoint now) const { return !chunks.empty () && chunks.front ().due <= now; }
};

struct Connection {
  Fd client, server;
  Pipe forward, back;
  std::uint64_t limit = UINT64_MAX; // bytes of one direction, then it is cut or stalled
  bool cut = false, connected = false, stalled = false;
};

class TcpRelay final : public Relay {
public:
  explicit TcpRelay (const Options &options) : options_ (options) {}

  bool start (int epoll) override
  {
    epoll_ = epoll;
    listener_ = tcp_socket ();
    const int on = 1;
    setsockopt (listener_.get (), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return listener_ &&
           bind (listener_.get (), reinterpret_cast<const sockaddr *> (&options_.listen),
               sizeof options_.listen) == 0 &&
           listen (listener_.get (), 128) == 0 &&
           watch (epoll, EPOLL_CTL_ADD, listener_.get (), EPOLLIN, listener_token);
  }
  std::uint16_t port () const override { return local_port (listener_.get ()); }
  void ready (std::uint64_t token, std::uint32_t events, TimePoint now) override;
  void run_due (TimePoint now) override;
  std::optional<TimePoint> next () const override;
  std::uint64_t clients () const override { return accepted_; }
  Counters total (bool forward) const override;

private:
  void accept_one ();
  void update (std::uint64_t id, Connection &c);
  bool read (Connection &c, Pipe &p, int from, TimePoint now);
  bool write (Connection &c, Pipe &p, int to, TimePoint now);
  bool pump (Connection &c, TimePoint now);
  void drop (std::map<std::uint64_t, Connection>::iterator it, bool reset);

  Options options_;
  int epoll_ = -1;
  Fd listener_;
  // The tokens of connection n are 2n (client) and 2n + 1 (server).
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t accepted_ = 0;
  Counters past_forward_, past_back_;
};

void TcpRelay::accept_one ()
{
  Fd client (accept4 (listener_.get (), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client || connections_.size () >= options_.max_clients)
    return;
  Connection c;
  c.client = std::move (client);
  c.server = tcp_socket ();
  c.forward.profile = &options_.forward;
  c.back.profile = &options_.back;
  if (accepted_ < options_.times && (options_.cut_after || options_.stall_after)) {
    c.cut = options_.cut_after != 0;
    c.limit = c.cut ? options_.cut_after : options_.stall_after;
  }
  if (connect (c.server.get (), reinterpret_cast<const sockaddr *> (&options_.to),
          sizeof options_.to) != 0 &&
      errno != EINPROGRESS)
    return;
  const auto id = ++accepted_;
  watch (epoll_, EPOLL_CTL_ADD, c.client.get (), 0, 2 * id);
  watch (epoll_, EPOLL_CTL_ADD, c.server.get (), 0, 2 * id + 1);
  update (id, connections_.emplace (id, std::move (c)).first->second);
}

void TcpRelay::update (std::uint64_t id, Connection &c)
{
  const auto wants = [&] (const Pipe &in, const Pipe &out) -> std::uint32_t {
    if (c.stalled || !c.connected)
      return 0;
    return (!in.eof && in.held < in.limit () ? EPOLLIN : 0u) | (out.blocked ? EPOLLOUT : 0u);
  };
  watch (epoll_, EPOLL_CTL_MOD, c.client.get (), wants (c.forward, c.back), 2 * id);
  watch (epoll_, EPOLL_CTL_MOD, c.server.get (),
      c.connected ? wants (c.back, c.forward) : std::uint32_t{EPOLLOUT}, 2 * id + 1);
}

// False: the connection is broken.
bool TcpRelay::read (Connection &c, Pipe &p, int from, TimePoint now)
{
  if (p.eof || p.held >= p.limit () || c.stalled)
    return true;
  std::vector<std::uint8_t> bytes (
      static_cast<std::size_t> (std::min<std::uint64_t> (read_size, c.limit - p.carried)));
  const auto got = recv (from, bytes.data (), bytes.size (), 0);
  if (got < 0)
    return errno == EAGAIN || errno == EINTR;
  if (got == 0) {
    p.eof = true;
    return true;
  }
  bytes.resize (static_cast<std::size_t> (got));
  p.carried += bytes.size ();
  p.held += bytes.size ();
  p.counters.packets_in++;
  p.counters.bytes_in += bytes.size ();
  p.line_free = std::max (now, p.line_free) + time_on_line (bytes.size (), p.profile->rate);
  p.chunks.push_back ({p.line_free + p.profile->delay, std::move (bytes)});
  c.stalled = !c.cut && p.carried >= c.limit;
  return true;
}

bool TcpRelay::write (Connection &c, Pipe &p, int to, TimePoint now)
{
  p.blocked = false;
  while (p.due (now)) {
    auto &chunk = p.chunks.front ();
    const auto sent = ::send (
        to, chunk.bytes.data () + chunk.offset, chunk.bytes.size () - chunk.offset, MSG_NOSIGNAL);
    if (sent < 0) {
      p.blocked = errno == EAGAIN;
      return p.blocked || errno == EINTR;
    }
    chunk.offset += static_cast<std::size_t> (sent);
    p.held -= static_cast<std::size_t> (sent);
    p.counters.packets_out++;
    p.counters.bytes_out += static_cast<std::uint64_t> (sent);
    if (chunk.offset == chunk.bytes.size ())
      p.chunks.pop_front ();
  }
  if (c.cut && p.chunks.empty () && p.carried >= c.limit)
    return false;
  if (p.eof && p.chunks.empty () && !p.finished) {
    p.finished = true;
    shutdown (to, SHUT_WR);
  }
  return true;
}

bool TcpRelay::pump (Connection &c, TimePoint now)
{
  if (!c.connected)
    return true;
  return write (c, c.forward, c.server.get (), now) && write (c, c.back, c.client.get (), now) &&
         !(c.forward.finished && c.back.finished);
}

void TcpRelay::drop (std::map<std::uint64_t, Connection>::iterator it, bool reset)
{
  auto &c = it->second;
  if (reset) {
    const linger now{1, 0};
    setsockopt (c.client.get (), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    setsockopt (c.server.get (), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  past_forward_.add (c.forward.counters);
  past_back_.add (c.back.counters);
  connections_.erase (it);
}

void TcpRelay::ready (std::uint64_t token, std::uint32_t events, TimePoint now)
{
  if (token == listener_token) {
    accept_one ();
    return;
  }
  const auto it = connections_.find (token / 2);
  if (it == connections_.end ())
    return;
  auto &c = it->second;
  const bool server = token % 2 != 0;
  bool good = (events & EPOLLERR) == 0 && !(c.stalled && (events & EPOLLHUP));
  if (good && server && !c.connected && (events & EPOLLOUT))
    c.connected = true;
  if (good && (events & (EPOLLIN | EPOLLHUP)))
    good = read (c, server ? c.back : c.forward, server ? c.server.get () : c.client.get (), now);
  if (!good || !pump (c, now))
    drop (it, !(c.forward.finished && c.back.finished));
  else
    update (it->first, c);
}

void TcpRelay::run_due (TimePoint now)
{
  for (auto it = connections_.begin (); it != connections_.end ();) {
    const auto here = it++;
    auto &c = here->second;
    if (!c.forward.due (now) && !c.back.due (now))
      continue;
    if (!pump (c, now))
      drop (here, !(c.forward.finished && c.back.finished));
    else
      update (here->first, c);
  }
}

std::optional<TimePoint> TcpRelay::next () const
{
  std::optional<TimePoint> first;
  for (const auto &[id, c] : connections_)
    for (const auto *p : {&c.forward, &c.back})
      if (c.connected && !p->blocked && !p->chunks.empty () &&
          (!first || p->chunks.front ().due < *first))
        first = p->chunks.front ().due;
  return first;
}

Counters TcpRelay::total (bool forward) const
{
  Counters sum = forward ? past_forward_ : past_back_;
  for (const auto &[id, c] : connections_)
    sum.add (forward ? c.forward.counters : c.back.counters);
  return sum;
}
} // namespace

std::unique_ptr<Relay> make_tcp_relay (const Options &options)
{
  return std::make_unique<TcpRelay> (options);
}
} // namespace reach::impair
