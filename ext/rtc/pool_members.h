// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of pools and the ways they are reached by: a raw WebSocket each, or a namespace of
// socket.io. Loop thread only.
#pragma once
#include "rtc/signalling/cluster_bus.h"
#include "rtc/signalling/pairing.h"
#include "rtc/signalling/proto/cluster.h"
#include "rtc/signalling/socket_io_server.h"

namespace reach::rtc {
class PoolMembers final : SocketIoServer::Owner {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_pool_event (pool::Event &e) = 0;
  };
  // bus: to the other servers of a cluster; null: there are none.
  PoolMembers (Loop &loop, Owner &owner, const Gate &gate, const pool::Limits &pools,
      const SocketIoServer::Limits &socket_io, std::unique_ptr<ClusterBus> bus);
  ~PoolMembers () override;

  SocketIoServer &socket_io () { return socket_io_; }
  void open (WebConnection &c); // a raw WebSocket, accepted
  // The same, of one of a pair, which the application lets in.
  void open_pair (WebConnection &c, const pairing::Wish &w);
  // False: it is none of these.
  bool on_text (WebConnection &c, std::string_view text);
  bool on_over (WebConnection &c, unsigned code);

  // Something is done with the core, and what follows from it.
  template <typename F> auto run (F &&f)
  {
    const auto result = f (core_);
    drain ();
    return result;
  }
  const pool::Pools &core () const { return core_; }
  const pool::Cluster *cluster () const { return cluster_.get (); }
  std::uint64_t unsent () const { return unsent_; } // messages that the bus has not taken

private:
  using Client = SocketIoServer::Client;
  // SocketIoServer::Owner
  Client on_client (const std::string &event_prefix) override;
  void on_client_event (Client c, const std::string &name, const json::Value &data) override;
  void on_client_malformed (Client c) override;
  void on_client_gone (Client c, const std::string &reason) override;

  void drain ();
  void drain_cluster ();
  void put_out (const pool::Transmit &t);
  void let_in (pool::Id id);

  Owner &owner_;
  pool::Pools core_;
  SocketIoServer socket_io_;
  Timer timer_, cluster_timer_;
  std::unique_ptr<pool::Cluster> cluster_;
  std::unique_ptr<ClusterBus> bus_;
  std::uint64_t unsent_ = 0;
  std::unordered_map<WebConnection *, pool::Id> raw_;
  std::unordered_map<pool::Id, WebConnection *> connections_;
  pool::Id last_ = 0;
  bool draining_ = false;
};
} // namespace reach::rtc
