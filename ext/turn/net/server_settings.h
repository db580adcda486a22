// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "turn/proto/server_types.h"
#include <functional>
#include <string>

namespace reach::turn::server {
struct NetLimits {
  std::size_t connections = 4096;       // TCP, TLS and DTLS, of one loop
  std::size_t connections_of_one = 512; // of one IPv4 address, or one IPv6 network of 64 bits
  std::size_t half_open = 256;          // DTLS handshakes; of one network a quarter
  Duration idle = seconds (60);         // a connection without an allocation
  std::size_t queued = 1u << 20;        // bytes for a client on a stream, more are dropped
  std::size_t frame = 65536 + 20;
  // Of a peer's connection (RFC 6062): bytes that wait in one direction before no more are read.
  std::size_t spliced = 128u << 10;
  Duration linger = seconds (10); // for what waits when the other side has ended
  std::size_t lingering = 256;    // of one loop
};

struct NetSettings {
  Config core; // its crypto and relay addresses are filled in where they are empty
  NetLimits limits;
  std::string bind_address = "0.0.0.0"; // "::": also IPv4
  bool udp = true, tcp = true;          // on `port`
  std::uint16_t port = 3478;            // 0: any
  // NAT behaviour discovery (RFC 5780): a second address of this host, of the family of
  // bind_address, which is then no `any`. Empty: there is none.
  std::string alternate_address;
  std::uint16_t alternate_port = 0;     // on both addresses; 0: any
  bool tls = false, dtls = false;       // on `tls_port`
  std::uint16_t tls_port = 5349;        // 0: any
  std::string tls_certificate, tls_key; // PEM files
  // Where relay sockets are bound, by family; empty: not relayed. core.relay is what clients are
  // told, behind a 1:1 NAT another address.
  std::array<std::string, 2> relay_bind;
  unsigned threads = 1;
  bool inspect = false; // on_relay is called for each datagram
};

// Called on the loops' threads: several at once where there are several.
class Observer {
public:
  virtual ~Observer () = default;
  virtual void on_event (Event e) = 0;
  // False: the answer to a request is not sent. What was done is done.
  virtual bool on_reply (const Client &client, Bytes answer) { return true; }
  // False: it is dropped. Only with NetSettings::inspect. Channel 0: in an indication.
  virtual bool on_relay (
      bool to_peer, const Client &client, std::uint16_t channel, const Address &peer, Bytes payload)
  {
    return true;
  }
};

struct NetStats {
  Stats core;
  std::uint64_t connections = 0, accepted = 0, refused = 0; // TCP, TLS and DTLS
  std::uint64_t allocations = 0;                            // now
  std::uint64_t dropped = 0; // datagrams for clients that read too slowly
  std::uint64_t vetoed = 0;  // by on_relay and on_reply
};
} // namespace reach::turn::server
