// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of pools over raw WebSocket: many that join and do nothing, or pairs that send each other
// candidates as fast as they are passed on. One thread. With `--mode bare` it is the server.
#include "pool_bare.h"
#include <algorithm>
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace reach::bench {
namespace {
void require (bool holds, const char *what)
{
  if (!holds)
    throw std::runtime_error (what);
}

// A text frame of a client; the mask is zero.
std::string frame (const std::string &payload)
{
  std::string f = "\x81";
  const std::size_t n = payload.size ();
  if (n < 126) {
    f += static_cast<char> (0x80 | n);
  } else {
    f += '\xfe';
    f += static_cast<char> (n >> 8);
    f += static_cast<char> (n);
  }
  return f + std::string (4, '\0') + payload;
}

struct Member {
  int fd = -1;
  std::string in, id;
  std::int64_t asked = 0; // ns, when it sent its join
  std::size_t got = 0;    // candidates
  Member *other = nullptr;
  std::string candidate; // a frame to the other
};

class Load {
public:
  explicit Load (const Options &o) : port_ (static_cast<std::uint16_t> (o.count ("port", 0)))
  {
    require (epoll_ >= 0, "no epoll");
  }
  void open (Member &m, const std::string &pool);
  // Reads what is there, for at most so long.
  void poll (int ms);
  void run (double seconds)
  {
    for (const double end = Usage::now ().at + seconds; Usage::now ().at < end;)
      poll (10);
  }
  std::size_t joined = 0, candidates = 0;
  std::vector<double> joins; // ms
  std::size_t window = 0;    // candidates of each member that are under way

private:
  void read (Member &m);
  void on_message (Member &m, std::string_view text);
  static void write (Member &m, const std::string &bytes)
  {
    require (::send (m.fd, bytes.data (), bytes.size (), MSG_NOSIGNAL) ==
                 static_cast<ssize_t> (bytes.size ()),
        "the server does not read");
  }
  const std::uint16_t port_;
  const int epoll_ = epoll_create1 (EPOLL_CLOEXEC);
};

void Load::open (Member &m, const std::string &pool)
{
  m.fd = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons (port_);
  a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  require (::connect (m.fd, reinterpret_cast<sockaddr *> (&a), sizeof a) == 0, "refused");
  const int on = 1;
  setsockopt (m.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  write (m, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  while (m.in.find ("\r\n\r\n") == std::string::npos) {
    char buffer[1024];
    const ssize_t n = ::recv (m.fd, buffer, sizeof buffer, 0);
    require (n > 0, "no answer");
    m.in.append (buffer, static_cast<std::size_t> (n));
  }
  require (m.in.starts_with ("HTTP/1.1 101"), "no WebSocket");
  m.in.erase (0, m.in.find ("\r\n\r\n") + 4);
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.ptr = &m;
  require (epoll_ctl (epoll_, EPOLL_CTL_ADD, m.fd, &e) == 0, "epoll");
  m.asked = monotonic_ns ();
  write (m, frame ("{\"type\":\"rtc:join\",\"data\":{\"pool\":\"" + pool + "\"}}"));
}

void Load::poll (int ms)
{
  epoll_event events[256];
  const int n = epoll_wait (epoll_, events, 256, ms);
  for (int i = 0; i < n; i++)
    read (*static_cast<Member *> (events[i].data.ptr));
}

void Load::read (Member &m)
{
  char buffer[65536];
  const ssize_t n = ::recv (m.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  require (n > 0, "the server has closed a connection");
  m.in.append (buffer, static_cast<std::size_t> (n));
  std::string_view rest = m.in;
  const std::size_t before = m.got;
  while (rest.size () >= 2) {
    std::size_t size = static_cast<unsigned char> (rest[1]), head = 2;
    if (size == 126 && rest.size () >= 4) {
      size = static_cast<std::size_t> (static_cast<unsigned char> (rest[2])) << 8 |
             static_cast<unsigned char> (rest[3]);
      head = 4;
    }
    if (rest.size () < head + size)
      break;
    const int opcode = rest[0] & 15;
    if (opcode == 1)
      on_message (m, rest.substr (head, size));
    else if (opcode == 9)
      write (m, std::string ("\x8a\x80\0\0\0\0", 6));
    rest.remove_prefix (head + size);
  }
  m.in.erase (0, m.in.size () - rest.size ());
  // The other one sends as many again, in one write.
  std::string more;
  for (std::size_t i = before; window && i < m.got; i++)
    more += m.other->candidate;
  if (!more.empty ())
    write (*m.other, more);
}

void Load::on_message (Member &m, std::string_view text)
{
  if (text.find ("rtc:candidate") != text.npos) {
    m.got++;
    candidates++;
  } else if (const std::size_t at = text.find ("\"client_id\":\""); at != text.npos) {
    joins.push_back (static_cast<double> (monotonic_ns () - m.asked) / 1e6);
    m.id = text.substr (at + 13, text.find ('"', at + 13) - at - 13);
    joined++;
  }
}

double percentile (std::vector<double> v, double p)
{
  std::sort (v.begin (), v.end ());
  return v.empty ()
             ? 0
             : v[std::min (v.size () - 1, static_cast<std::size_t> (p * double (v.size ())))];
}

void idle (Load &load, const Options &o, std::vector<std::unique_ptr<Member>> &members)
{
  const double rate = o.number ("rate", 200);
  const std::size_t size = o.count ("pool-size", 10);
  const std::int64_t start = monotonic_ns ();
  for (std::size_t i = 0; i < members.size (); i++) {
    const std::int64_t due = start + static_cast<std::int64_t> (double (i) / rate * 1e9);
    for (std::int64_t left; (left = due - monotonic_ns ()) > 0;)
      load.poll (static_cast<int> (left / 1000000));
    load.open (*members[i], "pool " + std::to_string (i / size));
  }
  while (load.joined < members.size ())
    load.poll (100);
}

void relay (Load &load, const Options &o, std::vector<std::unique_ptr<Member>> &members)
{
  for (std::size_t i = 0; i < members.size (); i++)
    load.open (*members[i], "pool " + std::to_string (i / 2));
  while (load.joined < members.size ())
    load.poll (100);
  for (std::size_t i = 0; i < members.size (); i++) {
    Member &m = *members[i];
    m.other = members[i ^ 1].get ();
    m.candidate = frame ("{\"type\":\"rtc:candidate\",\"data\":{\"for\":\"" + m.other->id +
                         "\",\"candidate\":{\"candidate\":\"candidate:842163049 1 udp 1677729535 "
                         "192.0.2.17 50312 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag "
                         "EEtu network-cost 999\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,"
                         "\"usernameFragment\":\"EEtu\"}}}");
  }
  load.window = o.count ("window", 8);
  for (auto &m : members)
    for (std::size_t i = 0; i < load.window; i++)
      require (
          ::send (m->fd, m->candidate.data (), m->candidate.size (), MSG_NOSIGNAL) > 0, "send");
  load.run (o.number ("warm-up", 1)); // JavaScript is compiled while it runs
  load.candidates = 0;
  Json ().add ("state", std::string ("relaying")).print ();
  load.run (o.number ("seconds", 3));
}

int run (const Options &o)
{
  const std::string mode = o.text ("mode", "idle");
  if (mode == "bare")
    return pool_bare (o);
  Load load (o);
  std::vector<std::unique_ptr<Member>> members (o.count ("clients", 100));
  for (auto &m : members)
    m = std::make_unique<Member> ();
  const bool relays = mode == "relay";
  const Usage from = Usage::now ();
  (relays ? relay : idle) (load, o, members);
  Json json;
  json.add ("role", std::string ("pool-load"))
      .add ("joined", std::uint64_t (load.joined))
      .add ("p50-ms", percentile (load.joins, 0.5))
      .add ("p99-ms", percentile (load.joins, 0.99))
      .add ("candidates", std::uint64_t (load.candidates));
  add_usage (json, from, Usage::now ());
  json.print ();
  for (const Commands commands; !commands.quit ();) // others look at the server
    if (relays)
      ::poll (nullptr, 0, 10);
    else
      load.poll (100);
  return 0;
}
} // namespace
} // namespace reach::bench

int main (int argc, char **argv)
{
  reach::bench::Options o;
  if (!o.parse (argc, argv, 1)) {
    std::fprintf (stderr, "usage: %s --name value …\n", argv[0]);
    return 2;
  }
  try {
    return reach::bench::run (o);
  } catch (const std::exception &e) {
    std::fprintf (stderr, "%s: %s\n", argv[0], e.what ());
    return 1;
  }
}
