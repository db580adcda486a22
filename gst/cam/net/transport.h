// SPDX-License-Identifier: LGPL-2.1-or-later
// Carries messages to and from one peer, for one media type: TCP, HTTP or UDP. Everything above is
// the same for all of them.
//
// Thread: the loop's, every call. A transport never calls its owner from within send (), flush (),
// close () or its constructor; it may from start () on. The owner must not destroy it from within
// one of its callbacks (Loop::destroy_later does it after the loop's present round).
#pragma once
#include "cam/proto/close_reason.h"
#include "cam/proto/incoming.h"
#include "common/tls.h"
#include <string>

namespace reach::cam {

struct TransportStats {
  std::uint64_t bytes_sent = 0, bytes_received = 0; // on the wire, as far as this layer sees it
  std::uint64_t packets_sent = 0, packets_received = 0, packets_lost = 0,
                packets_retransmitted = 0; // UDP
  std::uint64_t messages_late = 0;         // UDP: given up, too late
  std::uint64_t bandwidth = 0;             // UDP: bits per second, 0 = not known
  nanoseconds rtt{};                       // 0 = not known
  // Bits per second over the last second; Link fills them in.
  std::uint64_t send_rate = 0, receive_rate = 0;
};

class Transport {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_open () = 0; // messages can be sent
    virtual void on_message (Incoming) = 0;
    virtual void on_room () = 0;                                 // room () is above zero again
    virtual void on_bandwidth (std::uint64_t bits_per_second) {} // UDP: the estimate has changed
    // The last call. Bytes still queued are lost, except after close (true).
    virtual void on_closed (CloseReason why, const std::string &detail) = 0;
  };

  virtual ~Transport () = default;
  virtual void start (Owner &owner) = 0;
  // Queues a message; accepted always, bounded by callers who look at room () first.
  virtual void send (MessageRef m) = 0;
  // Writes what send () collected.
  virtual void flush () = 0;
  // Bytes this transport would like to have queued; what it does not take waits above, where it can
  // still be dropped.
  virtual std::size_t room () const = 0;
  // Everything sent has left (UDP: is acknowledged or given up).
  virtual bool idle () const = 0;
  // drain: what is queued is still delivered, within the transport's own bound; on_closed follows.
  virtual void close (bool drain) = 0;
  // The largest message that is taken from the peer from now on, beside what its kind allows.
  virtual void limit_messages (std::size_t most) {}
  virtual std::string peer () const = 0; // "address:port", "[address]:port"
  virtual TransportStats stats () const = 0;
  virtual TlsInfo security () const { return {}; } // empty: plaintext
  virtual void prefetch () const {}                // see common/prefetch.h
};
} // namespace reach::cam
