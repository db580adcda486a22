// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doorman.h"
#include "cam/net/http_service.h"
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::cam {

class Doorman::Waiting final : EpollSet::Handler {
public:
  Waiting (Doorman &d, int fd)
      : doorman_ (d), fd_ (fd), token_ (d.loop_.epoll ().add (fd, EPOLLIN, *this)),
        timer_ (d.loop_.timers (), [this] { doorman_.done (*this, -1); })
  {
    timer_.arm (Clock::now () + patience);
  }
  ~Waiting () override
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
    timer_.cancel ();
  }
  void on_ready (std::uint32_t) override
  {
    std::uint8_t first = 0;
    const ssize_t n = recv (fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    unwatch ();
    const int fd = n > 0 ? std::exchange (fd_, -1) : -1;
    if (fd >= 0)
      doorman_.let_ (
          fd, HttpService::is_http ({&first, 1}).value_or (false) ? Guest::http : Guest::cam);
    doorman_.done (*this, fd);
  }

  Doorman &doorman_;
  int fd_;
  EpollSet::Token token_;
  Timer timer_;
};

Doorman::Doorman (Loop &loop, std::size_t limit, Let let)
    : loop_ (loop), limit_ (limit), let_ (std::move (let))
{
}

Doorman::~Doorman () = default;

void Doorman::take (int fd)
{
  if (waiting_.size () >= limit_) {
    close (fd);
    return;
  }
  auto w = std::make_unique<Waiting> (*this, fd);
  waiting_.emplace (w.get (), std::move (w));
}

// It may be what calls us.
void Doorman::done (Waiting &w, int)
{
  if (auto node = waiting_.extract (&w))
    loop_.destroy_later (std::move (node.mapped ()));
}
} // namespace reach::cam
