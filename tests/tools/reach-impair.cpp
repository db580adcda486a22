// SPDX-License-Identifier: LGPL-2.1-or-later
// reach-impair: a UDP proxy or TCP relay that behaves like a bad network. Prints {"listening":PORT}
// when it is ready, and one JSON line with what it did when it ends.
#include "relay.h"
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace reach::impair {
namespace {
constexpr std::uint64_t timer_token = UINT64_MAX, signal_token = UINT64_MAX - 1;

const char usage[] =
    "reach-impair --listen PORT --to HOST:PORT [options]   (PORT 0: pick one)\n"
    "  --bind ADDRESS            listen there instead of on 127.0.0.1\n"
    "  --loss PCT                lost packets; --loss-back PCT: of the answers (default: the "
    "same)\n"
    "  --delay MS --jitter MS    each way; jitter keeps the order\n"
    "  --reorder PCT --hold MS   packets held back (5 ms)\n"
    "  --duplicate PCT\n"
    "  --rate BIT/S --queue BYTES   each way, and what may wait for it (65536)\n"
    "  --seed N                  same seed, same fate of packet n\n"
    "  --seconds N               end by itself (3600)\n"
    "  --tcp                     relay TCP; with --delay, --rate and --queue, and\n"
    "  --cut-after BYTES         reset a connection once a direction carried so many\n"
    "  --stall-after BYTES       or stop reading, the connection stays\n"
    "  --times N                 only the first N connections\n";

bool resolve (const std::string &host, const std::string &port, sockaddr_in &out)
{
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = AF_INET;
  if (getaddrinfo (host.c_str (), port.c_str (), &hints, &list) != 0)
    return false;
  std::memcpy (&out, list->ai_addr, sizeof out);
  freeaddrinfo (list);
  return true;
}

bool parse (int argc, char **argv, Options &o)
{
  std::string bind_address = "127.0.0.1", listen_port, to;
  bool loss_back = false;
  Profile &p = o.forward;
  double back = 0;
  const auto ms = [] (const char *v) {
    return nanoseconds (static_cast<std::int64_t> (std::atof (v) * 1e6));
  };
  const auto u64 = [] (const char *v) {
    return static_cast<std::uint64_t> (std::strtoull (v, nullptr, 10));
  };
  const std::map<std::string, std::function<void (const char *)>> with_value{
      {"--listen", [&] (const char *v) { listen_port = v; }},
      {"--to", [&] (const char *v) { to = v; }},
      {"--bind", [&] (const char *v) { bind_address = v; }},
      {"--loss", [&] (const char *v) { p.loss = std::atof (v); }},
      {"--loss-back", [&] (const char *v) { back = std::atof (v), loss_back = true; }},
      {"--delay", [&] (const char *v) { p.delay = ms (v); }},
      {"--jitter", [&] (const char *v) { p.jitter = ms (v); }},
      {"--hold", [&] (const char *v) { p.hold = ms (v); }},
      {"--reorder", [&] (const char *v) { p.reorder = std::atof (v); }},
      {"--duplicate", [&] (const char *v) { p.duplicate = std::atof (v); }},
      {"--rate", [&] (const char *v) { p.rate = u64 (v); }},
      {"--queue", [&] (const char *v) { p.queue = u64 (v); }},
      {"--seed", [&] (const char *v) { o.seed = u64 (v); }},
      {"--seconds", [&] (const char *v) { o.seconds = std::atol (v); }},
      {"--cut-after", [&] (const char *v) { o.cut_after = u64 (v); }},
      {"--stall-after", [&] (const char *v) { o.stall_after = u64 (v); }},
      {"--times", [&] (const char *v) { o.times = u64 (v); }},
  };
  for (int i = 1; i < argc; i++) {
    if (std::strcmp (argv[i], "--tcp") == 0) {
      o.tcp = true;
      continue;
    }
    const auto it = with_value.find (argv[i]);
    if (it == with_value.end () || i + 1 == argc)
      return false;
    it->second (argv[++i]);
  }
  o.back = o.forward;
  if (loss_back)
    o.back.loss = back;
  const auto colon = to.rfind (':');
  return !listen_port.empty () && colon != std::string::npos &&
         resolve (bind_address, listen_port, o.listen) &&
         resolve (to.substr (0, colon), to.substr (colon + 1), o.to);
}

void print (const char *name, const Counters &c)
{
  std::printf ("\"%s\":{\"packets_in\":%" PRIu64 ",\"bytes_in\":%" PRIu64
               ",\"packets_out\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ",\"lost\":%" PRIu64
               ",\"queue_dropped\":%" PRIu64 ",\"duplicated\":%" PRIu64 ",\"reordered\":%" PRIu64
               "}",
      name, c.packets_in, c.bytes_in, c.packets_out, c.bytes_out, c.lost, c.queue_dropped,
      c.duplicated, c.reordered);
}

void arm (int timer, TimePoint at)
{
  const auto ns = std::max<std::int64_t> (1, nanoseconds (at.time_since_epoch ()).count ());
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1'000'000'000;
  spec.it_value.tv_nsec = ns % 1'000'000'000;
  timerfd_settime (timer, TFD_TIMER_ABSTIME, &spec, nullptr);
}

// Returns at a signal or at the end of the time.
void loop (Relay &relay, int epoll, int timer, TimePoint end)
{
  for (;;) {
    arm (timer, std::min (relay.next ().value_or (end), end));
    epoll_event events[64];
    const int n = epoll_wait (epoll, events, 64, -1);
    const auto now = Clock::now ();
    if (now >= end)
      return;
    for (int i = 0; i < n; i++) {
      const auto token = events[i].data.u64;
      std::uint64_t expirations;
      if (token == signal_token)
        return;
      if (token == timer_token)
        (void)!::read (timer, &expirations, sizeof expirations);
      else
        relay.ready (token, events[i].events, now);
    }
    relay.run_due (now);
  }
}

int run (const Options &options)
{
  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigprocmask (SIG_BLOCK, &set, nullptr);
  const Fd epoll (epoll_create1 (EPOLL_CLOEXEC)), signals (signalfd (-1, &set, SFD_CLOEXEC)),
      timer (timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  watch (epoll.get (), EPOLL_CTL_ADD, signals.get (), EPOLLIN, signal_token);
  watch (epoll.get (), EPOLL_CTL_ADD, timer.get (), EPOLLIN, timer_token);
  const auto relay = options.tcp ? make_tcp_relay (options) : make_udp_proxy (options);
  if (!relay->start (epoll.get ())) {
    std::perror ("reach-impair: listen");
    return 1;
  }
  std::printf ("{\"listening\":%u}\n", relay->port ());
  std::fflush (stdout);
  loop (*relay, epoll.get (), timer.get (), Clock::now () + seconds (options.seconds));
  std::printf ("{\"clients\":%" PRIu64 ",", relay->clients ());
  print ("forward", relay->total (true));
  std::printf (",");
  print ("back", relay->total (false));
  std::printf ("}\n");
  return 0;
}
} // namespace
} // namespace reach::impair

int main (int argc, char **argv)
{
  reach::impair::Options options;
  if (!reach::impair::parse (argc, argv, options)) {
    std::fputs (reach::impair::usage, stderr);
    return 2;
  }
  return reach::impair::run (options);
}
