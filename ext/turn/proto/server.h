// SPDX-License-Identifier: LGPL-2.1-or-later
// A STUN and TURN server (RFC 8489, 8656, 6156, 6062, 7635, 8016; 5780's attributes; clients of RFC
// 3489), of one loop. Sans-IO, one thread. Each call makes at most one datagram: take it with
// poll_transmit () and the events with poll_event () before the next call. What is relayed is a
// part of the input and allocates nothing.
#pragma once
#include "builder.h"
#include "server_auth.h"
#include <set>

namespace reach::turn::server {
class Core {
public:
  // `ports` and `commons` outlive it.
  Core (Config config, Ports &ports, Commons &commons, TimePoint now);
  ~Core (); // closes the sockets; says nothing
  Core (const Core &) = delete;
  Core &operator= (const Core &) = delete;

  // Where clients are. Nothing: there are too many.
  std::optional<PathId> add_path (const Path &path);
  void remove_path (PathId id, TimePoint now); // its allocations end

  // A datagram, or a frame of StreamFramer.
  void input (const Client &client, Bytes in, TimePoint now);
  // A datagram that came to a relayed address.
  void input_peer (RelayId relay, const Address &peer, Bytes in, TimePoint now);
  // The network's answer to what went to the peer: type and code as of its family, data the MTU.
  void input_icmp (RelayId relay, const Address &peer, const stun::Icmp &icmp, TimePoint now);
  // TCP (RFC 6062). A peer's connection to a relayed address. Nothing: close it.
  std::optional<ConnectionId> accepted (RelayId relay, const Address &peer, TimePoint now);
  void connected (ConnectionId id, bool good, TimePoint now); // what came of Ports::connect ()
  void peer_closed (ConnectionId id, TimePoint now);
  // What a splice has relayed. When more may be read.
  TimePoint relayed (ConnectionId id, bool to_peer, std::size_t bytes, TimePoint now);

  void timeout (TimePoint now);
  TimePoint poll_timeout () const; // max (): none
  const Transmit *poll_transmit ();
  std::optional<Event> poll_event ();

  // Answers. False: it was too late, or there was no such question.
  bool authorize (std::uint64_t id, std::optional<std::string> password, TimePoint now);
  bool allow (std::uint64_t id, bool yes, TimePoint now);
  void set_wall_clock (std::int64_t unix_seconds, TimePoint now)
  {
    authority_.set_wall_clock (unix_seconds, now);
  }
  void end_all (TimePoint now); // allocations, with their events

  void listens (std::uint16_t port) { config_.peers.add_door (port); }  // the server, there
  bool has (const Client &c) { return by_client_.find (c) != nullptr; } // an allocation
  std::size_t allocations () const { return by_client_.size () + adrift_.size (); }
  const Stats &stats () const { return stats_; }
  const Config &config () const { return config_; }

private:
  // The application's words on one request, so far.
  struct Decision {
    std::optional<std::optional<std::string>> password;
    std::optional<bool> allowed;
  };
  struct Pending {
    std::uint64_t id = 0;
    bool asked_allocation = false; // else a password
    Client client;
    stun::TransactionId transaction{};
    std::vector<std::uint8_t> bytes;
    Decision decision;
    TimePoint deadline;
  };
  // A request under way, from whom, and how to answer it.
  struct Request {
    const Client &client;
    const Message &message;
    const Decision &decision;
    TimePoint now;
    Allocation *allocation; // of the 5-tuple
    Identity identity;
    bool sha256 = false;
  };
  // A connection to a peer. Its Connect is answered when the peer has answered.
  struct Connection {
    enum class State : std::uint8_t { connecting, waiting, spliced };
    State state = State::connecting;
    Allocation *allocation = nullptr;
    Address peer;
    PathId path = 0; // spliced
    TimePoint deadline;
    stun::TransactionId transaction{};
    bool sha256 = false, fingerprint = false;
  };
  using Connections = std::map<ConnectionId, Connection>;
  struct Refusal {
    unsigned code;
    std::string_view reason;
  };

  // server.cpp
  void input_stun (const Client &client, Bytes in, TimePoint now);
  void handle (const Client &client, const Message &m, const Decision &d, TimePoint now);
  bool authenticate (Request &r);
  bool within_rate (const Request &r);
  bool authenticate_short_term (Request &r);
  bool known_attributes (const Request &r);
  void ask (const Request &r, Event e, std::uint64_t id);
  Pending take_pending (std::vector<Pending>::iterator i);
  void decide (Pending p, TimePoint now);
  bool is_pending (const Client &c, const stun::TransactionId &t) const;

  // server_reply.cpp
  stun::Builder begin (const Request &r, stun::Class kind);
  void finish (const Request &r, stun::Builder &b);
  void finish (const Client &c, stun::Builder &b, Bytes key, bool sha256, bool fingerprint);
  void refuse (const Request &r, unsigned code, std::string_view reason, bool challenge = false);
  void send_reply (const Client &c, Bytes bytes);
  void discard (Discard why, const Client &c, const Address &peer = {});

  // server_binding.cpp
  void binding (const Request &r);
  bool discovers (const Request &r) const;
  Client answers_from (const Request &r) const;
  Address other_address (const Client &c) const;
  bool old_binding (const Client &c, Bytes in, TimePoint now);

  // server_allocate.cpp
  void allocate (Request &r);
  std::optional<Refusal> check_allocate (const Request &r) const;
  std::optional<Refusal> check_reservation (const Request &r) const;
  std::optional<Refusal> check_families (const Request &r) const;
  std::optional<Refusal> take_ports (const Request &r, Allocation &a);
  std::optional<Refusal> take_reserved (const Request &r, Allocation &a, const Token &t);
  bool take_port (Allocation &a, Family f, bool even, bool reserve_next, TimePoint now);
  enum class Next : std::uint8_t { reserved, taken, full };
  Next reserve (Allocation &a, Family f, std::uint16_t port, TimePoint now);
  void attach (Allocation &a, Family f, std::uint16_t port, Socket s);
  void allocated (const Request &r, const Allocation &a);
  void redirect (const Request &r, const Address &to);
  std::uint32_t lifetime_of (const Request &r) const;
  std::uint32_t random (std::uint32_t below);

  // server_refresh.cpp
  void refresh (Request &r);
  void create_permission (Request &r);
  void channel_bind (Request &r);
  bool owned (const Request &r);
  std::optional<Refusal> check_peer (const Allocation &a, const std::optional<Address> &peer) const;
  std::optional<Refusal> check_port (const Allocation &a, const std::optional<Address> &peer) const;
  void remove_relay (Allocation &a, Family f);
  void end (Allocation &a, Ended why);
  void schedule (Allocation &a, TimePoint when);

  // server_tcp.cpp
  void connect (Request &r);
  void connection_bind (Request &r);
  Connection *add_connection (Allocation &a, const Address &peer, TimePoint now, ConnectionId &id);
  void answer_connect (const Connection &c, ConnectionId id, bool good);
  void drop (Connections::iterator i);
  void time_out_connections (TimePoint now);

  // server_mobility.cpp
  void make_mobile (Allocation &a);
  void new_ticket (Allocation &a);
  std::optional<Refusal> move (Request &r);
  void add_ticket (stun::Builder &b, const Request &r, const Allocation &a);
  void set_adrift (Allocation &a);
  void forget_tickets (const Allocation &a);

  // server_data.cpp
  void input_channel (const Client &client, Bytes in, TimePoint now);
  void send_indication (const Client &client, const Message &m, TimePoint now);
  bool afford (Allocation &a, std::size_t n, TimePoint now);
  void to_peer (
      Allocation &a, std::uint16_t channel, const Address &peer, Bytes payload, bool dont_fragment);
  void to_client (Allocation &a, std::uint16_t channel, const Address &peer, Bytes payload);
  stun::Builder indication (stun::Method method);

  Allocation *find (const Client &c)
  {
    auto *a = by_client_.find (c);
    return a ? a->get () : nullptr;
  }

  Config config_;
  Ports &ports_;
  Commons &commons_;
  Authority authority_;
  SourceLimiter limiter_;
  std::vector<std::optional<Path>> paths_;
  std::vector<PathId> free_paths_;
  std::array<std::optional<PathId>, corners> corners_; // what CHANGE-REQUEST chooses from
  Table<Client, std::unique_ptr<Allocation>, ClientHash> by_client_;
  std::map<Ticket, Allocation *> tickets_;
  std::map<std::uint64_t, std::unique_ptr<Allocation>> adrift_; // by their serial
  std::vector<Allocation *> by_relay_;                          // by RelayId
  std::vector<RelayId> free_relays_;
  std::set<std::pair<TimePoint, Allocation *>> expiries_;
  std::multimap<TimePoint, Token> reservations_;
  Connections connections_;
  std::map<PathId, ConnectionId> spliced_;
  std::set<std::pair<TimePoint, ConnectionId>> waiting_; // those that are not spliced
  std::vector<Pending> pending_;
  std::vector<Event> events_;
  std::size_t next_event_ = 0;
  std::uint64_t last_id_ = 0, last_allocation_ = 0;
  Stats stats_;

  Transmit out_;
  bool has_out_ = false;
  stun::TransactionId indication_id_{};
  std::array<std::uint8_t, 1280> reply_{};
};
} // namespace reach::turn::server
