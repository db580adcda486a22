// SPDX-License-Identifier: LGPL-2.1-or-later
// What a packet costs in both cores together, at 1 Gbit/s on a fake clock. Printed, not judged: the
// machine decides. The copy that stands for the kernel is in the figure too.
#include "datagram_sim.h"
#include <cstdio>
#include <ctime>

using namespace sim;

namespace {
// Keeps two blocks in turn, so that the allocator does not count.
class Reused final : public StorageSource {
public:
  struct Block final : public Storage {
    Block (Reused &o, std::vector<std::uint8_t> v) : owner (o), data (std::move (v)) {}
    ~Block () override { owner.free_.push_back (std::move (data)); }
    std::span<std::uint8_t> bytes () override { return data; }
    Reused &owner;
    std::vector<std::uint8_t> data;
  };
  std::unique_ptr<Storage> allocate (std::size_t size) override
  {
    std::vector<std::uint8_t> v;
    if (!free_.empty ()) {
      v = std::move (free_.back ());
      free_.pop_back ();
    }
    v.resize (size);
    return std::make_unique<Block> (*this, std::move (v));
  }
  std::vector<std::vector<std::uint8_t>> free_;
};

// All of one side's datagrams to the other, each gathered into one block first.
std::uint64_t carry (DatagramLink &from, DatagramLink &to, const Address &source, TimePoint now,
    double loss, Rng &rng)
{
  std::uint64_t n = 0;
  std::array<std::uint8_t, 1200> d;
  for (DatagramBatch b = from.poll_transmit (now); !b.empty (); b = from.poll_transmit (now))
    for (const auto &p : b.packets) {
      std::size_t at = 0;
      for (const Bytes piece : b.pieces.subspan (p.first_piece, p.n_pieces)) {
        std::memcpy (d.data () + at, piece.data (), piece.size ());
        at += piece.size ();
      }
      n++;
      if (loss == 0 || !rng.chance (loss))
        to.input ({d.data (), at}, source, now);
    }
  return n;
}

void measure (std::size_t size, double loss)
{
  Reused storage; // outlives the links, which give their blocks back to it
  Sim s;
  s.acceptor.~DatagramAcceptor ();
  new (&s.acceptor) DatagramAcceptor ({}, {1}, s.mac, s.rng, storage);
  fail_unless (s.connect ());
  DatagramLink &a = *s.client.link, &b = *s.server.link;
  TimePoint now = s.now;
  const Slice payload = slice_of (body_of (1, size));
  std::uint64_t packets = 0, messages = 0, sent = 0;
  double credit = 0;
  std::clock_t begin = 0; // CPU time: other processes do not count
  for (int ms = 0; ms < 4000; ms++) {
    if (ms == 2000) { // the rate has settled
      begin = std::clock ();
      packets = messages = 0;
    }
    for (credit += 125000; credit > 0 && a.room () > 0;
         credit -= static_cast<double> (size), sent++)
      a.send (Message::frame (MediaType::video, 1, {}, {}, payload, now), now);
    credit = std::min (credit, 1e6);
    for (int i = 0; i < 4; i++, now += microseconds (250)) {
      packets += carry (a, b, s.client.address, now, loss, s.rng);
      carry (b, a, s.server.address, now, loss, s.rng);
      if (a.poll_timeout () <= now)
        a.timeout (now);
      if (b.poll_timeout () <= now)
        b.timeout (now);
      while (auto e = b.poll_event ())
        if (e->kind == DatagramEvent::Kind::message) {
          messages++;
        }
      while (a.poll_event ()) {
      }
    }
  }
  const double ns = static_cast<double> (std::clock () - begin) * 1e9 / CLOCKS_PER_SEC;
  const DatagramStats st = a.stats ();
  fail_unless (packets > 1000);
  std::printf ("%7zu byte messages, %2.0f %% loss: %4.0f Mbit/s, %4.0f ns a packet, %6.0f ns a "
               "message; given up %lu of %lu, %lu packets found lost, rate %lu Mbit/s\n",
      size, loss * 100, static_cast<double> (messages * size) * 8 / 2e6,
      ns / static_cast<double> (packets), ns / static_cast<double> (messages), st.messages_given_up,
      sent, st.packets_lost, st.bandwidth / 1000000);
}
} // namespace

GST_START_TEST (test_speed)
{
  measure (100000, 0);
  measure (8000, 0);
  measure (1400, 0);
  measure (100000, 0.02);
}
GST_END_TEST

static Suite *datagram_speed_suite ()
{
  Suite *s = suite_create ("datagram-speed");
  TCase *c = tcase_create ("general");
  tcase_set_timeout (c, 120);
  suite_add_tcase (s, c);
  tcase_add_test (c, test_speed);
  return s;
}
GST_CHECK_MAIN (datagram_speed);
