// SPDX-License-Identifier: LGPL-2.1-or-later
// A client, a listener and the network between them, on a clock that only the test moves.
#pragma once
#include "cam/proto/datagram_acceptor.h"
#include "check.h"
#include <functional>
#include <queue>
#include <random>
#include <set>

namespace sim {
using namespace reach;
using namespace reach::cam;

class Rng final : public Random {
public:
  explicit Rng (std::uint64_t seed) : engine_ (seed) {}
  std::uint64_t next () override { return engine_ (); }
  bool chance (double p) { return std::uniform_real_distribution<> (0, 1) (engine_) < p; }
  Duration upto (Duration d)
  {
    return d.count () > 0 ? Duration (next () % static_cast<std::uint64_t> (d.count ())) : d;
  }

private:
  std::mt19937_64 engine_;
};

// Good enough to tell different inputs apart in a test; not cryptography.
class ToyMac final : public Mac {
public:
  void compute (Bytes key, Bytes data, std::span<std::uint8_t, size> out) override
  {
    std::uint64_t h[2] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f};
    for (const Bytes part : {key, data})
      for (const std::uint8_t c : part)
        for (auto &x : h)
          x = (x ^ c) * 0x100000001b3 + (x >> 29);
    store_be (out.data (), h[0]);
    store_be (out.data () + 8, h[1]);
  }
};

inline Address address (const char *name)
{
  return Address (as_bytes (name));
}

struct Pipe {
  double loss = 0, duplicate = 0, reorder = 0;
  Duration delay{}, jitter{}; // one way; a reordered packet takes `reorder_delay` more
  Duration reorder_delay = milliseconds (12);
  double bits_per_second = 0; // 0 = no limit
  std::size_t queue = 64 << 10;
  bool cut = false;
  std::function<bool (Bytes)> drop; // true: lose this one

  TimePoint free_at{};
  std::uint64_t bytes = 0, packets = 0;
};

struct Received {
  TimePoint at;
  MessageHeader header;
  std::vector<std::uint8_t> body;
};

struct End {
  std::unique_ptr<DatagramLink> link;
  Address address;
  bool established = false, closed = false;
  DatagramFault fault = DatagramFault::none;
  std::uint64_t lost = 0, estimate = 0, estimates = 0;
  std::uint64_t batches = 0; // system calls, in real life
  std::vector<Received> received;
  std::function<void (const Incoming &)> on_message; // instead of `received`
  std::optional<std::uint64_t> newest;               // packet number sent
  bool number_repeated = false;
};

class Sim {
public:
  explicit Sim (
      std::uint64_t seed = 1, DatagramConfig config = {}, DatagramAcceptor::Config listen = {})
      : rng (seed), acceptor (listen, {1, 2, 3}, mac, rng, storage)
  {
    client.address = address ("client:1000");
    server.address = address ("server:5000");
    client.link = std::make_unique<DatagramLink> (config, storage, rng, server.address, now);
  }

  // Sends what a link wants to send; the receiver's side of each datagram is one contiguous copy.
  void flush (End &end, Pipe &pipe, bool to_server)
  {
    for (int rounds = 0; end.link; rounds++) {
      fail_unless (rounds < 10000, "poll_transmit never ends");
      const DatagramBatch b = end.link->poll_transmit (now);
      if (b.empty ())
        break;
      check_batch (b);
      end.batches++;
      for (const auto &p : b.packets) {
        std::vector<std::uint8_t> d;
        for (const Bytes piece : b.pieces.subspan (p.first_piece, p.n_pieces))
          d.insert (d.end (), piece.begin (), piece.end ());
        note_number (end, d);
        transmit (pipe, std::move (d), to_server, end.address, b.to);
      }
    }
    while (auto e = end.link ? end.link->poll_event () : std::nullopt)
      take_event (end, *e);
  }

  void step_to (TimePoint until)
  {
    int stuck = 0;
    while (now <= until) {
      if (!client_asleep)
        flush (client, up, true);
      flush (server, down, false);
      TimePoint next = until + nanoseconds (1);
      if (!wire_.empty ())
        next = std::min (next, wire_.top ().at);
      if (client.link && !client_asleep)
        next = std::min (next, client.link->poll_timeout ());
      if (server.link)
        next = std::min (next, server.link->poll_timeout ());
      next = std::min (next, next_tick);
      stuck = next <= now ? stuck + 1 : 0;
      fail_unless (stuck < 1000, "a timer does not move on");
      now = std::max (now, next);
      if (now > until)
        break;
      dispatch ();
    }
    now = until;
  }
  void run (Duration d) { step_to (now + d); }
  bool run_until (const std::function<bool ()> &done, Duration limit)
  {
    const TimePoint end = now + limit;
    while (!done () && now < end)
      run (milliseconds (1));
    return done ();
  }
  bool connect (Duration limit = seconds (3))
  {
    return run_until ([&] { return client.established && server.established; }, limit);
  }
  void every (Duration period, std::function<void ()> f)
  {
    period_ = period;
    tick_ = std::move (f);
    next_tick = now;
  }

  Rng rng;
  ToyMac mac;
  VectorStorage storage;
  TimePoint now = TimePoint (seconds (1000));
  Pipe up, down; // client → server, server → client
  DatagramAcceptor acceptor;
  End client, server;
  TimePoint next_tick = TimePoint::max ();
  std::uint64_t unproven_in = 0, unproven_out = 0; // bytes before the server has a link
  bool raw_addresses = true;
  bool client_asleep = false; // its thread gets no time: it sends nothing, and its timers wait
  std::map<std::string, std::uint64_t> to_address; // bytes the server's side sent to each

private:
  struct Flying {
    TimePoint at;
    std::uint64_t order;
    std::vector<std::uint8_t> bytes;
    bool to_server;
    Address from;
    bool operator<(const Flying &o) const
    {
      return std::tie (at, order) > std::tie (o.at, o.order);
    }
  };

  static void check_batch (const DatagramBatch &b)
  {
    std::size_t total = 0;
    for (std::size_t i = 0; i < b.packets.size (); i++) {
      fail_unless (b.packets[i].size <= 1163);
      fail_unless (i + 1 == b.packets.size () || b.packets[i].size == b.segment_size);
      fail_unless (b.packets[i].size <= b.segment_size);
      total += b.packets[i].size;
    }
    fail_unless (total == b.total && b.packets.size () <= 64);
    fail_unless (total <= 65507, "%zu bytes are more than one call takes", total);
  }

  static void note_number (End &end, Bytes d)
  {
    std::uint64_t n = 0;
    if (const auto h = DataHeader::parse (d))
      n = h->number;
    else
      n = load_be48 (d.data () + 16); // SYN and ACCEPT
    if (end.newest && n <= *end.newest)
      end.number_repeated = true;
    end.newest = n;
  }

  static void take_event (End &end, DatagramEvent &e);

  void transmit (
      Pipe &p, std::vector<std::uint8_t> d, bool to_server, const Address &from, const Address &to)
  {
    p.bytes += d.size ();
    p.packets++;
    if (!to_server)
      to_address[std::string (to.bytes ().begin (), to.bytes ().end ())] += d.size ();
    // Nobody lives at an address that is not the peer's present one.
    if (p.cut || (p.drop && p.drop (d)) || rng.chance (p.loss) ||
        to != (to_server ? server : client).address)
      return;
    TimePoint at = now;
    if (p.bits_per_second > 0) {
      const double waiting =
          std::chrono::duration<double> (p.free_at - now).count () * p.bits_per_second / 8;
      if (waiting + static_cast<double> (d.size ()) > static_cast<double> (p.queue))
        return;
      p.free_at = std::max (p.free_at, now) +
                  nanoseconds (static_cast<std::int64_t> (
                      static_cast<double> (d.size ()) * 8e9 / p.bits_per_second));
      at = p.free_at;
    }
    at += p.delay + rng.upto (p.jitter);
    if (rng.chance (p.reorder))
      at += p.reorder_delay;
    if (rng.chance (p.duplicate))
      wire_.push ({at + rng.upto (milliseconds (5)), order_++, d, to_server, from});
    wire_.push ({at, order_++, std::move (d), to_server, from});
  }

  void dispatch ()
  {
    if (now >= next_tick) {
      next_tick += period_;
      tick_ ();
    }
    while (!wire_.empty () && wire_.top ().at <= now) {
      Flying f =
          std::move (const_cast<Flying &> (wire_.top ())); // only its order is kept, and popped
      wire_.pop ();
      f.to_server ? to_server (f) : to_client (f);
    }
    for (End *e : {&client, &server})
      if (e->link && e->link->poll_timeout () <= now && !(client_asleep && e == &client))
        e->link->timeout (now);
  }

  void to_client (const Flying &f)
  {
    client.link->input (f.bytes, f.from, now);
    if (!client_asleep)
      flush (client, up, true);
  }

  void to_server (const Flying &f)
  {
    if (!server.link)
      unproven_in += f.bytes.size ();
    auto r = acceptor.input (f.bytes, f.from, now);
    switch (r.what) {
    case DatagramAcceptor::Result::What::nothing:
      break;
    case DatagramAcceptor::Result::What::reply:
      unproven_out += r.reply.size ();
      transmit (down, {r.reply.begin (), r.reply.end ()}, false, server.address, f.from);
      break;
    case DatagramAcceptor::Result::What::accepted:
      server.link = std::move (r.link);
      break;
    case DatagramAcceptor::Result::What::existing:
      server.link->input (f.bytes, f.from, now);
      break;
    }
    if (server.link)
      flush (server, down, false);
  }

  std::priority_queue<Flying> wire_;
  std::uint64_t order_ = 0;
  Duration period_{};
  std::function<void ()> tick_;
};

inline void Sim::take_event (End &end, DatagramEvent &e)
{
  switch (e.kind) {
  case DatagramEvent::Kind::established:
    end.established = true;
    break;
  case DatagramEvent::Kind::message:
    if (end.on_message)
      end.on_message (e.message);
    else
      end.received.push_back (
          {{}, e.message.header (), {e.message.body ().begin (), e.message.body ().end ()}});
    break;
  case DatagramEvent::Kind::messages_lost:
    end.lost += e.value;
    break;
  case DatagramEvent::Kind::estimate_changed:
    end.estimate = e.value;
    end.estimates++;
    break;
  case DatagramEvent::Kind::closed:
    fail_unless (!end.closed, "closed twice");
    end.closed = true;
    end.fault = e.fault;
    break;
  }
}

// A body whose every byte depends on the number, so that mixed-up fragments are seen.
inline std::vector<std::uint8_t> body_of (std::uint32_t number, std::size_t size)
{
  std::vector<std::uint8_t> b (std::max<std::size_t> (size, 4));
  for (std::size_t i = 4; i < b.size (); i++)
    b[i] = static_cast<std::uint8_t> (number * 31 + i * 7 + (i >> 8));
  store_be (b.data (), number);
  return b;
}
inline bool body_right (Bytes body)
{
  const auto number = load_be<std::uint32_t> (body.data ());
  for (std::size_t i = 4; i < body.size (); i++)
    if (body[i] != static_cast<std::uint8_t> (number * 31 + i * 7 + (i >> 8)))
      return false;
  return true;
}
inline MessageRef reliable (std::uint32_t number, std::size_t size, TimePoint now)
{
  return Message::control (Kind::command, MediaType::video, 1, body_of (number, size), now);
}
// What arrives of it is a FrameHeader, then body_of ().
inline MessageRef frame (std::uint32_t number, std::size_t size, bool key, TimePoint now)
{
  FrameHeader h;
  h.flags = key ? 0u : static_cast<std::uint32_t> (frame_delta_unit);
  return Message::frame (MediaType::video, 1, h, {}, slice_of (body_of (number, size)), now);
}
inline Bytes frame_payload (Bytes body)
{
  return body.subspan (FrameHeader::size);
}
} // namespace sim
