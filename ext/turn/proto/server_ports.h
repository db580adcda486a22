// SPDX-License-Identifier: LGPL-2.1-or-later
// What the core needs of the world besides hashes: sockets for relayed addresses, and what the
// cores of one server (one per loop) have in common. Not used for what is relayed.
#pragma once
#include "server_types.h"
#include <atomic>
#include <map>
#include <memory>

namespace reach::turn::server {
using Socket = std::int64_t; // any number that the implementation likes

class Ports {
public:
  virtual ~Ports () = default;
  // Of the relay address of this family. Nothing: it is taken.
  virtual std::optional<Socket> bind (Family family, std::uint16_t port, Relaying relaying) = 0;
  virtual void drop (Socket s) = 0; // one that was not opened
  // What comes goes to Core::input_peer () of this id, until close ().
  virtual void open (Socket s, RelayId id) = 0;
  virtual void close (RelayId id) = 0;

  // TCP. What comes to the relayed address goes to Core::accepted ().
  // From the relayed address; Core::connected () follows, not from within.
  virtual void connect (ConnectionId id, RelayId from, const Address &peer) = 0;
  // Behind the answer that this call makes, bytes of the client's path and of the peer's connection
  // go to each other, until one ends: Core::peer_closed () or remove_path ().
  virtual void splice (ConnectionId id, PathId client) = 0;
  // The peer's connection is closed, and the path that is spliced to it, after this call.
  virtual void disconnect (ConnectionId id) = 0;
};

// Counted as long as an allocation holds it.
struct Account {
  std::string name;
  std::size_t allocations = 0;
  std::atomic<std::size_t> connections = 0; // to peers (RFC 6062); any core
  SharedBucket bandwidth;
};

using Token = std::array<std::uint8_t, 8>;
using Ticket = std::array<std::uint8_t, 16>;
struct Reserved {
  Socket socket = -1;
  Family family{};
  std::uint16_t port = 0;
  std::string user; // only the one who reserved it gets it
};

class Commons {
public:
  enum class Full : std::uint8_t { no, user, all };
  virtual ~Commons () = default;
  // One allocation more of this name. Null: and why.
  virtual Account *enter (const std::string &name, const Limits &l, Full &why) = 0;
  virtual void leave (Account *a) = 0;
  virtual bool keep (const Token &t, Reserved r, const Limits &l) = 0;
  // Any user: `user` null. Nothing: there is none of that token, or it is another's.
  virtual std::optional<Reserved> claim (const Token &t, const std::string *user) = 0;
};

// For one core, or behind a lock for several.
class LocalCommons : public Commons {
public:
  Account *enter (const std::string &name, const Limits &l, Full &why) override;
  void leave (Account *a) override;
  bool keep (const Token &t, Reserved r, const Limits &l) override;
  std::optional<Reserved> claim (const Token &t, const std::string *user) override;
  std::size_t allocations () const { return allocations_; }
  std::size_t users () const { return accounts_.size (); }
  std::size_t reservations () const { return reserved_.size (); }

private:
  std::map<std::string, std::unique_ptr<Account>> accounts_;
  std::map<Token, Reserved> reserved_;
  std::size_t allocations_ = 0;
};
} // namespace reach::turn::server
