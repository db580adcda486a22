// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTMP port of the process: its listener, its loop and its connections. Elements with the same
// address share it. Any thread, unless said otherwise.
#pragma once
#include "common/listener.h"
#include "common/slabs.h"
#include "connection.h"
#include "rtmpserver/proto/login.h"
#include <unordered_map>

namespace reach::rtmp {
struct ServerSettings {
  std::string bind_address = "0.0.0.0";
  std::uint16_t port = 1935; // 0: any
  bool tls = false;
  std::string tls_certificate, tls_key;                                // PEM files
  std::size_t max_connections = 1000, max_connections_per_address = 0; // 0: no limit
  Duration decision_time = seconds (10);
  Session::Config session; // the crypto is filled in by the server
};

class Server : public std::enable_shared_from_this<Server> {
public:
  // The one that listens there already, or a new one; port 0 is always a new one. Where there is
  // one, its other settings stay, but TLS has to be the same. Null, and `error` in words that tell
  // what to do.
  static std::shared_ptr<Server> get (const ServerSettings &s, std::string &error);
  ~Server (); // not on the loop thread

  // The server calls the endpoint from now on, until remove () has returned.
  void add (std::shared_ptr<Endpoint> e);
  void remove (const Endpoint &e); // ends what it has to do with

  std::uint16_t port () const { return port_; }
  Loop &loop () { return *loop_; }
  struct Counters {
    std::uint64_t accepted = 0, refused = 0; // connections; refused: over a limit
    std::uint64_t rejected = 0;              // by a decision, or no endpoint serves them
    std::uint64_t challenged = 0;            // told to log in: they come again
    std::uint64_t denied = 0;                // wrong logins; publish and play without what it takes
    std::uint64_t bad_peers = 0;             // against the protocol, or silent before connect
    std::size_t open = 0;
  };
  Counters counters ();

  // Loop thread.
  const ServerSettings &settings () const { return settings_; }
  const std::vector<std::shared_ptr<Endpoint>> &endpoints () const { return endpoints_; }
  Connection *find (std::uint64_t id);
  void each (const std::function<void (Connection &)> &f);
  Slabs &slabs () { return slabs_; }
  Challenges &challenges () { return *challenges_; }
  Counters &count () { return counters_; }
  void over (Connection &c); // called by a connection at its end

private:
  struct Key; // lets make_shared in
  struct Registry;
  static Guarded<Registry> &registry ();

public:
  Server (const Key &, const ServerSettings &s, std::shared_ptr<const TlsContext> tls, int fd);

private:
  void accept (int fd);
  bool full (const std::string &network) const;

  ServerSettings settings_;
  const std::shared_ptr<const TlsContext> tls_;
  std::uint16_t port_ = 0;
  Slabs slabs_;
  Counters counters_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::size_t> networks_;
  Shares strangers_; // those that are not let in yet
  std::optional<Challenges> challenges_;
  std::uint64_t last_id_ = 0;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Loop> loop_;
};
} // namespace reach::rtmp
