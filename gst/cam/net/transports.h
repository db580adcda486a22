// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes the transport a protocol asks for, and listens for those that peers open.
#pragma once
#include "common/loop.h"
#include "settings.h"
#include "transport.h"
#include <functional>
#include <utility>

namespace reach::cam {

// An initiator's transport to host:port for one media type. Null and `error` where this build
// cannot.
std::unique_ptr<Transport> make_transport (Loop &loop, StorageSource &storage, const Settings &s,
    const std::string &host, std::uint16_t port, MediaType type, LinkRole role, std::string &error);

// A listener's socket from READY, when its port is known, until it accepts.
class BoundSocket {
public:
  BoundSocket () = default;
  ~BoundSocket ();
  BoundSocket (const BoundSocket &) = delete;
  BoundSocket &operator= (const BoundSocket &) = delete;

  // Nothing to do for a caller. False and `error` when it cannot be bound.
  bool bind (const Settings &s, std::string &error);
  std::uint16_t port () const { return port_; }   // stays known behind take ()
  int take () { return std::exchange (fd_, -1); } // -1: a caller's, or taken

private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

// Accepts transports on a bound socket.
class Acceptor {
public:
  using Accepted = std::function<void (std::unique_ptr<Transport>)>; // loop thread
  virtual ~Acceptor () = default;

  // Loop thread; owns fd. `role`: ours (over HTTP it decides what a peer may ask for).
  static std::unique_ptr<Acceptor> make (Loop &loop, StorageSource &storage, const Settings &s,
      int fd, LinkRole role, Accepted accepted);
};
} // namespace reach::cam
