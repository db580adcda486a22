// SPDX-License-Identifier: LGPL-2.1-or-later
// One allocation: its relayed addresses, and whom it may talk to (RFC 8656, 9 and 12).
#pragma once
#include "framing.h"
#include "integrity.h"
#include "server_ports.h"
#include "server_table.h"

namespace reach::turn::server {
// A user's proof, kept so that a refresh needs no password again.
struct Identity {
  std::string user;
  stun::Key key; // empty: not authenticated
  stun::PasswordAlgorithm algorithm = stun::PasswordAlgorithm::md5;
  bool token = false; // several clients can have one user, then; each has a key of its own
  TimePoint until = TimePoint::max ();

  bool same_user (const Identity &o) const { return user == o.user && token == o.token; }
  bool same_client (const Identity &o) const
  {
    return same_user (o) && (!token || stun::same_secret (key, o.key));
  }
};

class Allocation {
public:
  struct Relay {
    RelayId id = 0;
    Address address; // as clients and peers know it; of no family: none
  };
  struct Channel {
    Address peer;
    TimePoint until;
  };

  std::uint64_t serial = 0; // of all allocations of its core
  Client client;
  Transport transport{};
  Identity identity;
  Account *account = nullptr;
  std::array<Relay, 2> relays; // by family
  Relaying relaying = Relaying::udp;
  std::vector<ConnectionId> connections; // to peers, of TCP
  TimePoint expires;
  Bucket bandwidth, requests;
  Traffic traffic;

  // What the answer to a repeated Allocate is made of (RFC 8656, 7.2).
  stun::TransactionId transaction{};
  std::uint32_t granted = 0;
  Token reservation{};
  bool reserved = false;
  std::optional<std::pair<Family, unsigned>> refused_family;

  // RFC 8016. Where it has moved, the ticket before still counts: the answer may be lost.
  bool mobile = false;
  std::array<Ticket, 2> tickets{}; // this one, the one before
  bool adrift = false;             // its connection is gone, it may move
  stun::TransactionId moved_by{};  // the last request that did

  const Relay *relay (Family f) const
  {
    const Relay &r = relays[index_of (f)];
    return r.address.family == f && f != Family::none ? &r : nullptr;
  }
  std::vector<Address> relayed () const;

  bool permitted (const Address &peer, TimePoint now)
  {
    const TimePoint *until = hosts_.find (peer.host ());
    return until && *until > now;
  }
  // How many more hosts fit; expired ones make room.
  std::size_t room_for_hosts (std::size_t limit, TimePoint now);
  void permit (const Address &peer, TimePoint until) { hosts_.put (peer.host (), until); }

  // Null: not bound, or not any more.
  const Channel *channel (std::uint16_t number, TimePoint now)
  {
    const Channel *c = channels_.find (number);
    return c && c->until > now ? c : nullptr;
  }
  // 0: none.
  std::uint16_t channel_of (const Address &peer, TimePoint now)
  {
    const std::uint16_t *n = numbers_.find (peer);
    return n && channel (*n, now) ? *n : 0;
  }
  enum class Bind : std::uint8_t { bound, conflict, full };
  // `rest`: how long after its end a binding still stands in the way of another.
  Bind bind (std::uint16_t number, const Address &peer, TimePoint until, TimePoint now,
      Duration rest, std::size_t limit);
  std::size_t permissions () const { return hosts_.size (); }
  std::size_t channels () const { return channels_.size (); }

private:
  struct NumberHash {
    std::size_t operator() (std::uint16_t n) const { return n * std::size_t{0x9e3779b1} >> 8; }
  };
  void drop_channels (TimePoint ended_by);

  Table<Address, TimePoint, stun::AddressHash> hosts_;
  Table<std::uint16_t, Channel, NumberHash> channels_;
  Table<Address, std::uint16_t, stun::AddressHash> numbers_;
};
} // namespace reach::turn::server
