// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends media from a streaming thread: on plain UDP straight to the socket, without a hop to the
// loop and without allocating; else by way of the loop.
#pragma once
#include "session.h"

namespace reach::turn {
class Sender {
public:
  struct Packet {
    std::span<const iovec> pieces;
    std::size_t size = 0;
    stun::Address to; // where the sink has no peers of its own
  };
  // Written by one thread, read by any.
  class Count {
  public:
    void operator+= (std::uint64_t n) { n_.store (*this + n, std::memory_order_relaxed); }
    operator std::uint64_t () const { return n_.load (std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> n_ = 0;
  };
  struct Stats {
    Count packets, bytes, dropped;
  };
  enum class Ready : std::uint8_t { yes, flushing, ended };

  Sender (std::shared_ptr<Session> session, std::shared_ptr<Outlet> outlet);

  Ready wait (); // until there is an allocation with routes
  // To each peer. Returns those that are left when it was flushed; only streams wait.
  std::span<const Packet> send (std::span<const Packet> packets);
  bool by_buffer () const { return table_->by_buffer; } // packets need `to`
  void drain (Duration limit);                          // streams: until the loop has all
  const Stats &stats () const { return stats_; }
  std::uint64_t dropped () const { return stats_.dropped + outlet_->dropped (); }

private:
  using Header = std::array<std::uint8_t, Client::max_header>;
  static constexpr std::size_t max_segments = 64, max_pieces = 1000, max_batch = 65000;

  void look ();
  std::span<const Outlet::Target> targets_of (const Packet &p);
  void send_by_buffer (std::span<const Packet> packets);
  bool send_streams (const Packet &p);
  void send_to (const Outlet::Target &t, std::span<const Packet> packets);
  bool send_small (const Outlet::Target &t, const Packet &p);
  void send_datagrams (const Outlet::Target &t, std::span<const Packet> packets);
  std::size_t add_run (const Outlet::Target &t, std::span<const Packet> packets);
  std::size_t add (const Outlet::Target &t, const Packet &p);
  std::size_t write_header (const Outlet::Target &t, std::size_t size, std::uint8_t *to);
  void flush ();
  bool write (std::span<const iovec> pieces, std::size_t segment);
  int write_once (std::span<const iovec> pieces, std::size_t segment);
  void count (std::size_t n);

  const std::shared_ptr<Session> session_;
  const std::shared_ptr<Outlet> outlet_;
  Outlet::TablePtr table_;
  std::uint64_t version_ = 0;
  Stats stats_;
  std::uint64_t id_ = 0; // of indications

  std::vector<StreamQueues::Id> ids_;
  std::vector<stun::Address> asked_; // for, since the table has changed

  // The batch under way.
  std::vector<Header> headers_;
  std::vector<iovec> pieces_;
  std::vector<std::uint16_t> counts_; // of pieces of each datagram
  std::size_t segment_ = 0, payload_ = 0;
  std::array<std::uint8_t, 2048> flat_; // a small datagram in one piece
  std::size_t gso_limit_ = 65535;       // segments from this size on were refused
};
} // namespace reach::turn
