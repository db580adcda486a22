// SPDX-License-Identifier: LGPL-2.1-or-later
// The server of pools, without sockets: who is in which pool, and what members tell each other, in
// both versions of the protocol at once (docs/protocol-signalling.md). Sans-IO: feed messages and
// time, and take events and transmits until there are none. A channel of two peers, whose protocol
// is another, is a pool of two in here.
//
// What a client can rely on: rtc:joined comes before anything else; a member is announced before
// anything from it is passed on, and nothing of it comes after its rtc:close; nobody hears from
// outside of its pool; `peer` and `from` are the server's word; each sender's order is kept.
#pragma once
#include "common/proto/rate_limit.h"
#include "json_text.h"
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace reach::rtc::pool {
using Id = std::uint64_t; // of a client: one membership's way, chosen by whoever has the sockets

struct Limits {
  std::size_t pools = 10000;       // and as many channels
  std::size_t peers = 256;         // of one pool
  std::size_t waiting = 1000;      // join requests without a decision
  std::size_t name = 128;          // bytes of a pool's name
  std::size_t message = 256 << 10; // bytes, of clients and of the server's side
  unsigned depth = json::max_depth;
  Rate messages{100, 500}; // of a client, per second; who sends more is cut off
  unsigned for_each = 30;  // and so many for each other member that it meets: their negotiation
  Duration decision = seconds (10); // without one by then it is no
  bool private_pools = false;       // only pools that were added can be joined
};

// May this peer join? Answer with decide ().
struct JoinRequest {
  std::uint64_t request;
  std::string pool, peer; // peer: the id that it gets
};
struct Joined {
  Id client;
  std::string pool, peer;
};
struct Left {
  std::string pool, peer, reason; // closed, lost, stopped, limit
};
// What is not the pool's matter.
struct AppMessage {
  std::string pool, peer, type, data; // data: JSON
};
using Event = std::variant<JoinRequest, Joined, Left, AppMessage>;

struct Transmit {
  Id to;
  std::string text;
  // Behind the text: close with this code of WebSocket; 0: go on. The client is known until
  // disconnect () all the same.
  std::uint16_t close = 0;
  std::string_view why{}; // of the close, for people
};

// What the other servers of a cluster have to know, or this one has heard from them: see cluster.h.
struct Outside {
  enum class Kind : std::uint8_t {
    want,      // peer joins, in an order that all agree on: by stamp, then by peer
    in,        // it has joined
    out,       // it has left, or is not to join any more
    describe,  // data: its description. With a node: for the node that it is connected to
    sdp,       // data: from peer to `to`, which is connected to the node
    candidate, // data: the same
    relay,     // data: whatever one of a pair sends to the other
    send,      // data: an application's message of this type to `to`, connected to the node
    broadcast, // data: the same to all but those in `except`
    stop,      // the pool is closed
    add,       // a pool is added
    remove,    // … and not any more
  };
  Kind kind;
  std::string pool, peer, to, type, data, node; // node: for it alone; empty: for all
  std::uint64_t stamp = 0;
  std::vector<std::string> except{}; // peers
};

struct Counters {
  std::uint64_t relayed = 0;            // descriptions and candidates
  std::uint64_t errors = 0;             // rtc:error that were sent
  std::uint64_t joins = 0, refused = 0; // refused: joins, for whatever reason
};

class Pools {
public:
  // make_id: a new peer's id; unguessable, and nothing that JSON escapes.
  using MakeId = std::function<std::string ()>;
  // clustered: joins wait until the other servers agree, and poll_outside () has something.
  Pools (const Limits &limits, MakeId make_id, bool clustered = false);
  ~Pools ();

  // A client is there. prefix: empty for raw WebSocket; else how its event packets of socket.io
  // begin, "42" or "42/name,".
  void connect (Id client, std::string prefix = {});
  // Whatever it sends: the text of a WebSocket message, …
  void input (Id client, std::string_view text, TimePoint now);
  // … or an event of socket.io, …
  void event (Id client, std::string_view type, const json::Value &data, TimePoint now);
  // … or what is neither.
  void malformed (Id client, TimePoint now);
  void disconnect (Id client, const std::string &reason);
  // Of a client of raw WebSocket that is no member but one of a pair: it joins, the application has
  // agreed. channel, name: UTF-8; name: what it calls itself. Events have these, not ids.
  void join_pair (Id client, const std::string &channel, const std::string &name, TimePoint now);

  // The answer to a JoinRequest. pool: what was asked for, or what it stands for. False: it is not
  // awaited (any more).
  bool decide (std::uint64_t request, bool yes, const std::string &pool, TimePoint now);

  // The server's side.
  bool add_pool (const std::string &name);    // false: a bad name, or there are too many
  bool remove_pool (const std::string &name); // no more joins; members stay. False: not added
  bool close_pool (const std::string &name);  // false: there is none
  // json: an object or null. Members that still wait for a decision can be described too.
  bool describe (const std::string &pool, const std::string &peer, std::string_view json);
  // json: {"type": …, "data": {…}}, not of type rtc:…; to one member, or to all of them.
  bool send (const std::string &pool, const std::string &peer, std::string_view json);
  // except: peers that get nothing; who is not there does no harm.
  bool broadcast (
      const std::string &pool, std::string_view json, const std::vector<std::string> &except = {});

  // What another server says; node: which one.
  void outside (const std::string &node, const Outside &o);
  void agreed (const std::string &peer);    // all of them know that this one wants to join
  void node_gone (const std::string &node); // its members have left
  void let_go ();                           // all members, ours and theirs: the cluster is lost
  std::vector<Outside> snapshot () const;   // what a new server has to know of this one
  std::uint64_t clock () const { return clock_; }
  void advance_clock (std::uint64_t other) { clock_ = std::max (clock_, other); }

  void timeout (TimePoint now);
  std::optional<TimePoint> poll_timeout () const;
  std::optional<Outside> poll_outside ();
  std::optional<Event> poll_event ();
  std::optional<Transmit> poll_transmit ();

  std::size_t pools () const { return pools_.size () - channels_; }
  std::size_t channels () const { return channels_; } // of pairs
  // This server's, without pairs.
  std::size_t peers () const { return peers_.size () - remotes_.size () - paired_; }
  const Counters &counters () const { return counters_; }

private:
  enum class Version : std::uint8_t { unknown, v1, v2 };
  struct Pool;
  struct Client {
    Id id;
    std::string prefix, peer;
    std::string description = "null";
    std::string name;        // of one of a pair: what it calls itself
    std::string node;        // where it is connected to; empty: here
    std::uint64_t stamp = 0; // the order of joins
    Pool *pool = nullptr, *entering = nullptr;
    TimePoint until;           // to be in by
    bool agreed = false;       // by the other servers
    std::uint64_t request = 0; // its join that is to be decided
    Bucket messages;
    std::size_t allowed = 0; // beyond them
    Version version = Version::unknown;
    bool over = false; // it is being closed
    bool pair () const { return !name.empty (); }
  };
  struct Pool {
    std::string name;
    std::vector<Client *> members;  // in the order of their joins
    std::vector<Client *> entering; // who waits for other servers, in no order
    bool added = false;
  };
  struct Request {
    Id client;
    std::string pool;
    TimePoint until;
  };
  struct Message {
    std::string type, data;
  };
  using Data = json::Value;
  using Handler = void (Pools::*) (Client &, const Data &, TimePoint);

  static Handler handler_of (std::string_view type);
  Client *awake (Id client, TimePoint now);
  void dispatch (Client &c, std::string_view type, const Data &data, TimePoint now);
  void on_join (Client &c, const Data &data, TimePoint now);
  void on_sdp (Client &c, const Data &data, TimePoint now);
  void on_offers (Client &c, const Data &data, TimePoint now);
  void on_answer (Client &c, const Data &data, TimePoint now);
  void on_candidate (Client &c, const Data &data, TimePoint now);
  void on_describe (Client &c, const Data &data, TimePoint now);

  Client *target_of (Client &from, const std::optional<json::Value> &peer);
  Client *peer_of (const json::Value &id);
  void relay_description (Client &from, Client &to, const Data &description);
  bool is_name (std::string_view name) const;
  bool is_description (const Data &d, std::string_view type = {}) const;

  Pool *pool_to_join (Client &c, const std::string &name);
  Pool &pool_of (const std::string &name);
  void begin (Client &c, Pool &p, TimePoint now);
  void advance (Pool &p);
  void insert (Client &c, Pool &p);
  void remote (const std::string &node, const Outside &o);
  void remote_enters (const std::string &node, const Outside &o, bool in);
  void remote_out (Client &c, const std::string &reason);
  void say (Outside o);
  void set_description (Client &c, std::string_view json);
  bool stop (const std::string &name);
  bool tell_all (const std::string &pool, std::string_view type, std::string_view data,
      const std::vector<std::string> &except);
  void relay_candidate (Client &from, Client &to, std::string_view candidate);
  void enter (Client &c, Pool &p);
  void announce (const Client &c, Client &to);
  void tell_gone (Client &to, const Client &c, const std::string &peer, const std::string &reason);
  void tell_description (const Client &of, Client &to);
  void leave (Client &c, const std::string &reason);
  void drop_if_unused (Pool &p);

  // pools_pairs.cpp
  static bool is_channel (std::string_view pool);
  static std::string channel_of (const Pool &p);
  static std::string name_of (std::string_view description);
  static std::size_t others (const Pool &p, const Client &c);
  static Client *other (const Client &c);
  void pair_input (Client &c, std::string_view text);
  void enter_pair (Client &c, Pool &p);
  void tell_pair (Client &to, const Client &other, bool polite);
  void replace (const std::string &pool, const Client &by);
  void make_room (Pool &p, const Client &c);
  void pair_error (Client &c, const char *code, const char *sentence);
  void refuse_pair (Client &c, const char *code, const char *sentence, std::uint16_t close_code);

  std::optional<Message> message_of (std::string_view json) const;
  Client *member (const std::string &pool, const std::string &peer);
  using Pieces = std::initializer_list<std::string_view>;
  void tell (Client &to, std::string_view type, Pieces data);
  void error (Client &to, const char *reason, const char *sentence, std::string_view pool = {});
  void refuse (Client &to, const char *reason, const char *sentence, std::string_view pool = {});
  void close (Client &c, std::uint16_t code, std::string_view why = {});

  const Limits limits_;
  const MakeId make_id_;
  const bool clustered_;
  std::unordered_map<Id, std::unique_ptr<Client>> clients_;
  std::unordered_map<std::string, std::unique_ptr<Client>> remotes_; // by peer
  // So that a part of a message can be looked for.
  struct Hash {
    using is_transparent = void;
    std::size_t operator() (std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::unordered_map<std::string, Client *, Hash, std::equal_to<>>
      peers_; // who is in a pool, or wants to be
  std::unordered_map<std::string, Pool> pools_;
  std::size_t channels_ = 0, paired_ = 0;     // of pools_; of this server's clients
  std::map<std::uint64_t, Request> requests_; // the oldest first
  std::uint64_t last_request_ = 0;
  std::deque<Event> events_;
  std::deque<Transmit> transmits_;
  std::deque<Outside> outsides_;
  std::set<pool::Id> entering_; // clients that wait for other servers
  std::uint64_t clock_ = 0;     // Lamport's: later than everything that was heard of
  Counters counters_;
};
} // namespace reach::rtc::pool
