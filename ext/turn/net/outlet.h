// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the loop tells the streaming threads of one sink how its peers can be reached now, and
// where they leave what only the loop can send.
#pragma once
#include "common/guarded.h"
#include "common/proto/bytes.h"
#include "stream_queues.h"
#include "turn/proto/client.h"
#include <atomic>
#include <memory>
#include <sys/uio.h>

namespace reach::turn {
// A descriptor of the connected socket, closed when the last thread that sends through it has let
// go of it.
class Wire {
public:
  explicit Wire (int fd) : fd_ (fd) {}
  ~Wire ();
  Wire (const Wire &) = delete;
  Wire &operator= (const Wire &) = delete;
  int fd () const { return fd_; }

private:
  const int fd_;
};

class Outlet {
public:
  struct Target {
    stun::Address peer;
    Client::Route route = Client::Route::pending;
    StreamQueues::Id stream = 0; // to a peer on TCP
    std::uint16_t index = 0;     // of the peer
    std::uint8_t size = 0;       // of what goes in front of a payload of no bytes
    std::array<std::uint8_t, Client::max_header> header{};
  };
  enum class State : std::uint8_t {
    opening, // never was there
    ready,
    lost, // it comes again by itself
    ended // it does not
  };
  struct Table {
    State state = State::opening;
    Transport transport = Transport::udp;
    std::shared_ptr<const Wire> wire;      // plain UDP
    bool by_buffer = false;                // each packet has its own peer
    std::shared_ptr<StreamQueues> streams; // peers on TCP
    std::vector<Target> targets;
  };
  using TablePtr = std::shared_ptr<const Table>;
  static constexpr std::size_t max_queued = 512 << 10; // bytes
  static constexpr std::size_t max_peers = 512;

  explicit Outlet (std::vector<stun::Address> peers);

  // Loop thread.
  const std::vector<stun::Address> &peers () const { return peers_; }
  void set_peers (std::vector<stun::Address> peers)
  {
    peers_ = std::move (peers);
    by_buffer_ = peers_.empty ();
  }
  // Of a buffer. False: it is there. When there is no room it takes the place of `old`, which was
  // used last the longest time ago.
  bool add_peer (const stun::Address &peer, stun::Address &old);
  bool by_buffer () const { return by_buffer_; }
  void publish (Table t);
  State last () const { return last_; }
  bool all_refused () const { return all_refused_; }
  bool take (std::vector<std::uint8_t> &bytes, std::vector<std::uint32_t> &sizes);
  void discard (); // what is queued: its path is gone

  // Streaming threads. The table is looked at again when it has changed.
  void refresh (TablePtr &table, std::uint64_t &version);
  void used (const Target &t)
  {
    used_[t.index].store (
        turn_.fetch_add (1, std::memory_order_relaxed), std::memory_order_relaxed);
  }
  // Nothing: flushing.
  TablePtr wait ();
  void set_flushing (bool on);
  const std::atomic<bool> &flushing () const { return flushing_; }
  // True: nobody has called the loop yet.
  bool queue (Bytes header, std::span<const iovec> payload, std::size_t padding);
  std::uint64_t dropped () const { return dropped_; }

private:
  struct Shown {
    TablePtr table;
    bool flushing = false;
  };
  struct Queue {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint32_t> sizes;
    bool called = false;
  };
  static std::size_t drop_oldest (Queue &q);

  std::vector<stun::Address> peers_;
  std::array<std::atomic<std::uint64_t>, max_peers> used_{}; // peers of buffers: in which turn
  std::atomic<std::uint64_t> turn_ = 1;
  bool by_buffer_ = false;
  State last_ = State::opening;
  bool all_refused_ = false;
  Guarded<Shown> shown_;
  Guarded<Queue> queue_;
  std::atomic<bool> flushing_ = false;
  std::atomic<std::uint64_t> version_ = 1, dropped_ = 0;
};
} // namespace reach::turn
