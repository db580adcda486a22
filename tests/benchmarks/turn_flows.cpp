// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turn_flows.h"
#include "turn/net/hashes.h"
#include "turn/net/socket_address.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::bench {
namespace {
constexpr std::size_t window = 64; // clients that set up at the same time
constexpr Duration patience = seconds (120), tick = milliseconds (50);

turn::Address loopback (std::size_t n, std::uint16_t port)
{
  return turn::Address::v4 (127, static_cast<std::uint8_t> (n >> 16),
      static_cast<std::uint8_t> (n >> 8), static_cast<std::uint8_t> (n), port);
}

int bound (const turn::Address &to, int buffer)
{
  const int fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  for (const int option : {SO_RCVBUFFORCE, SO_RCVBUF, SO_SNDBUFFORCE, SO_SNDBUF})
    setsockopt (fd, SOL_SOCKET, option, &buffer, sizeof buffer);
  const reach::Address a = turn::to_socket (to);
  if (fd < 0 || ::bind (fd, a.get (), a.length) != 0)
    throw std::runtime_error (std::string ("a client's socket: ") + strerror (errno));
  return fd;
}

turn::Config config_of ()
{
  turn::Config c;
  c.crypto = turn::make_crypto ();
  c.credentials = {turn::Credentials::Kind::long_term, "user", "pass", {}, {}};
  c.mode = turn::Mode::channel;
  c.lifetime = 600;
  c.keepalive = {};
  return c;
}

double ms_since (TimePoint t)
{
  return std::chrono::duration<double, std::milli> (Clock::now () - t).count ();
}
} // namespace

Flows::Flows (std::size_t n, std::uint16_t server_port)
    : flows_ (n), server_ (loopback (1, server_port)), peer_ (bound (loopback (1, 0), 16 << 20)),
      epoll_ (epoll_create1 (EPOLL_CLOEXEC))
{
  peer_address_ = turn::from_socket (reach::Address::local_of (peer_));
  epoll_event e{EPOLLIN, {}};
  e.data.u32 = static_cast<std::uint32_t> (n);
  epoll_ctl (epoll_, EPOLL_CTL_ADD, peer_, &e);
}

Flows::~Flows ()
{
  for (const Flow &f : flows_)
    if (f.fd >= 0)
      ::close (f.fd);
  ::close (epoll_);
  ::close (peer_);
}

void Flows::open (std::size_t i)
{
  Flow &f = flows_[i];
  f.fd = bound (loopback (0x100 + i, 0), 4 << 20);
  const reach::Address to = turn::to_socket (server_.port != 0 ? server_ : peer_address_);
  epoll_event e{EPOLLIN, {}};
  e.data.u32 = static_cast<std::uint32_t> (i);
  if (::connect (f.fd, to.get (), to.length) != 0 ||
      epoll_ctl (epoll_, EPOLL_CTL_ADD, f.fd, &e) != 0)
    throw std::runtime_error (strerror (errno));
  if (server_.port == 0) {
    f.relayed = turn::from_socket (reach::Address::local_of (f.fd));
    f.ready = true;
    ready_++;
    return;
  }
  f.client = std::make_unique<turn::Client> (config_of ());
  f.client->allocate (Clock::now ());
  pump (f);
}

// Sends what the client has to send, and takes what it has to say.
void Flows::pump (Flow &f)
{
  while (auto e = f.client->poll_event ()) {
    if (std::holds_alternative<turn::PathWanted> (*e))
      f.client->connected (server_, Clock::now ());
    else if (const auto *a = std::get_if<turn::Allocated> (&*e)) {
      f.relayed = a->relayed.at (0);
      f.client->bind_channel (peer_address_, channel, Clock::now ());
    } else if (std::holds_alternative<turn::ChannelBound> (*e)) {
      f.ready = true;
      ready_++;
    } else if (std::holds_alternative<turn::Refreshed> (*e) && !f.answered) {
      f.answered = true;
      answered_++;
    } else if (const auto *r = std::get_if<turn::ResponseError> (&*e); r && r->code != 401)
      throw std::runtime_error ("refused: " + std::to_string (r->code));
    else if (const auto *x = std::get_if<turn::Failed> (&*e))
      throw std::runtime_error ("failed: " + x->reason);
    else if (std::holds_alternative<turn::AllocationLost> (*e))
      throw std::runtime_error ("an allocation is lost");
  }
  for (auto d = f.client->poll_transmit (); !d.empty (); d = f.client->poll_transmit ())
    ::send (f.fd, d.data (), d.size (), 0);
}

void Flows::read (int wait_ms)
{
  std::array<epoll_event, 64> events;
  std::array<std::uint8_t, 2048> bytes;
  const int n = epoll_wait (epoll_, events.data (), static_cast<int> (events.size ()), wait_ms);
  for (int i = 0; i < n; i++) {
    const std::size_t which = events[static_cast<std::size_t> (i)].data.u32;
    const int fd = which < flows_.size () ? flows_[which].fd : peer_;
    for (ssize_t got; (got = recv (fd, bytes.data (), bytes.size (), 0)) >= 0;)
      if (which < flows_.size () && flows_[which].client)
        flows_[which].client->input (
            Bytes (bytes).first (static_cast<std::size_t> (got)), Clock::now ());
    if (which < flows_.size () && flows_[which].client)
      pump (flows_[which]);
  }
}

void Flows::timeouts (std::size_t first, std::size_t end)
{
  const TimePoint now = Clock::now ();
  for (Flow &f : std::span (flows_).subspan (first, end - first))
    if (f.client && f.client->poll_timeout () <= now) {
      f.client->timeout (now);
      pump (f);
    }
}

void Flows::set_up ()
{
  const TimePoint until = Clock::now () + patience;
  TimePoint look = Clock::now () + tick;
  for (std::size_t started = 0; ready_ < flows_.size ();) {
    while (started < flows_.size () && started < ready_ + window)
      open (started++);
    read (server_.port != 0 ? 10 : 0);
    if (Clock::now () < look)
      continue;
    timeouts (0, started);
    look = Clock::now () + tick;
    if (look > until)
      throw std::runtime_error ("only " + std::to_string (ready_) + " clients have channels");
  }
}

Flows::Storm Flows::refresh (double spread)
{
  Storm s;
  const auto retransmissions = [this] {
    std::uint64_t n = 0;
    for (const Flow &f : flows_)
      n += f.client->stats ().retransmissions;
    return n;
  };
  const std::uint64_t before = retransmissions ();
  answered_ = 0;
  for (Flow &f : flows_)
    f.answered = false;
  const TimePoint begin = Clock::now ();
  const auto between = nanoseconds (static_cast<std::int64_t> (spread * 1e9)) / flows_.size ();
  TimePoint look = begin + tick;
  for (std::size_t next = 0; answered_ < flows_.size ();) {
    const TimePoint now = Clock::now ();
    // Answers are read in between, or they would be lost here.
    for (int i = 0; i < 16 && next < flows_.size () && begin + between * next <= now; i++) {
      flows_[next].client->refresh (600, now);
      pump (flows_[next++]);
    }
    read (0);
    if (s.first_ms == 0 && answered_ > 0)
      s.first_ms = ms_since (begin);
    if (now < look)
      continue;
    timeouts (0, next);
    look = now + tick;
    if (now - begin > seconds (40))
      break;
  }
  s.all_ms = ms_since (begin);
  s.answered = answered_;
  s.retransmissions = retransmissions () - before;
  return s;
}
} // namespace reach::bench
