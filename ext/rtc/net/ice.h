// SPDX-License-Identifier: LGPL-2.1-or-later
// ICE of one peer, by libnice: one stream with one component, as BUNDLE and rtcp-mux make it. All
// on the loop's thread; only path () may be used by others.
//
// libnice's own consent timer is off: in 0.1.21 it gives up after 10 s. Its keepalives are
// connectivity checks. Whether packets still come is for the owner to watch. A relay over TCP costs
// 80 KB that libnice 0.1.21 never frees.
//
// A restart gathers anew, as addresses and relays may have changed: with an agent of its own. The
// one before goes on beside it, as do its candidates, its checks and its packets, until there is a
// new pair, or until the restart is rolled back.
#pragma once
#include "common/address.h"
#include "common/loop.h"
#include "common/tls.h"
#include "ice_candidate.h"
#include "mdns.h"
#include "packet_path.h"
#include "rtc/proto/transport_types.h"
#include "turn/proto/uri.h"
#include <list>

namespace reach::rtc {
enum class IceState : std::uint8_t { fresh, checking, connected, completed, failed, closed };
const char *to_text (IceState state);

struct IceServer {
  turn::Uri uri;
  std::string username, credential; // when the URI has none
};

struct IceSettings {
  bool controlling = true;
  bool relay_only = false;
  bool tcp = true;                       // host candidates of TCP
  std::vector<IceServer> servers;        // the first stun: one, and up to 16 turn: and turns: ones
  bool servers_follow = false;           // by add_servers ()
  std::shared_ptr<const TlsContext> tls; // of turns: servers; null: they cannot be used
  std::uint16_t min_port = 0, max_port = 0;
  std::vector<std::string> addresses;  // to bind to; empty: all but loopback
  std::size_t remote_candidates = 100; // of a generation; more are ignored
  unsigned max_checks = 100;           // pairs that are checked at most
  // The owner is asked before ICE hears an address of UDP for the first time. Without TCP then.
  // Requests by way of a relay are not asked about: it lets only the peer's candidates through.
  bool ask_bindings = false;
  // RTP, RTCP and DTLS of a direct pair of UDP come by a socket of our own (socket_twin.h), not
  // through libnice, where the kernel can do that. Not for other protocols, whose first byte may be
  // any.
  bool twins = true;
  // Gathering counts as complete then: libnice 0.1.21 never ends it when a TCP connection to a
  // relay has ended before the relay's answer.
  Duration gather_limit = seconds (10);
  // It has failed then, counted from the peer's credentials; what comes later still counts. libnice
  // waits for ever where there is no pair, as when the peer tells no candidate.
  Duration connect_limit = seconds (30);
};

struct IcePair {
  Candidate local, remote;
};

class Ice {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_ice_candidate (const Candidate &local) = 0;
    virtual void on_ice_gathered () = 0;
    virtual void on_ice_state (IceState state) = 0;
    virtual void on_ice_pair (const IcePair &pair) = 0; // nominated
    // From an address that has passed a connectivity check. May be changed in place.
    virtual void on_ice_packet (std::span<std::uint8_t> packet) = 0;
    // A server that cannot be used; ICE goes on without it.
    virtual void on_ice_warning (const std::string &what) = 0;
    // false: the candidate is not told, or not used.
    virtual bool accept_local (const Candidate &) { return true; }
    virtual bool accept_remote (const Candidate &) { return true; }
    // false: nothing is sent over this pair, and ICE has failed, until another one is nominated, of
    // which this is asked again.
    virtual bool accept_pair (const IcePair &) { return true; }
    // With ask_bindings. false: this Binding request (RFC 8445, 7.3; its integrity is right) is not
    // answered; the next one is asked about again.
    virtual bool accept_binding (const Address &) { return true; }
  };

  // An owner's callback must not destroy it.
  Ice (Loop &loop, Owner &owner, IceSettings settings);
  ~Ice ();
  Ice (const Ice &) = delete;
  Ice &operator= (const Ice &) = delete;

  // What is wrong with a server, or nothing.
  static std::string check (const IceServer &server);

  IceCredentials local () const;
  // Before gather (): those of the description, instead of random ones. False: RFC 8839, 5.4.
  bool set_local (const IceCredentials &local);
  void gather ();
  // More servers than the settings have. Relays are gathered from at once, if gather () was called,
  // and on_ice_gathered () follows again; a STUN server only counts from the next restart () on.
  void add_servers (const std::vector<IceServer> &servers);
  // False: not what RFC 8839, 5.4 allows. Other ones than before: the peer has restarted.
  bool set_remote (const IceCredentials &remote);
  // False: ignored, as it is no candidate, is of an old generation, or is one too many.
  bool add_remote (std::string_view candidate);
  void end_of_candidates ();
  void set_controlling (bool controlling);
  // New local credentials, random ones where these are empty; candidates are gathered again. Those
  // of before a restart that the peer has not answered: it is rolled back.
  void restart (const IceCredentials &local = {});

  IceState state () const { return state_; }
  bool refused () const { return refused_; } // the last pair, by accept_pair ()
  const std::optional<IcePair> &pair () const { return pair_; }
  const std::shared_ptr<PacketPath> &path () const { return path_; }
  std::uint64_t heard () const { return heard_; } // packets that did not come through libnice

private:
  struct Agent; // ice_agent.h
  using Agents = std::vector<std::unique_ptr<Agent>>;
  void make_agent ();
  void drop (std::unique_ptr<Agent> agent);
  void drop_older ();
  void keep_now ();
  bool roll_back (const IceCredentials &local);
  void retire_older (const Agent &by); // which has a pair
  Agent *of_remote (const std::string &ufrag);
  bool carries (const Agent &agent) const;
  void use_server (const IceServer &server);
  using Addresses = std::vector<Address>;
  void use_addresses (const IceServer &server, const Addresses &all);
  void use_relay (const IceServer &server, const Address &address);
  std::optional<Address> bridge (const IceServer &server, const Addresses &all);
  void look_up (
      const std::string &host, std::uint16_t port, std::function<void (const Addresses &)> then);
  void start_gathering ();
  void tell_candidate (Candidate told);
  void use_remote (Agent &agent, const Candidate &c);
  void prepare_sockets ();
  bool guard_sockets (); // false: it cannot be done, and none may be used
  void gathered ();
  void look_at_relays ();
  void give_up ();
  void on_pair (Agent &agent, const NiceCandidate &local, const NiceCandidate &remote);
  void set_state (IceState state);
  NiceAgent *agent () const;
  unsigned stream () const;

  Loop &loop_;
  Owner &owner_;
  IceSettings settings_;
  std::unique_ptr<Agent> now_;
  // The newest that the peer has agreed to, which a rollback returns to, and the newest that has a
  // path; oldest first.
  Agents older_;
  Timer gather_timer_, connect_timer_;
  Timer older_timer_; // they go when no packet can be on its way any more
  bool controlling_;
  IceState state_ = IceState::fresh;
  std::optional<IcePair> pair_;
  const std::shared_ptr<PacketPath> path_ = std::make_shared<PacketPath> ();
  bool refused_ = false; // the nominated pair
  std::size_t pending_servers_ = 0;
  std::uint64_t heard_ = 0;
  std::list<std::unique_ptr<Resolve>> lookups_; // servers
  std::unique_ptr<Mdns> mdns_;                  // candidates
};
} // namespace reach::rtc
