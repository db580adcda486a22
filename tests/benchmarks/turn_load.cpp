// SPDX-License-Identifier: LGPL-2.1-or-later
// Load for a TURN server: clients with a channel each and their peer, in one thread that never
// sleeps while it measures, so that nothing has to wake it. reach-turn-load --flows N --port PORT
//; commands on standard input: "run RATE SECONDS BURST", "storm SECONDS", "quit".
#include "process.h"
#include "turn/net/socket_address.h"
#include "turn_flows.h"
#include <algorithm>
#include <cstring>
#include <exception>
#include <iostream>
#include <sstream>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace reach::bench {
namespace {
constexpr std::size_t payload = 1000, at_once = 32;
constexpr std::int64_t drain_ns = 300'000'000; // what is still under way at the end

struct Run {
  double rate = 0, seconds = 0; // packets per second, both directions together
  unsigned burst = 1;           // packets of one flow and one direction that follow each other
};

class Traffic {
public:
  Traffic (Flows &flows, const Run &run);
  void go ();
  void report (Json &json);

private:
  struct Direction {
    std::uint64_t sent = 0;
    std::vector<float> us; // of each packet that came
  };
  void send (std::uint64_t n);
  void receive ();
  void read (std::size_t which);

  Flows &flows_;
  const Run run_;
  Direction up_, down_; // to the peer, to clients
  std::vector<reach::Address> relayed_;
  std::array<std::uint8_t, Flows::header + payload> packet_{};
  std::array<std::array<std::uint8_t, 2048>, at_once> in_;
  std::array<mmsghdr, at_once> messages_{};
  std::array<iovec, at_once> pieces_;
  std::uint64_t failed_ = 0;
  std::int64_t late_ = 0, begin_ = 0, end_ = 0;
};

Traffic::Traffic (Flows &flows, const Run &run) : flows_ (flows), run_ (run)
{
  for (std::size_t i = 0; i < flows.size (); i++)
    relayed_.push_back (turn::to_socket (flows[i].relayed));
  for (Direction *d : {&up_, &down_})
    d->us.reserve (static_cast<std::size_t> (run.rate * run.seconds));
  store_be (packet_.data (), Flows::channel);
  store_be (packet_.data () + 2, std::uint16_t{payload});
  for (std::size_t i = 0; i < at_once; i++) {
    pieces_[i] = {in_[i].data (), in_[i].size ()};
    messages_[i].msg_hdr.msg_iov = &pieces_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

// Bursts go round the flows, first all up, then all down.
void Traffic::send (std::uint64_t n)
{
  const std::uint64_t burst = n / run_.burst;
  const std::size_t flow = burst % flows_.size ();
  const bool up = burst / flows_.size () % 2 == 0;
  const std::int64_t now = monotonic_ns ();
  std::memcpy (packet_.data () + Flows::header, &now, sizeof now);
  Bytes all (packet_);
  if (!up || !flows_[flow].client)
    all = all.subspan (Flows::header);
  ssize_t sent;
  if (up)
    sent = ::send (flows_[flow].fd, all.data (), all.size (), MSG_DONTWAIT);
  else
    sent = sendto (flows_.peer (), all.data (), all.size (), MSG_DONTWAIT, relayed_[flow].get (),
        relayed_[flow].length);
  if (sent < 0)
    failed_++;
  else
    (up ? up_ : down_).sent++;
}

void Traffic::read (std::size_t which)
{
  const bool is_peer = which == flows_.size ();
  const std::size_t skip = is_peer || !flows_[which].client ? 0 : Flows::header;
  Direction &d = is_peer ? up_ : down_;
  const int n = recvmmsg (is_peer ? flows_.peer () : flows_[which].fd, messages_.data (), at_once,
      MSG_DONTWAIT, nullptr);
  const std::int64_t now = monotonic_ns ();
  for (int i = 0; i < n; i++) {
    const auto k = static_cast<std::size_t> (i);
    if (messages_[k].msg_len != skip + payload)
      continue;
    std::int64_t then;
    std::memcpy (&then, in_[k].data () + skip, sizeof then);
    d.us.push_back (static_cast<float> (now - then) / 1000);
  }
}

void Traffic::receive ()
{
  std::array<epoll_event, 64> events;
  const int n = epoll_wait (flows_.epoll (), events.data (), static_cast<int> (events.size ()), 0);
  for (int i = 0; i < n; i++)
    read (events[static_cast<std::size_t> (i)].data.u32);
}

void Traffic::go ()
{
  const double every = 1e9 / run_.rate;
  const auto total = static_cast<std::uint64_t> (run_.rate * run_.seconds);
  begin_ = monotonic_ns ();
  for (std::uint64_t n = 0; n < total;) {
    const std::uint64_t group = n / run_.burst * run_.burst;
    const std::int64_t due =
        begin_ + static_cast<std::int64_t> (every * static_cast<double> (group));
    const std::int64_t now = monotonic_ns ();
    if (now >= due) {
      late_ = std::max (late_, now - due);
      for (const std::uint64_t end = std::min (total, group + run_.burst); n < end; n++)
        send (n);
    }
    receive ();
  }
  end_ = monotonic_ns ();
  while (monotonic_ns () < end_ + drain_ns)
    receive ();
}

void Traffic::report (Json &json)
{
  json.add ("role", std::string ("turn-load"))
      .add ("seconds", static_cast<double> (end_ - begin_) / 1e9)
      .add ("late-ms", static_cast<double> (late_) / 1e6)
      .add ("not-sent", failed_);
  std::vector<float> all;
  std::uint64_t sent = 0;
  for (Direction *d : {&up_, &down_}) {
    sent += d->sent;
    all.insert (all.end (), d->us.begin (), d->us.end ());
  }
  std::ranges::sort (all);
  const auto part = [&] (double p) {
    return all.empty ()
               ? 0.0
               : double{all[static_cast<std::size_t> (p * static_cast<double> (all.size () - 1))]};
  };
  json.add ("sent", sent)
      .add ("received", std::uint64_t{all.size ()})
      .add ("received-up", std::uint64_t{up_.us.size ()})
      .add ("p50-us", part (0.5))
      .add ("p99-us", part (0.99))
      .add ("max-us", part (1));
}

void obey (Flows &flows, const std::string &line)
{
  std::istringstream words (line);
  std::string what;
  words >> what;
  Json json;
  if (what == "run") {
    Run r;
    words >> r.rate >> r.seconds >> r.burst;
    if (!words || r.rate <= 0 || r.burst == 0)
      throw std::runtime_error ("run RATE SECONDS BURST");
    Traffic t (flows, r);
    t.go ();
    t.report (json);
  } else if (what == "storm") {
    double spread = 1;
    words >> spread;
    const Flows::Storm s = flows.refresh (spread);
    json.add ("role", std::string ("turn-load"))
        .add ("answered", std::uint64_t{s.answered})
        .add ("retransmissions", s.retransmissions)
        .add ("first-ms", s.first_ms)
        .add ("all-ms", s.all_ms);
  } else
    throw std::runtime_error ("run, storm or quit");
  json.print ();
}

int load (const Options &o)
{
  rlimit files{};
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  Flows flows (o.count ("flows", 1), static_cast<std::uint16_t> (o.count ("port", 0)));
  const std::int64_t begin = monotonic_ns ();
  flows.set_up ();
  Json ()
      .add ("state", std::string ("ready"))
      .add ("seconds", static_cast<double> (monotonic_ns () - begin) / 1e9)
      .print ();
  for (std::string line; std::getline (std::cin, line) && line != "quit";)
    obey (flows, line);
  return 0;
}
} // namespace
} // namespace reach::bench

int main (int argc, char **argv)
{
  reach::bench::Options options;
  if (!options.parse (argc, argv, 1)) {
    std::cerr << "reach-turn-load --flows N --port PORT\n";
    return 2;
  }
  try {
    return reach::bench::load (options);
  } catch (const std::exception &e) {
    std::cerr << "reach-turn-load: " << e.what () << '\n';
    return 1;
  }
}
