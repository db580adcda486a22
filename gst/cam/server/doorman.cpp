// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doorman.h"
#include "cam/net/http_service.h"
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::cam {
namespace {
Doorman::Protocol protocol_of (std::uint8_t first)
{
  return HttpService::is_http ({&first, 1}).value_or (false) ? Doorman::Protocol::http
                                                             : Doorman::Protocol::cam;
}
} // namespace

class Doorman::Waiting {
public:
  explicit Waiting (Doorman &d)
      : doorman_ (d), timer_ (d.loop_.timers (), [this] { doorman_.done (*this); })
  {
    timer_.arm (Clock::now () + patience);
  }
  virtual ~Waiting () = default;

protected:
  // Nothing is called of it behind this.
  void over (std::optional<Guest> guest)
  {
    timer_.cancel ();
    if (guest)
      doorman_.house_.let (std::move (*guest));
    doorman_.done (*this);
  }
  Doorman &doorman_;

private:
  Timer timer_;
};

class Doorman::WaitingPlain final : public Waiting, EpollSet::Handler {
public:
  WaitingPlain (Doorman &d, int fd)
      : Waiting (d), fd_ (fd), token_ (d.loop_.epoll ().add (fd, EPOLLIN, *this))
  {
  }
  ~WaitingPlain () override
  {
    unwatch ();
    if (fd_ >= 0)
      close (fd_);
  }

private:
  void unwatch ()
  {
    if (token_ != 0)
      doorman_.loop_.epoll ().remove (std::exchange (token_, 0));
  }
  void on_ready (std::uint32_t) override
  {
    std::uint8_t first = 0;
    const ssize_t n = recv (fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    unwatch ();
    if (n <= 0)
      return over ({});
    over (Guest{{std::exchange (fd_, -1), {}}, {}, protocol_of (first)});
  }

  int fd_;
  EpollSet::Token token_;
};

class Doorman::WaitingTls final : public Waiting, StreamSocket::Owner {
public:
  WaitingTls (Doorman &d, int fd) : Waiting (d), socket_ (d.loop_, *this, fd, d.tls_->session ()) {}

private:
  void on_connected () override {}
  // One byte and no more: what follows stays encrypted until somebody wants it.
  std::span<std::uint8_t> direct () override { return {&first_, 1}; }
  void on_direct (std::size_t) override
  {
    over (Guest{socket_.detach (), {first_}, protocol_of (first_)});
  }
  void on_input (Bytes) override {}
  void on_writable () override {}
  void on_closed (int) override
  {
    // Who only looks whether the port is open does not get as far.
    if (const TlsFault f = socket_.tls_fault (); f != TlsFault::none && f != TlsFault::truncated)
      doorman_.house_.turned_away (socket_.peer (), socket_.tls_detail ());
    over ({});
  }

  StreamSocket socket_;
  std::uint8_t first_ = 0;
};

Doorman::Doorman (Loop &loop, std::size_t limit, std::shared_ptr<const TlsContext> tls, House house)
    : loop_ (loop), limit_ (limit), tls_ (std::move (tls)), house_ (std::move (house))
{
}

Doorman::~Doorman () = default;

void Doorman::take (int fd)
{
  if (waiting_.size () >= limit_) {
    close (fd);
    return;
  }
  std::unique_ptr<Waiting> w;
  if (tls_)
    w = std::make_unique<WaitingTls> (*this, fd);
  else
    w = std::make_unique<WaitingPlain> (*this, fd);
  waiting_.emplace (w.get (), std::move (w));
}

// It may be what calls us.
void Doorman::done (Waiting &w)
{
  if (auto node = waiting_.extract (&w))
    loop_.destroy_later (std::move (node.mapped ()));
}
} // namespace reach::cam
