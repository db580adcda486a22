// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients of a TURN server, each with an allocation and a channel to one peer, which is this
// process too.
#pragma once
#include "turn/proto/client.h"
#include <memory>
#include <span>

namespace reach::bench {
struct Flow {
  int fd = -1;           // connected to the server
  turn::Address relayed; // of no server: its own
  bool ready = false, answered = false;
  std::unique_ptr<turn::Client> client; // null: no server, and no header in front of the payload
};

class Flows {
public:
  static constexpr std::uint16_t channel = 0x4000;
  static constexpr std::size_t header = 4;

  // Each client has an address of its own in 127.0.0.0/8. Server port 0: none, clients and peer
  // talk to each other.
  Flows (std::size_t n, std::uint16_t server_port);
  ~Flows ();
  Flows (const Flows &) = delete;
  Flows &operator= (const Flows &) = delete;

  void set_up (); // until all have their channels; throws when one cannot have it
  struct Storm {
    std::size_t answered = 0;
    std::uint64_t retransmissions = 0;
    double first_ms = 0, all_ms = 0; // from the first request to its answer, and to the last answer
  };
  // All refresh their allocations, evenly within `spread` seconds.
  Storm refresh (double spread);

  std::size_t size () const { return flows_.size (); }
  const Flow &operator[] (std::size_t i) const { return flows_[i]; }
  int peer () const { return peer_; } // one socket for all
  const turn::Address &peer_address () const { return peer_address_; }
  int epoll () const { return epoll_; } // data.u32: the flow; size (): the peer

private:
  void open (std::size_t i);
  void pump (Flow &f);
  void read (int wait_ms);
  void timeouts (std::size_t first, std::size_t end);

  std::vector<Flow> flows_;
  turn::Address server_, peer_address_;
  int peer_ = -1, epoll_ = -1;
  std::size_t ready_ = 0, answered_ = 0;
};
} // namespace reach::bench
