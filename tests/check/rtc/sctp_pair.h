// SPDX-License-Identifier: LGPL-2.1-or-later
// Two SCTP associations, each on a loop of its own, over a pipe that may lose, double and reorder.
#pragma once
#include "dtls_pipe.h"
#include "rtc/net/sctp.h"
#include "wait.h"

namespace reach::test {
struct SctpMessage {
  std::uint16_t stream;
  std::uint32_t ppid;
  std::vector<std::uint8_t> bytes;
};

class SctpEnd final : public Sctp::Owner {
public:
  struct Seen {
    bool connected = false, closed = false;
    std::uint16_t streams = 0;
    SctpFault fault = SctpFault::none;
    std::deque<SctpMessage> messages;
    std::size_t bytes = 0, count = 0;
    std::vector<std::pair<std::uint16_t, bool>> resets; // stream, incoming
    unsigned low = 0;
    std::size_t largest_packet = 0;
  };
  Loop loop{"sctp-end"};
  std::unique_ptr<Sctp> sctp;
  SctpEnd *peer = nullptr;
  Watched<Seen> seen;
  bool keep_messages = true;
  std::function<void ()> on_low;                                     // loop thread
  std::function<void (std::vector<std::uint8_t> &)> change_outgoing; // loop thread

  SctpEnd (SctpSettings settings, LossyPipe::Rules rules, unsigned seed) : pipe_ (rules, seed)
  {
    loop.call ([&] { sctp = std::make_unique<Sctp> (loop, *this, settings); });
  }
  ~SctpEnd () override { end (); }
  void end ()
  {
    loop.call ([this] { sctp.reset (); });
  }
  Sctp::Sent send (std::uint16_t stream, Bytes bytes, Reliability how = {}, std::uint32_t ppid = 53)
  {
    Sctp::Sent sent{};
    loop.call ([&] { sent = sctp->send (stream, ppid, how, bytes); });
    return sent;
  }
  void reset (std::uint16_t stream)
  {
    loop.call ([&] { sctp->reset (stream); });
  }

  void on_sctp_packets (SctpLink::Output &packets) override
  {
    std::size_t largest = 0;
    for (Datagram &d : take (packets)) {
      largest = std::max (largest, d.size ());
      if (change_outgoing)
        change_outgoing (d);
      pipe_.put (std::move (d));
    }
    seen.update ([&] (Seen &s) { s.largest_packet = std::max (s.largest_packet, largest); });
    auto batch = std::make_shared<std::vector<Datagram>> ();
    for (Datagram d; pipe_.take (d);)
      batch->push_back (std::move (d));
    if (peer)
      peer->loop.post ([p = peer, batch] {
        for (const Datagram &d : *batch)
          if (p->sctp)
            p->sctp->input (d);
      });
  }
  void on_sctp_connected (std::uint16_t streams) override
  {
    seen.update ([&] (Seen &s) {
      s.connected = true;
      s.streams = streams;
    });
  }
  void on_sctp_message (std::uint16_t stream, std::uint32_t ppid, Bytes m) override
  {
    seen.update ([&] (Seen &s) {
      s.bytes += m.size ();
      s.count++;
      if (keep_messages)
        s.messages.push_back ({stream, ppid, {m.begin (), m.end ()}});
    });
  }
  void on_sctp_reset (std::uint16_t stream, bool incoming) override
  {
    seen.update ([&] (Seen &s) { s.resets.emplace_back (stream, incoming); });
  }
  void on_sctp_low (std::uint16_t) override
  {
    seen.update ([] (Seen &s) { s.low++; });
    if (on_low)
      on_low ();
  }
  void on_sctp_closed (SctpFault fault) override
  {
    seen.update ([&] (Seen &s) {
      s.closed = true;
      s.fault = fault;
    });
  }

private:
  LossyPipe pipe_;
};

struct SctpPair {
  SctpEnd a, b;
  explicit SctpPair (
      SctpSettings settings = {}, LossyPipe::Rules rules = {}, unsigned seed = 1, bool start = true)
      : a (settings, rules, seed), b (settings, rules, seed + 1)
  {
    a.peer = &b;
    b.peer = &a;
    if (!start)
      return;
    for (SctpEnd *e : {&a, &b})
      e->loop.call ([e] { e->sctp->start (); });
    for (SctpEnd *e : {&a, &b})
      fail_unless (e->seen.wait ([] (const auto &s) { return s.connected; }, milliseconds (50000)),
          "no association");
  }
  ~SctpPair ()
  {
    a.end ();
    b.end ();
    for (SctpEnd *e : {&a, &b}) // what they have posted to each other
      e->loop.call ([] {});
  }
};
} // namespace reach::test
