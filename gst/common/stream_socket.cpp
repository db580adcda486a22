// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_socket.h"
#include <array>
#include <cerrno>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace reach {
namespace {
constexpr std::size_t max_iov = 512; // the kernel takes 1024; more per call gains nothing
constexpr std::size_t look_ahead = 4 << 10;
// Per wake-up, so that one peer does not starve the others: not one that is fast, and not one whose
// bytes are much work.
constexpr int max_reads = 8;
constexpr Duration read_time = microseconds (500);
constexpr std::size_t least_read = 1 << 10;
constexpr std::size_t check_each = 64 << 10; // bytes between two looks at the kernel's unsent bytes

ssize_t write_pieces (int fd, std::span<const iovec> pieces, std::size_t bytes)
{
  constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  if (pieces.size () == 1)
    return send (fd, pieces.front ().iov_base, bytes, flags);
  msghdr m{};
  m.msg_iov = const_cast<iovec *> (pieces.data ());
  m.msg_iovlen = pieces.size ();
  return sendmsg (fd, &m, flags);
}
} // namespace

StreamSocket::StreamSocket (
    Loop &loop, Owner &owner, const Address &to, std::unique_ptr<TlsSession> tls)
    : loop_ (loop), owner_ (&owner), later_ (loop.timers (), [this] { fail (error_); }), peer_ (to),
      tls_ (tls ? std::make_unique<Tls> (*this, std::move (tls)) : nullptr)
{
  fd_ = socket (to.family (), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    error_ = errno;
    later_.arm (Clock::now ());
    return;
  }
  setup ();
  if (::connect (fd_, to.get (), to.length) != 0 && errno != EINPROGRESS) {
    error_ = errno;
    later_.arm (Clock::now ());
    return;
  }
  want_write_ = true;
  watch ();
}

StreamSocket::StreamSocket (Loop &loop, Owner &owner, int fd, std::unique_ptr<TlsSession> tls)
    : loop_ (loop), owner_ (&owner), later_ (loop.timers (), [this] { fail (error_); }), fd_ (fd),
      connected_ (true), tls_ (tls ? std::make_unique<Tls> (*this, std::move (tls)) : nullptr)
{
  peer_ = Address::peer_of (fd_);
  setup ();
  watch ();
  if (tls_)
    begin_tls ();
}

StreamSocket::~StreamSocket ()
{
  close ();
}

void StreamSocket::setup ()
{
  const int on = 1, limit = notsent_limit;
  setsockopt (fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // What the kernel holds unsent can no longer be dropped, so it must be little.
  setsockopt (fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &limit, sizeof limit);
}

void StreamSocket::watch ()
{
  const std::uint32_t events =
      (reading_ && connected_ ? std::uint32_t{EPOLLIN} : 0) |
      (want_write_ ? std::uint32_t{EPOLLOUT} : 0) |
      // Level-triggered: while reading is off it would wake us without end.
      (reading_ ? std::uint32_t{EPOLLRDHUP} : 0);
  if (token_ == 0) {
    token_ = loop_.epoll ().add (fd_, events, *this);
    if (token_ == 0) {
      error_ = errno;
      later_.arm (Clock::now ());
    }
  } else if (events != watching_) {
    loop_.epoll ().modify (token_, events);
  }
  watching_ = events;
}

void StreamSocket::on_ready (std::uint32_t events)
{
  if (!connected_) {
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt (fd_, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0 || !(events & EPOLLOUT)) {
      fail (error != 0 ? error : ECONNREFUSED);
      return;
    }
    // Ports that clients get include the one tried here: a connection to ourselves.
    const Address local = Address::local_of (fd_);
    if (local.text () == peer_.text ()) {
      fail (ECONNREFUSED);
      return;
    }
    connected_ = true;
    want_write_ = false;
    watch ();
    if (tls_)
      begin_tls ();
    else
      owner_->on_connected ();
    flush (); // what was queued, or finished, before
    return;
  }
  if (events & EPOLLOUT) {
    want_write_ = false;
    flush ();
    if (fd_ < 0 || error_ != 0)
      return;
    if (queued () == 0 && !finishing_ && (!tls_ || tls_->told))
      owner_->on_writable ();
    if (fd_ >= 0)
      watch ();
  }
  if (fd_ >= 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
    read_some (events);
}

void StreamSocket::read_some (std::uint32_t events)
{
  if (!reading_) {
    // Only an error or the peer's end can be told while reading is off; data wait in the kernel.
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt (fd_, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0 || (events & EPOLLHUP))
      fail (error);
    return;
  }
  bool more = true;
  Duration took{};
  TimePoint begun = Clock::now ();
  for (int i = 0; i < max_reads && more && fd_ >= 0 && reading_ && took < read_time; i++) {
    if (!read_once (more))
      return;
    const TimePoint now = Clock::now ();
    took += now - begun;
    pace (now - begun);
    begun = now;
  }
}

// Less is read at once where that is much work, such as messages of one byte each.
void StreamSocket::pace (Duration took)
{
  if (took > read_time)
    most_ = std::max (least_read, std::min (most_, loop_.scratch ().size ()) / 2);
  else if (took < read_time / 4 && most_ < loop_.scratch ().size ())
    most_ *= 2;
}

bool StreamSocket::read_once (bool &more)
{
  if (tls_)
    return read_tls (more);
  const auto direct = owner_->direct ();
  auto area = owner_->area ();
  // What follows a large message and cannot stay where it was read is copied: then little of it is
  // taken along, and the next large one is read straight into its place too.
  if (area.empty ())
    area = direct.empty () ? loop_.scratch () : loop_.scratch ().first (look_ahead);
  area = area.first (std::min (area.size (), most_));
  const std::array<iovec, 2> iov{
      iovec{direct.data (), direct.size ()}, iovec{area.data (), area.size ()}};
  const ssize_t n = direct.empty () ? recv (fd_, area.data (), area.size (), MSG_DONTWAIT)
                                    : readv (fd_, iov.data (), static_cast<int> (iov.size ()));
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR)
      return false;
    fail (errno);
    return false;
  }
  if (n == 0) {
    fail (0);
    return false;
  }
  auto left = static_cast<std::size_t> (n);
  more = left == direct.size () + area.size ();
  received_ += left;
  if (const std::size_t d = std::min (left, direct.size ())) {
    owner_->on_direct (d);
    left -= d;
  }
  if (left > 0 && fd_ >= 0)
    owner_->on_input (area.first (left));
  return true;
}

void StreamSocket::flush ()
{
  if (!connected_ || fd_ < 0 || error_ != 0)
    return;
  if (tls_)
    write_tls ();
  else
    write_plain ();
  if (error_ != 0)
    return;
  if (want_write_)
    watch ();
  else if (finishing_ && queued () == 0 && !shut_) {
    shut_ = true;
    ::shutdown (fd_, SHUT_WR);
  }
}

std::size_t StreamSocket::write_now (std::span<const iovec> pieces, std::size_t bytes)
{
  const ssize_t n = write_pieces (fd_, pieces, bytes);
  if (wrote (n, bytes) && n < static_cast<ssize_t> (bytes)) {
    want_write_ = true; // what is queued next leaves then
    watch ();
  }
  return n < 0 ? 0 : static_cast<std::size_t> (n);
}

void StreamSocket::write_plain ()
{
  std::array<iovec, max_iov> iov;
  while (!queue_.empty () && !want_write_) {
    const std::span<const iovec> pieces (iov.data (), queue_.gather (iov));
    std::size_t asked = 0;
    for (const iovec &p : pieces)
      asked += p.iov_len;
    const ssize_t n = write_pieces (fd_, pieces, asked);
    if (n > 0)
      queue_.consume (static_cast<std::size_t> (n));
    if (!wrote (n, asked))
      return;
  }
}

// After a write of `asked` bytes. False: it failed; that is told from the loop, not from within the
// caller's send.
bool StreamSocket::wrote (ssize_t n, std::size_t asked)
{
  if (n < 0 && errno == EINTR)
    return true;
  if (n < 0 && errno != EAGAIN) {
    error_ = errno;
    later_.arm (Clock::now ());
    return false;
  }
  if (n > 0)
    sent_ += static_cast<std::uint64_t> (n);
  want_write_ = n < 0 || static_cast<std::size_t> (n) < asked;
  return true;
}

std::size_t StreamSocket::queued () const
{
  const std::size_t encrypted = tls_ ? tls_->session->output ().bytes.size () - tls_->written : 0;
  return queue_.bytes () + encrypted;
}

bool StreamSocket::congested ()
{
  if (!connected_ || want_write_)
    return true;
  if (sent_ - checked_ < check_each)
    return false;
  checked_ = sent_;
  int unsent = 0;
  if (ioctl (fd_, SIOCOUTQNSD, &unsent) == 0 && unsent > notsent_limit) {
    want_write_ = true; // EPOLLOUT comes when the kernel is below TCP_NOTSENT_LOWAT
    watch ();
    return true;
  }
  return false;
}

void StreamSocket::set_reading (bool on)
{
  if (on == reading_)
    return;
  reading_ = on;
  if (fd_ >= 0 && error_ == 0)
    watch ();
  if (on && tls_)
    tls_->resume.arm (Clock::now ());
}

void StreamSocket::finish ()
{
  finishing_ = true;
  flush ();
}

void StreamSocket::close ()
{
  later_.cancel ();
  if (tls_) {
    tls_->limit.cancel ();
    tls_->resume.cancel ();
  }
  if (token_ != 0)
    loop_.epoll ().remove (token_);
  token_ = 0;
  if (fd_ >= 0)
    ::close (fd_);
  fd_ = -1;
  queue_.clear ();
}

StreamSocket::Detached StreamSocket::detach ()
{
  Detached d{std::exchange (fd_, -1), tls_ ? release_tls () : nullptr};
  close ();
  return d;
}

void StreamSocket::fail (int error)
{
  close ();
  owner_->on_closed (error);
}
} // namespace reach
