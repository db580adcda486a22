// SPDX-License-Identifier: LGPL-2.1-or-later
// What reach-impair's loop drives: a UDP proxy or a TCP relay. One thread.
#pragma once
#include "impair.h"
#include <functional>
#include <memory>
#include <netinet/in.h>

namespace reach::impair {

struct Options {
  bool tcp = false;
  sockaddr_in listen{}, to{};
  Profile forward, back; // client → --to, and the answers
  std::uint64_t seed = 1;
  std::uint64_t cut_after = 0,
                stall_after = 0;    // TCP, bytes of one direction of a connection; 0 = never
  std::uint64_t times = UINT64_MAX; // TCP: only the first connections are cut or stalled
  std::size_t max_clients = 1024;
  long seconds = 3600;
  // UDP: each packet as it comes in, and again when it goes on.
  std::function<void (bool forward, bool out, Bytes packet)> observe;
};

// An owned file descriptor.
class Fd {
public:
  explicit Fd (int fd = -1) : fd_ (fd) {}
  Fd (Fd &&o) noexcept : fd_ (o.fd_) { o.fd_ = -1; }
  Fd &operator= (Fd &&o) noexcept
  {
    std::swap (fd_, o.fd_);
    return *this;
  }
  ~Fd ();
  int get () const { return fd_; }
  explicit operator bool () const { return fd_ >= 0; }

private:
  int fd_;
};

class Relay {
public:
  virtual ~Relay () = default;
  virtual bool start (int epoll) = 0;
  virtual std::uint16_t port () const = 0;
  // `token` is the epoll data the relay registered a socket with.
  virtual void ready (std::uint64_t token, std::uint32_t events, TimePoint now) = 0;
  virtual void run_due (TimePoint now) = 0;
  virtual std::optional<TimePoint> next () const = 0;
  virtual std::uint64_t clients () const = 0; // so far
  virtual Counters total (bool forward) const = 0;
};

class UdpProxy : public Relay {
public:
  // From now on, for those who are there and for later ones.
  virtual void set_profiles (const Profile &forward, const Profile &back) = 0;
  // Each client gets another port towards --to, as from a NAT that has forgotten it: what comes to
  // the old one goes nowhere.
  virtual void rebind () = 0;
};

std::unique_ptr<UdpProxy> make_udp_proxy (const Options &options);
std::unique_ptr<Relay> make_tcp_relay (const Options &options);

std::uint16_t local_port (int fd);
bool watch (int epoll, int op, int fd, std::uint32_t events, std::uint64_t token);
} // namespace reach::impair
