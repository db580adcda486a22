// SPDX-License-Identifier: LGPL-2.1-or-later
// libFuzzer: packets, timers and calls against a listener, the link it accepts and a client link,
// with true packets of the other side among them, changed or not.
#include "cam/proto/datagram_acceptor.h"
#include <cstdlib>

namespace {
using namespace reach;
using namespace reach::cam;

class Numbers final : public Random {
public:
  std::uint64_t next () override
  {
    return value_ = value_ * 6364136223846793005u + 1442695040888963407u;
  }

private:
  std::uint64_t value_ = 1;
};

class NoMac final : public Mac {
public:
  void compute (Bytes, Bytes data, std::span<std::uint8_t, size> out) override
  {
    for (std::size_t i = 0; i < size; i++)
      out[i] = static_cast<std::uint8_t> (i + data.size ());
  }
};

void require (bool good)
{
  if (!good)
    std::abort ();
}

struct World {
  Numbers numbers;
  NoMac mac;
  VectorStorage storage;
  DatagramAcceptor::Config config;
  TimePoint now{seconds (5000)};
  Address here{as_bytes ("here")}, there{as_bytes ("there")};
  std::unique_ptr<DatagramAcceptor> acceptor;
  std::unique_ptr<DatagramLink> client, server;
  std::deque<std::vector<std::uint8_t>> to_server, to_client;

  World ()
  {
    config.link.max_message = 1 << 16;
    config.link.max_incomplete_bytes = 1 << 18;
    config.link.max_window = 64;
    config.link.max_intervals = 16;
    config.link.max_in_flight = 256;
    config.link.max_malformed = 200;
    config.max_associations = 2;
    acceptor = std::make_unique<DatagramAcceptor> (
        config, std::vector<std::uint8_t>{1}, mac, numbers, storage);
    client = std::make_unique<DatagramLink> (config.link, storage, numbers, there, now);
  }

  void drain (DatagramLink *link, std::deque<std::vector<std::uint8_t>> &out)
  {
    if (!link)
      return;
    for (int i = 0;; i++) {
      require (i < 5000);
      const DatagramBatch b = link->poll_transmit (now);
      if (b.empty ())
        break;
      for (const auto &p : b.packets) {
        std::vector<std::uint8_t> d;
        for (const Bytes piece : b.pieces.subspan (p.first_piece, p.n_pieces))
          d.insert (d.end (), piece.begin (), piece.end ());
        require (d.size () == p.size && p.size <= b.segment_size && p.size <= 1163);
        if (out.size () < 200)
          out.push_back (std::move (d));
      }
    }
    while (auto e = link->poll_event ())
      if (e->kind == DatagramEvent::Kind::message)
        require (e->message.bytes ().size () >= MessageHeader::size);
  }

  void drain ()
  {
    drain (client.get (), to_server);
    drain (server.get (), to_client);
  }

  void deliver_to_server (Bytes d, const Address &from)
  {
    auto r = acceptor->input (d, from, now);
    if (r.what == DatagramAcceptor::Result::What::reply) {
      require (r.reply.size () <= d.size ());
      to_client.emplace_back (r.reply.begin (), r.reply.end ());
    } else if (r.what == DatagramAcceptor::Result::What::accepted && !server) {
      server = std::move (r.link);
    } else if (r.what == DatagramAcceptor::Result::What::existing && server &&
               server->cid () == r.cid) {
      server->input (d, from, now);
    }
  }

  void timers ()
  {
    for (DatagramLink *l : {client.get (), server.get ()}) {
      for (int i = 0; l && l->poll_timeout () <= now; i++) {
        require (i < 1000); // a timer that fires for ever
        l->timeout (now);
        drain ();
      }
    }
  }
};

std::vector<std::uint8_t> with_header (const DatagramLink *to, ByteReader &r)
{
  const Bytes body = r.take (std::min<std::size_t> (r.u8 (), r.left ()));
  std::vector<std::uint8_t> d (DataHeader::size + body.size ());
  DataHeader{to ? to->cid () : 0, r.u16 (), r.u32 ()}.write (d.data ());
  std::copy (body.begin (), body.end (), d.begin () + DataHeader::size);
  return d;
}

void step (World &w, ByteReader &r)
{
  const std::uint8_t op = r.u8 ();
  const bool up = op & 0x80;
  auto &wire = up ? w.to_server : w.to_client;
  const auto deliver = [&] (Bytes d) {
    if (up)
      w.deliver_to_server (d, op & 0x40 ? Address (as_bytes ("elsewhere")) : w.here);
    else
      w.client->input (d, w.there, w.now);
  };
  DatagramLink *link = up ? w.client.get () : w.server.get ();
  switch (op & 0x0f) {
  case 0:
  case 1:
  case 2: // the oldest packet, perhaps changed
    if (!wire.empty ()) {
      auto d = std::move (wire.front ());
      wire.pop_front ();
      if ((op & 0x0f) == 2 && !d.empty ())
        d[r.u16 () % d.size ()] ^= r.u8 ();
      deliver (d);
    }
    break;
  case 3: // lost
    if (!wire.empty ())
      wire.pop_front ();
    break;
  case 4: // twice, later
    if (!wire.empty ())
      wire.push_back (wire.front ());
    break;
  case 5: // bytes of its own with the right head
    deliver (with_header (up ? w.server.get () : w.client.get (), r));
    break;
  case 6: // bytes of its own
    deliver (r.take (std::min<std::size_t> (r.u8 (), r.left ())));
    break;
  case 7:
  case 8:
  case 9: { // a message
    const std::size_t size = (op & 0x0f) == 7 ? 20 : r.u16 () & 0x7fff;
    if (link && link->room () > 0)
      link->send (op & 0x20 ? Message::control (Kind::command, MediaType::data, 0,
                                  std::vector<std::uint8_t> (size), w.now)
                            : Message::frame (MediaType::video, 1, {}, {},
                                  slice_of (std::vector<std::uint8_t> (size)), w.now),
          w.now);
    break;
  }
  case 10:
    if (link && r.u8 () < 4)
      link->close (w.now);
    break;
  default: // time
    w.now += microseconds ((op & 0x0f) == 15 ? r.u32 () % 5'000'000 : r.u16 ());
  }
  w.drain ();
  w.timers ();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  World w;
  ByteReader r ({data, size});
  w.drain ();
  // A quarter of the inputs fuzz the handshake as well; the others start connected.
  if (size > 0 && data[0] & 3)
    for (int i = 0; i < 8; i++) {
      while (!w.to_server.empty ()) {
        w.deliver_to_server (w.to_server.front (), w.here);
        w.to_server.pop_front ();
        w.drain ();
      }
      while (!w.to_client.empty ()) {
        w.client->input (w.to_client.front (), w.there, w.now);
        w.to_client.pop_front ();
        w.drain ();
      }
    }
  while (r.left () > 0)
    step (w, r);
  return 0;
}
