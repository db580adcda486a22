// SPDX-License-Identifier: LGPL-2.1-or-later
// What the server's core takes and gives.
#pragma once
#include "common/proto/time.h"
#include "crypto.h"
#include "message.h"
#include "server_policy.h"
#include "server_rate.h"
#include <variant>

namespace reach::turn::server {
using stun::Message;

enum class Transport : std::uint8_t { udp, tcp, tls, dtls };
inline bool is_stream (Transport t)
{
  return t == Transport::tcp || t == Transport::tls;
}

using PathId = std::uint32_t;
using RelayId = std::uint32_t;
using ConnectionId = std::uint32_t; // to a peer, as CONNECTION-ID says it; never 0
using Relaying = stun::Relay;       // what is relayed

// A listening UDP socket, or one connection: with the client's address the 5-tuple.
struct Path {
  Transport transport = Transport::udp;
  Address local;  // of no family: not known
  Address remote; // of a connection
  // Of the four sockets of RFC 5780: bit 0 the alternate port, bit 1 the alternate address. -1:
  // none of them.
  int corner = -1;
};
inline constexpr unsigned other_port = 1, other_host = 2, corners = 4;
struct Client {
  PathId path = 0;
  Address address;

  bool operator== (const Client &) const = default;
};
struct ClientHash {
  std::uint64_t seed = 0;
  std::size_t operator() (const Client &c) const
  {
    const std::uint64_t h = (stun::AddressHash{}(c.address) ^ seed ^ c.path) * 0x9e3779b97f4a7c15u;
    return static_cast<std::size_t> (h ^ h >> 32);
  }
};

// One datagram, or one frame of a stream: head, payload and `padding` zeroes one after the other.
// Both are good until the next call of the core; the payload is a part of its input.
struct Transmit {
  enum class Kind : std::uint8_t { reply, to_client, to_peer };
  Kind kind = Kind::reply;
  std::uint8_t padding = 0;
  bool dont_fragment = false; // to_peer
  std::uint16_t channel = 0;  // between us and the client; 0: an indication
  RelayId relay = 0;          // to_peer: from there
  Client client;              // whose answer, or whose allocation it is
  Address peer;               // of what is relayed
  Bytes head, payload;
};

// Why something went no further. None of it is answered.
enum class Discard : std::uint8_t {
  malformed,            // no STUN message and no ChannelData, or one that contradicts itself
  short_datagram,       // shorter than its header, or than the header says
  unsupported_method,   // or an answer, of which a server gets none
  channel_out_of_range, // 0x5000 and above, see Config::last_channel
  channel_not_bound,    // or not any more
  no_permission,        // or not any more
  no_allocation,        // Send or ChannelData without one
  rate_limited,         // too many requests of somebody unknown
  denied_peer,
  over_bandwidth,
  too_many_pending,     // requests that wait for the application
  too_many_connections, // of peers to one allocation, or to all of a user
};
inline constexpr std::size_t discard_kinds = 12;
const char *to_string (Discard d);

// Answer with Core::authorize () or allow (), with the id; no answer in time is a no.
struct AuthorizeRequest {
  std::uint64_t id = 0;
  std::string user, realm;
  Client client;
};
struct AllocateRequest {
  std::uint64_t id = 0;
  std::string user;
  Client client;
  Transport transport{};
};
struct AllocationCreated {
  std::uint64_t serial = 0;
  std::string user; // empty: not authenticated
  Client client;
  Transport transport{};
  std::vector<Address> relayed;
  std::uint32_t lifetime = 0; // seconds
  Relaying relaying = Relaying::udp;
};
struct Traffic {
  std::uint64_t to_peers = 0, to_peers_bytes = 0, to_client = 0, to_client_bytes = 0;
};
enum class Ended : std::uint8_t { refreshed, expired, path_closed, shutdown };
struct AllocationDeleted {
  std::uint64_t serial = 0;
  Ended why{};
  std::string user;
  Client client;
  std::vector<Address> relayed;
  Traffic traffic;
};
struct Discarded {
  Discard why{};
  Client client; // of no family: it came from a peer to a relay address
  Address peer;
};
struct AllocationMoved { // RFC 8016
  std::uint64_t serial = 0;
  std::string user;
  Client client; // where it is now
  Address from;
  Transport transport{};
};
using Event = std::variant<AuthorizeRequest, AllocateRequest, AllocationCreated, AllocationMoved,
    AllocationDeleted, Discarded>;

struct Limits {
  std::size_t allocations = 10000;    // of all loops
  std::size_t user_allocations = 100; // of a user, or of an address without one; 0: no limit
  std::size_t permissions = 64, channels = 64; // of one allocation
  std::size_t reservations = 64;               // ports that wait for their second Allocate
  std::size_t pending = 256; // requests that wait for the application; of one network a quarter
  std::size_t paths = 65536;
  std::size_t connections = 32;            // to the peers of one allocation (RFC 6062)
  std::size_t user_connections = 256;      // of all of a user's allocations; 0: no limit
  Duration connection_wait = seconds (30); // until a peer answers, and for ConnectionBind
  Duration decision = seconds (10);        // the application's time to answer
  Rate unauthenticated{50, 100}; // requests of one source that are not proved to be a user's
  Rate requests{200, 400};       // proved ones, of one allocation
  std::size_t sources = 8192;    // buckets for them
  unsigned port_tries = 256;     // to find a free one
};

struct User {
  std::string name, password;
};
struct TokenKey { // of third-party tokens (RFC 7635): what USERNAME says, and 32 bytes
  std::string kid;
  std::vector<std::uint8_t> key;
};

struct Config {
  Limits limits;
  stun::Crypto crypto;
  std::string realm = "reach", software;  // software empty: not said
  std::vector<std::uint8_t> nonce_secret; // the same on all loops; empty: made up

  bool anonymous = false; // everybody may allocate
  std::vector<User> users;
  std::string auth_secret; // of time-limited credentials; empty: none
  std::vector<TokenKey> token_keys;
  std::string token_server; // who tokens are for; empty: the realm
  // Whether there is somebody to ask: AuthorizeRequest for users that nothing else knows,
  // AllocateRequest. Empty: nobody.
  std::function<bool ()> ask_password, ask_allocation;
  bool authenticate_binding = false;
  bool short_term_binding = false; // Binding needs short-term credentials of `users`
  bool sha256 = true;              // offered; SHA-1 always works
  bool userhash = true;            // offered where all users are known

  bool mapped_address = false; // MAPPED-ADDRESS also to those who know better
  bool response_origin = true;
  Address other_address;                   // RFC 5780; of no family: not said
  std::array<Address, 2> alternate_server; // by family: Allocate is sent there (300)

  std::array<Address, 2> relay; // by family: what is told to clients; port unused. No family: none
  std::uint16_t min_port = 49152, max_port = 65535;
  bool dont_fragment = true; // can be done
  bool relay_tcp = true;     // RFC 6062
  bool mobility = false;     // RFC 8016; of one core only, each knows its own allocations
  // Of several cores one: ids of its connections are `core` modulo `cores`.
  unsigned core = 0, cores = 1;
  Duration default_lifetime = seconds (600), max_lifetime = seconds (3600);
  Duration permission_lifetime = seconds (300), channel_lifetime = seconds (600);
  // 0x7fff for clients of RFC 5766, which had more of them. Only where nothing but TURN comes to
  // the server's ports.
  std::uint16_t last_channel = 0x4fff;
  Duration channel_rest = seconds (300); // a number and its peer stay together for so long after
  Duration nonce_lifetime = seconds (600), reservation_lifetime = seconds (30);
  Rate bandwidth, user_bandwidth; // bytes, both directions together
  PeerPolicy peers;
};

inline std::size_t index_of (Family f)
{
  return f == Family::ipv6 ? 1 : 0;
}

struct Stats {
  std::uint64_t requests = 0, errors = 0, challenges = 0, bindings = 0;
  std::uint64_t created = 0, deleted = 0, moved = 0;
  std::uint64_t connected = 0; // peers over TCP
  Traffic traffic;
  std::array<std::uint64_t, discard_kinds> discarded{};

  Stats &operator+= (const Stats &o);
};
} // namespace reach::turn::server
