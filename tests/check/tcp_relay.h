// SPDX-License-Identifier: LGPL-2.1-or-later
// A TCP connection between two elements that a test can count, cut, hold up and slow down, and raw
// connections for tests that are a peer themselves.
#pragma once
#include "wait.h"
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace reach::test {
// What a connection's first bytes say it is for, at the connecting side: "video" and so on.
inline std::string media_type_in (const std::string &first)
{
  static constexpr const char *types[] = {"video", "audio", "data", "command", "file"};
  if (first.empty () || first[0] != 1) { // not a hello message: HTTP
    const std::string line = first.substr (0, first.find_first_of ("\r?"));
    for (const char *type : types)
      if (line.find (std::string ("/") + type) != std::string::npos)
        return type;
    return {};
  }
  // Header 8, magic 4, version 2, role 1, then the type.
  return first.size () > 15 && first[15] < 5 ? types[static_cast<int> (first[15])] : "";
}

class RawSocket {
public:
  RawSocket () = default;
  explicit RawSocket (int fd) : fd_ (fd) {}
  RawSocket (RawSocket &&o) noexcept : fd_ (std::exchange (o.fd_, -1)) {}
  RawSocket &operator= (RawSocket &&o) noexcept
  {
    std::swap (fd_, o.fd_);
    return *this;
  }
  ~RawSocket () { close (); }

  static sockaddr_in loopback (guint16 port)
  {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    a.sin_port = htons (port);
    return a;
  }
  static RawSocket listen (int backlog = 64)
  {
    RawSocket s (::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in a = loopback (0);
    fail_unless (::bind (s.fd_, reinterpret_cast<sockaddr *> (&a), sizeof a) == 0);
    fail_unless (::listen (s.fd_, backlog) == 0);
    return s;
  }
  // Invalid when refused.
  static RawSocket connect (guint16 port, int receive_buffer = 0)
  {
    RawSocket s (::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer)
      setsockopt (s.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in a = loopback (port);
    if (::connect (s.fd_, reinterpret_cast<sockaddr *> (&a), sizeof a) != 0)
      s.close ();
    return s;
  }
  RawSocket accept () { return RawSocket (::accept4 (fd_, nullptr, nullptr, SOCK_CLOEXEC)); }

  guint16 port () const
  {
    sockaddr_in a{};
    socklen_t n = sizeof a;
    fail_unless (getsockname (fd_, reinterpret_cast<sockaddr *> (&a), &n) == 0);
    return ntohs (a.sin_port);
  }
  bool valid () const { return fd_ >= 0; }
  int fd () const { return fd_; }
  bool send (const void *data, std::size_t size)
  {
    return ::send (fd_, data, size, MSG_NOSIGNAL) == static_cast<ssize_t> (size);
  }
  bool send (const std::string &s) { return send (s.data (), s.size ()); }
  // Reads until the peer closes; false when it has not by then. What came is in `text`.
  bool wait_closed (std::string *text = nullptr, milliseconds limit = long_enough)
  {
    const gint64 end = g_get_monotonic_time () + limit.count () * 1000;
    char buffer[4096];
    while (true) {
      const gint64 left = (end - g_get_monotonic_time ()) / 1000;
      pollfd p{fd_, POLLIN, 0};
      if (left <= 0 || ::poll (&p, 1, static_cast<int> (left)) <= 0)
        return false;
      const ssize_t n = ::recv (fd_, buffer, sizeof buffer, 0);
      if (n <= 0)
        return true;
      if (text)
        text->append (buffer, static_cast<std::size_t> (n));
    }
  }
  void reset_on_close ()
  {
    const linger l{1, 0};
    setsockopt (fd_, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  }
  void close ()
  {
    if (fd_ >= 0)
      ::close (std::exchange (fd_, -1));
  }

private:
  int fd_ = -1;
};

class TcpRelay {
public:
  struct Stats {
    unsigned accepted = 0, open = 0;
    std::vector<std::string> types; // of each connection, in the order of their first bytes
    unsigned count (const std::string &type) const
    {
      return static_cast<unsigned> (std::count (types.begin (), types.end (), type));
    }
  };
  // Connections n of which `forward` (n) is false are closed at once, from 0 on.
  explicit TcpRelay (guint16 to, std::function<bool (unsigned)> forward = {})
      : to_ (to), forward_ (std::move (forward)), listener_ (RawSocket::listen ())
  {
    port_ = listener_.port ();
    fail_unless (::pipe2 (wake_, O_CLOEXEC | O_NONBLOCK) == 0);
    thread_ = std::thread ([this] { run (); });
  }
  ~TcpRelay ()
  {
    stopping_ = true;
    wake ();
    thread_.join ();
    ::close (wake_[0]);
    ::close (wake_[1]);
  }
  guint16 port () const { return port_; }

  Watched<Stats> stats;

  // All connections of a media type, or all when empty, break with a reset.
  void cut (const std::string &type = {})
  {
    Watched<bool> done (false);
    orders_.update ([&] (auto &v) {
      v.push_back ([&] {
        for (auto &c : pairs_)
          c->dead = c->dead || type.empty () || c->type == type;
        reap ();
        done.set (true);
      });
    });
    wake ();
    fail_unless (done.wait ([] (bool d) { return d; }));
  }
  // New connections are refused from now on, or taken again.
  void refuse (bool on)
  {
    Watched<bool> done (false);
    orders_.update ([&] (auto &v) {
      v.push_back ([&] {
        refuse_ = on;
        done.set (true);
      });
    });
    wake ();
    fail_unless (done.wait ([] (bool d) { return d; }));
  }
  // Connections of these types (all when empty) pass nothing any more and stay open: a black hole.
  void hold (std::vector<std::string> types = {})
  {
    Watched<bool> done (false);
    orders_.update ([&] (auto &v) {
      v.push_back ([&] {
        holding_ = true;
        held_types_ = types;
        done.set (true);
      });
    });
    wake ();
    fail_unless (done.wait ([] (bool d) { return d; }));
  }
  // Connections of this type (all when empty) pass so many bytes a second each way; -1 = no limit.
  void slow (const std::string &type, int bytes_per_second)
  {
    orders_.update ([&] (auto &v) {
      v.push_back ([this, type, bytes_per_second] {
        slow_type_ = type;
        rate_ = bytes_per_second;
      });
    });
    wake ();
  }

private:
  struct Half {
    std::string waiting;
    double tokens = 0;
    bool ended = false, shut = false;
  };
  struct Pair {
    RawSocket a, b; // the connecting side, the listening side
    Half up, down;  // a → b, b → a
    std::string first, type;
    bool dead = false;
  };

  void wake () { fail_unless (::write (wake_[1], "x", 1) == 1 || errno == EAGAIN); }

  void run ()
  {
    gint64 last = g_get_monotonic_time ();
    while (!stopping_) {
      std::vector<pollfd> fds{{wake_[0], POLLIN, 0}, {listener_.fd (), POLLIN, 0}};
      for (auto &c : pairs_) {
        fds.push_back ({held (*c) ? -1 : c->a.fd (), events (c->up, c->down), 0});
        fds.push_back ({held (*c) ? -1 : c->b.fd (), events (c->down, c->up), 0});
      }
      ::poll (fds.data (), fds.size (), rate_ >= 0 ? 5 : -1);
      const gint64 now = g_get_monotonic_time ();
      const double seconds = static_cast<double> (now - last) / 1e6;
      last = now;
      char drop[64];
      while (::read (wake_[0], drop, sizeof drop) > 0) {
      }
      std::vector<std::function<void ()>> orders;
      orders_.update ([&] (auto &v) { orders.swap (v); });
      for (auto &order : orders)
        order ();
      for (auto &c : pairs_) {
        move (*c, c->a, c->b, c->up, seconds);
        move (*c, c->b, c->a, c->down, seconds);
      }
      if (fds[1].revents & POLLIN)
        take ();
      reap ();
    }
    pairs_.clear ();
  }
  bool held (const Pair &c) const
  {
    return holding_ && (held_types_.empty () || std::find (held_types_.begin (), held_types_.end (),
                                                    c.type) != held_types_.end ());
  }
  bool limited (const Half &h) const { return h.waiting.size () >= 16384; }
  short events (const Half &in, const Half &out) const
  {
    short e = 0;
    if (!in.ended && !limited (in))
      e |= POLLIN;
    if (!out.waiting.empty () && rate_ < 0)
      e |= POLLOUT;
    return e;
  }
  void take ()
  {
    RawSocket a = listener_.accept ();
    if (!a.valid ())
      return;
    const unsigned n = stats.get ().accepted;
    stats.update ([] (Stats &s) { s.accepted++; });
    RawSocket b;
    if (!refuse_ && (!forward_ || forward_ (n)))
      b = RawSocket::connect (to_, 32768);
    if (!b.valid ())
      return a.reset_on_close ();
    for (const int fd : {a.fd (), b.fd ()})
      ::fcntl (fd, F_SETFL, ::fcntl (fd, F_GETFL) | O_NONBLOCK);
    auto c = std::make_unique<Pair> ();
    c->a = std::move (a);
    c->b = std::move (b);
    pairs_.push_back (std::move (c));
    stats.update ([] (Stats &s) { s.open++; });
  }
  void learn_type (Pair &c, const char *data, std::size_t n)
  {
    if (!c.type.empty () || c.first.size () > 4096)
      return;
    c.first.append (data, n);
    c.type = media_type_in (c.first);
    if (!c.type.empty ())
      stats.update ([&] (Stats &s) { s.types.push_back (c.type); });
  }
  void move (Pair &c, RawSocket &from, RawSocket &to, Half &h, double seconds)
  {
    char buffer[16384];
    while (!h.ended && !limited (h) && !held (c)) {
      const ssize_t n = ::recv (from.fd (), buffer, sizeof buffer, 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR))
        break;
      if (n < 0)
        c.dead = true;
      h.ended = n <= 0;
      if (n <= 0)
        break;
      if (&h == &c.up)
        learn_type (c, buffer, static_cast<std::size_t> (n));
      h.waiting.append (buffer, static_cast<std::size_t> (n));
    }
    if (held (c))
      return;
    std::size_t may = h.waiting.size ();
    const bool slowed = rate_ >= 0 && (slow_type_.empty () || slow_type_ == c.type);
    if (slowed) {
      h.tokens = std::min (h.tokens + seconds * rate_, rate_ / 10.0 + 1);
      may = std::min (may, static_cast<std::size_t> (h.tokens));
    }
    if (may > 0) {
      const ssize_t n = ::send (to.fd (), h.waiting.data (), may, MSG_NOSIGNAL);
      if (n > 0) {
        h.waiting.erase (0, static_cast<std::size_t> (n));
        h.tokens -= slowed ? static_cast<double> (n) : 0;
      } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        c.dead = true;
      }
    }
    if (h.ended && h.waiting.empty () && !std::exchange (h.shut, true))
      ::shutdown (to.fd (), SHUT_WR);
  }
  void reap ()
  {
    for (auto i = pairs_.begin (); i != pairs_.end ();) {
      Pair &c = **i;
      if (!c.dead && !(c.up.shut && c.down.shut)) {
        ++i;
        continue;
      }
      if (c.dead) {
        c.a.reset_on_close ();
        c.b.reset_on_close ();
      }
      i = pairs_.erase (i);
      stats.update ([] (Stats &s) { s.open--; });
    }
  }

  const guint16 to_;
  const std::function<bool (unsigned)> forward_;
  RawSocket listener_;
  guint16 port_ = 0;
  int wake_[2] = {-1, -1};
  std::atomic<bool> stopping_{false};
  Watched<std::vector<std::function<void ()>>> orders_;
  std::thread thread_;

  // The relay's thread.
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::string slow_type_;
  int rate_ = -1;
  bool refuse_ = false, holding_ = false;
  std::vector<std::string> held_types_;
};
} // namespace reach::test
