// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_bare.h"
#include <arpa/inet.h>
#include <memory>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace reach::bench {
namespace {
constexpr std::string_view upgraded = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
// As long as that of a real server.
constexpr std::string_view joined =
    "\x81\x34{\"client_id\":\"00000000-0000-4000-8000-000000000000\"}";

enum class Step { upgrading, joining, relaying };

struct Client {
  int fd = -1;
  Step step = Step::upgrading;
  std::string frame;       // what the other one gets for each of its frames
  std::size_t size = 0;    // bytes of each of its frames; they are all alike
  std::size_t pending = 0; // of a frame that is not whole yet
  std::string out;
};

// The first of its frames, whose mask is zero, as a server sends it; and how long it was.
void learn (Client &c, std::string_view in)
{
  const auto byte = [in] (std::size_t i) { return static_cast<unsigned char> (in[i]); };
  if (in.size () < 8 || byte (1) != (0x80 | 126))
    throw std::runtime_error ("a message of another size was expected");
  const std::size_t payload = std::size_t{byte (2)} << 8 | byte (3);
  if (in.size () < 8 + payload)
    throw std::runtime_error ("the first message came in pieces");
  c.size = 8 + payload;
  c.frame = std::string ("\x81\x7e") + in[2] + in[3] + std::string (in.substr (8, payload));
}

class Bare {
public:
  Bare ()
  {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    socklen_t n = sizeof a;
    auto *address = reinterpret_cast<sockaddr *> (&a);
    if (bind (listener_, address, n) != 0 || listen (listener_, 1000) != 0 ||
        getsockname (listener_, address, &n) != 0)
      throw std::runtime_error ("no port");
    watch (listener_, SIZE_MAX);
    Json ().add ("port", std::uint64_t{ntohs (a.sin_port)}).print ();
  }
  void poll ()
  {
    epoll_event events[256];
    const int n = epoll_wait (epoll_, events, 256, 100);
    for (int i = 0; i < n; i++)
      if (events[i].data.u64 == SIZE_MAX)
        accept_one ();
      else
        read (events[i].data.u64);
  }

private:
  void watch (int fd, std::uint64_t tag)
  {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u64 = tag;
    epoll_ctl (epoll_, EPOLL_CTL_ADD, fd, &e);
  }
  void accept_one ()
  {
    auto c = std::make_unique<Client> ();
    c->fd = accept4 (listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    const int on = 1;
    setsockopt (c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch (c->fd, clients_.size ());
    clients_.push_back (std::move (c));
  }
  static void write (const Client &c, std::string_view bytes)
  {
    if (::send (c.fd, bytes.data (), bytes.size (), MSG_NOSIGNAL) !=
        static_cast<ssize_t> (bytes.size ()))
      throw std::runtime_error ("a member does not read");
  }
  void read (std::size_t number)
  {
    static char buffer[65536];
    Client &c = *clients_[number];
    const ssize_t n = recv (c.fd, buffer, sizeof buffer, 0);
    if (n <= 0) {
      epoll_ctl (epoll_, EPOLL_CTL_DEL, c.fd, nullptr);
      return;
    }
    const std::string_view in (buffer, static_cast<std::size_t> (n));
    if (c.step == Step::relaying)
      return relay (c, *clients_[number ^ 1], in);
    // One message each, as the member waits for the answer.
    write (c, c.step == Step::upgrading ? upgraded : joined);
    c.step = c.step == Step::upgrading ? Step::joining : Step::relaying;
  }
  static void relay (Client &c, Client &other, std::string_view in)
  {
    if (c.size == 0)
      learn (c, in);
    c.pending += in.size ();
    if (c.pending < c.size)
      return;
    if (c.pending < 2 * c.size) {
      c.pending -= c.size;
      return write (other, c.frame);
    }
    c.out.clear ();
    for (; c.pending >= c.size; c.pending -= c.size)
      c.out += c.frame;
    write (other, c.out);
  }

  const int epoll_ = epoll_create1 (EPOLL_CLOEXEC);
  const int listener_ = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::vector<std::unique_ptr<Client>> clients_;
};
} // namespace

int pool_bare (const Options &)
{
  Bare server;
  for (const Commands commands; !commands.quit ();)
    server.poll ();
  return 0;
}
} // namespace reach::bench
