// SPDX-License-Identifier: LGPL-2.1-or-later
// One allocation: a loop thread, the path to the server, and the client's core on it. It finds the
// server, connects, and connects again when the core wants it or the path breaks.
#pragma once
#include "common/loop.h"
#include "locate.h"
#include "nat_probe.h"
#include "outlet.h"
#include "path.h"
#include "peer_streams.h"
#include <list>
#include <map>

namespace reach::turn {
struct SessionSettings {
  std::string host;
  std::uint16_t port = 3478;
  bool services = false;                    // SRV records of the host come first
  stun::Family family = stun::Family::none; // of the server's address; none: any
  bool relay = true;                        // false: nothing but Binding requests
  TlsConfig tls;
  std::string tls_name;                      // in the certificate; empty: host
  std::string auth_secret;                   // of time-limited credentials
  seconds secret_lifetime = seconds (86400); // of each of them
  Config client;                             // without its hashes
};

class Session final : Path::Owner, PeerStreams::Owner {
public:
  enum class Kind : std::uint8_t { resolve, connect, certificate, settings };
  // Who we are is not known, or refused; or it is good for a minute only.
  struct CredentialsWanted {
    Why why = Why::no_credentials;           // wrong_credentials; expired: soon
    std::string realm, authorization_server; // RFC 7635: where tokens for it come from
  };
  // On the loop thread. What they are given is good for the call only.
  class Listener {
  public:
    virtual ~Listener () = default;
    virtual void on_event (const Event &e) = 0;
    // The path cannot be had, and nothing is tried any more.
    virtual void on_hopeless (Kind kind, const std::string &text) = 0;
    virtual void on_data (const Data &d) = 0;
    virtual void on_data_done () = 0;                            // of what has come by now
    virtual bool on_before_send (Bytes message) { return true; } // of the client's own
    virtual bool is_full () const { return false; } // of streams no more is read for now
    virtual void on_peer_open (const stun::Address &peer, bool incoming) {}
    virtual void on_peer_closed (const stun::Address &peer, const std::string &why) {}
    virtual bool wants_before_send () const { return false; }
    // A request before it is signed; empty: as it is. See Client::may_replace (). The client is in
    // the middle of it: calls that would reach the client are refused, or done later. It may
    // neither start () nor stop ().
    virtual std::vector<std::uint8_t> on_before_sign (Bytes message) { return {}; }
    // Of the one that came first: for logs. Data of peers are no messages.
    virtual void on_message (bool sent, Bytes message) {}
    // True: answer_credentials () will be called, on another thread.
    virtual bool on_credentials_wanted (const CredentialsWanted &w) { return false; }
    virtual void on_nat (const NatReport &r) {} // of discover_nat ()
  };
  struct Status {
    Client::State state = Client::State::idle;
    std::vector<stun::Address> relayed;
    stun::Address mapped, server, local; // local: our end of the path
    TimePoint expires = TimePoint::max (), refresh_at = TimePoint::max (), updated{};
    std::optional<ReservationToken> reservation;
    bool mobile = false;
    std::shared_ptr<const Client::PeerList> peers; // null: none yet
    Client::Stats stats;
    NatReport nat; // the last one
    std::uint64_t allocations = 0, losses = 0, paths = 0, streams = 0;
  };

  explicit Session (SessionSettings settings);
  ~Session () override;
  Session (const Session &) = delete;
  Session &operator= (const Session &) = delete;

  // Application threads. The first one who comes has an allocation asked for; the last one who goes
  // gives it back, and waits for the server's word, but not for long.
  static constexpr Duration goodbye = milliseconds (500);
  static constexpr Duration streams_goodbye = seconds (2); // with what they have still to send
  void start (Listener &l, std::span<const stun::Address> peers);
  void stop (Listener &l);
  std::shared_ptr<Outlet> add_outlet (std::vector<stun::Address> peers);
  void remove_outlet (const std::shared_ptr<Outlet> &o);
  // Channels or permissions; with peers on TCP connections to those that have a port. Those that
  // nobody has any more are let go. The outlet may be null.
  void set_peers (Listener &l, const std::shared_ptr<Outlet> &o, std::vector<stun::Address> peers);
  Status status ();
  stun::Relay relay () const { return settings_.client.relay; } // how peers are reached
  // Runs on the loop with the client, and waits until it did. What the client wants is done then.
  // False: not from within on_before_sign ().
  bool with_client (const std::function<void (Client &, TimePoint)> &f);
  // Nothing: there are none, which ends it if they were needed.
  void answer_credentials (std::optional<Credentials> c, seconds lifetime);
  // A new path to the server, at once. With mobility the allocation moves there. False: there is no
  // allocation, or it is asked from within on_before_sign ().
  bool reconnect ();
  // RFC 5780, beside the allocation; on_nat () follows. False: there is no path to the server yet,
  // or it is by TLS or DTLS, or one is being made, or it is asked from within on_before_sign ().
  bool discover_nat ();
  // One datagram or frame: `header` bytes and the payload. False: there is no path, or it is asked
  // from within on_before_sign ().
  bool send (Bytes header, Bytes payload, std::size_t padding);

  // Any thread.
  void send_queued (std::shared_ptr<Outlet> o);
  void send_queued (StreamQueues::Id stream);
  void add_peer (std::shared_ptr<Outlet> o, const stun::Address &peer);
  void report_doubt (int error);
  void resume (); // nobody is_full () any more

private:
  // session.cpp
  bool enter (const Loop::Task &task);
  void enter_or_post (const Loop::Task &task);
  void on_path_open () override;
  void on_path_input (Bytes in) override;
  void on_path_input_done () override;
  void on_path_writable () override;
  void on_path_doubt (int error) override;
  void on_path_closed (const Path::Fault &f) override;
  void on_stream_data (const stun::Address &peer, Bytes bytes) override;
  void on_stream_open (const stun::Address &peer, bool incoming) override;
  void on_stream_closed (const stun::Address &peer, const std::string &why) override;
  void on_streams_asked () override { drain (); }
  void ask_peers_now (std::span<const stun::Address> peers);
  bool anybody_has (const std::function<bool (const stun::Address &)> &is) const;
  void let_go (std::span<const stun::Address> peers);
  void add_streams (Outlet::Table &t, const stun::Address &peer);
  void finish_streams ();
  void follow_streams (const Event &e);
  void drain ();
  void handle (const Event &e);
  void transmit (Bytes message);
  std::vector<std::uint8_t> amended (Bytes message);
  void deliver (const Data &d);
  void renew_credentials (TimePoint now);
  bool ask_credentials (const CredentialsWanted &w);
  bool ask_credentials (const Failed &f);
  void end (const Failed &f);
  void publish ();
  void publish_to (Outlet &o, TimePoint now);
  Outlet::State outlet_state (const Outlet &o, const Outlet::Table &t) const;
  void send_queued_now (Outlet &o);

  // session_path.cpp
  void open_path ();
  void redirect (const Redirected &r);
  void connect_next ();
  void on_open_timer ();
  void await_answer ();
  bool next_round ();
  void give_up_address ();
  void begin_watch ();
  void watch_network ();
  void close_path ();
  void no_path (Kind kind, const std::string &text);
  void hopeless (Kind kind, const std::string &text);
  bool make_context ();
  void on_nat (const NatReport &r);

  const std::string &wanted_name () const
  {
    return settings_.tls_name.empty () ? settings_.host : settings_.tls_name;
  }

  const SessionSettings settings_;
  Guarded<Status> status_;
  Guarded<bool> closed_{false}, streams_over_{false};
  std::atomic<bool> doubted_ = false;
  Loop loop_;

  // Loop thread.
  std::unique_ptr<Client> client_;
  std::unique_ptr<PeerStreams> streams_; // relaying TCP
  std::unique_ptr<Timer> timer_, open_timer_, watch_timer_;
  std::list<Listener *> listeners_;
  std::map<const Listener *, std::vector<stun::Address>> peers_; // of their own
  std::vector<std::shared_ptr<Outlet>> outlets_;
  std::shared_ptr<const TlsContext> tls_;
  std::unique_ptr<Path> path_;
  std::unique_ptr<Locate> resolve_;
  std::unique_ptr<NatProbe> nat_;
  std::shared_ptr<const Wire> wire_;
  std::vector<reach::Address> candidates_; // not known to be no good; empty: one is
  std::vector<reach::Address> addresses_;  // of these, not tried yet in this round
  Duration patience_{};                    // with each
  bool unheard_ = false;                   // it has not answered yet, and there are others
  std::string own_host_;                   // our address of the path
  reach::Address address_;                 // of the path
  std::string name_;                       // to be in the certificate
  std::string trouble_;                    // of the last address
  Kind trouble_kind_ = Kind::connect;
  bool open_ = false, ended_ = false, draining_ = false, dirty_ = false, peers_dirty_ = false;
  bool signing_ = false; // a handler has a request of the client's
  unsigned failures_ = 0, asked_ = 0;
  std::optional<Failed> pending_; // if no credentials come
  TimePoint doubt_since_ = TimePoint::max (), doubted_at_{}, published_{};
};
} // namespace reach::turn
