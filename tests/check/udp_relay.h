// SPDX-License-Identifier: LGPL-2.1-or-later
// A bad UDP network between two elements: reach-impair's proxy on a thread of its own.
#pragma once
#include "../tools/relay.h"
#include "wait.h"
#include <arpa/inet.h>
#include <atomic>
#include <poll.h>
#include <sys/epoll.h>
#include <thread>

namespace reach::test {
class UdpRelay {
public:
  // Packets for port () go to `to`, both at `host`; both directions have the same profile.
  explicit UdpRelay (guint16 to, const impair::Profile &profile = {}, std::uint64_t seed = 1,
      decltype (impair::Options::observe) observe = {}, const std::string &host = "127.0.0.1")
      : epoll_ (::epoll_create1 (EPOLL_CLOEXEC))
  {
    impair::Options o;
    o.forward = o.back = profile;
    o.seed = seed;
    o.observe = std::move (observe);
    o.listen = address (host, 0);
    o.to = address (host, to);
    relay_ = impair::make_udp_proxy (o);
    fail_unless (relay_->start (epoll_.get ()));
    port_ = relay_->port ();
    thread_ = std::thread ([this] { run (); });
  }
  ~UdpRelay ()
  {
    stopping_ = true;
    thread_.join ();
  }
  guint16 port () const { return port_; }
  void hold () { holding_ = true; } // nothing passes any more: a black hole
  // The longest time a packet lay here beyond its delay: a machine that is too busy for a test of
  // latencies.
  milliseconds worst () const { return milliseconds (worst_); }
  impair::Counters total (bool forward)
  {
    impair::Counters c;
    call ([&] { c = relay_->total (forward); });
    return c;
  }
  void set_profile (const impair::Profile &p)
  {
    call ([&] { relay_->set_profiles (p, p); });
  }
  // All clients come from other ports, as from a NAT that has forgotten them.
  void rebind ()
  {
    call ([&] { relay_->rebind (); });
  }

private:
  void call (const std::function<void ()> &what) // on the thread
  {
    Watched<bool> done (false);
    asked_.update ([&] (auto &f) {
      f = [&] {
        what ();
        done.set (true);
      };
    });
    fail_unless (done.wait ([] (bool d) { return d; }));
  }
  static sockaddr_in address (const std::string &host, guint16 port)
  {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = inet_addr (host.c_str ());
    a.sin_port = htons (port);
    return a;
  }
  void run ()
  {
    while (!stopping_) {
      epoll_event events[16];
      const int n = ::epoll_wait (epoll_.get (), events, 16, wait_ms ());
      const TimePoint now = Clock::now ();
      for (int i = 0; i < n && !holding_; i++)
        relay_->ready (events[i].data.u64, events[i].events, now);
      if (holding_)
        ::poll (nullptr, 0, 10);
      else
        run_due (now);
      std::function<void ()> asked;
      asked_.update ([&] (auto &f) { asked = std::exchange (f, nullptr); });
      if (asked)
        asked ();
    }
  }
  void run_due (TimePoint now)
  {
    if (const auto due = relay_->next (); due && now > *due)
      worst_ = std::max<int> (worst_,
          static_cast<int> (std::chrono::duration_cast<milliseconds> (now - *due).count ()));
    relay_->run_due (now);
  }
  int wait_ms () const
  {
    const auto next = relay_->next ();
    if (!next || holding_)
      return 10;
    const auto left = std::chrono::duration_cast<milliseconds> (*next - Clock::now ()).count ();
    return static_cast<int> (std::clamp<std::int64_t> (left, 0, 10));
  }

  impair::Fd epoll_;
  std::unique_ptr<impair::UdpProxy> relay_;
  guint16 port_ = 0;
  std::atomic<bool> stopping_{false}, holding_{false};
  std::atomic<int> worst_{0};
  Watched<std::function<void ()>> asked_;
  std::thread thread_;
};
} // namespace reach::test
