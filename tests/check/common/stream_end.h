// SPDX-License-Identifier: LGPL-2.1-or-later
// Two ends of a TCP connection: a StreamSocket on a loop, and a plain socket of the test.
#pragma once
#include "../wait.h"
#include "common/listener.h"
#include "common/stream_socket.h"
#include <fcntl.h>
#include <unistd.h>

namespace reach::test {
struct Seen {
  int connected = 0, writable = 0, closed = 0, error = -1;
  std::string input;
  std::size_t direct = 0;
};

// One end on the loop; everything it is told is in `seen`.
struct End final : StreamSocket::Owner {
  explicit End (Loop &l) : loop (l) {}
  ~End () override
  {
    loop.call ([this] { socket.reset (); });
  }
  void connect (const Address &to)
  {
    loop.call ([&] { socket = std::make_unique<StreamSocket> (loop, *this, to); });
  }
  void accept (int fd)
  {
    loop.call ([&] { socket = std::make_unique<StreamSocket> (loop, *this, fd); });
  }
  void send (std::string_view text)
  {
    loop.call ([&] {
      socket->queue (slice_of ({text.begin (), text.end ()}));
      socket->flush ();
    });
  }
  void on_connected () override
  {
    seen.update ([] (Seen &s) { s.connected++; });
  }
  void on_input (Bytes b) override
  {
    seen.update ([b] (Seen &s) { s.input.append (b.begin (), b.end ()); });
    if (stop_reading)
      socket->set_reading (false);
  }
  std::span<std::uint8_t> direct () override
  {
    return std::span (area).subspan (std::min (filled, area.size ()));
  }
  void on_direct (std::size_t n) override
  {
    filled += n;
    seen.update ([n] (Seen &s) { s.direct += n; });
  }
  void on_writable () override
  {
    seen.update ([] (Seen &s) { s.writable++; });
  }
  void on_closed (int error) override
  {
    seen.update ([error] (Seen &s) {
      s.closed++;
      s.error = error;
    });
  }
  bool wait_closed ()
  {
    return seen.wait ([] (const Seen &s) { return s.closed > 0; });
  }
  bool wait_input (std::size_t n)
  {
    return seen.wait ([n] (const Seen &s) { return s.input.size () >= n; });
  }

  Loop &loop;
  std::unique_ptr<StreamSocket> socket;
  Watched<Seen> seen;
  std::vector<std::uint8_t> area;
  std::size_t filled = 0;
  bool stop_reading = false;
};

// A plain blocking listener of the test's own thread.
struct Plain {
  Plain (int backlog_buffer = 0)
  {
    std::string error;
    fd = Listener::bind ("127.0.0.1", 0, error);
    fail_unless (fd >= 0, "%s", error.c_str ());
    fcntl (fd, F_SETFL, 0);
    if (backlog_buffer)
      setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &backlog_buffer, sizeof backlog_buffer);
  }
  ~Plain () { ::close (fd); }
  Address address () const { return Address::local_of (fd); }
  int accept () const
  {
    const int peer = ::accept (fd, nullptr, nullptr);
    fail_unless (peer >= 0);
    return peer;
  }
  int fd;
};

inline std::string read_exactly (int fd, std::size_t n)
{
  std::string s (n, '\0');
  std::size_t have = 0;
  while (have < n) {
    const ssize_t got = ::read (fd, s.data () + have, n - have);
    if (got <= 0)
      break;
    have += static_cast<std::size_t> (got);
  }
  s.resize (have);
  return s;
}

inline std::string pattern (std::size_t n)
{
  std::string s (n, '\0');
  for (std::size_t i = 0; i < n; i++)
    s[i] = static_cast<char> (i * 31 + i / 251);
  return s;
}

inline void close_with_reset (int fd)
{
  const linger l{1, 0};
  setsockopt (fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  ::close (fd);
}
} // namespace reach::test
