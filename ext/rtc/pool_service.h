// SPDX-License-Identifier: LGPL-2.1-or-later
// What a rtcpoolserver serves on its port: pools, pairs of peers, and files. Loop thread only.
#pragma once
#include "pool_members.h"
#include "rtc/signalling/static_files.h"
#include "rtc/signalling/web_server.h"

namespace reach::rtc {
class PoolService final : public WebService, PoolMembers::Owner {
public:
  // Called on the loop thread.
  class Owner {
  public:
    virtual ~Owner () = default;
    // May this peer join? Answer with decide (), later. False: no. aliases: the pool's name may
    // stand for another.
    virtual bool on_join_request (
        std::uint64_t id, const std::string &pool, const std::string &peer, bool aliases) = 0;
    virtual void on_peer_joined (const std::string &pool, const std::string &peer) = 0;
    virtual void on_peer_left (
        const std::string &pool, const std::string &peer, const std::string &reason) = 0;
    virtual void on_app_message (const pool::AppMessage &m) = 0;
  };
  struct Limits {
    pool::Limits pools;
    SocketIoServer::Limits socket_io;
    std::size_t requests = 1000; // of pairs, that await a decision
  };
  struct Access {
    std::string token, origins; // see Gate
  };

  // bus: see PoolMembers.
  PoolService (Owner &owner, const Limits &limits, const Access &access, std::string folder,
      std::unique_ptr<ClusterBus> bus);
  ~PoolService () override;

  // False: it is not awaited. pool: what was asked for, or what it stands for.
  bool decide (std::uint64_t id, bool yes, const std::string &pool);
  PoolMembers &members () { return *members_; }

  void on_start (Loop &loop) override;
  void on_stop () override;

private:
  struct Request {
    WebConnection *connection;
    pairing::Wish wish;
    TimePoint until;
  };
  // WebService
  void on_request (WebConnection &c) override;
  void on_upgrade (WebConnection &c) override;
  void on_text (WebConnection &c, std::string_view text) override;
  void on_over (WebConnection &c, unsigned code) override;
  // PoolMembers::Owner
  void on_pool_event (pool::Event &e) override;

  void upgrade_pair (WebConnection &c);
  bool decide_pair (std::uint64_t id, bool yes);
  void on_timer ();

  Owner &owner_;
  const Limits limits_;
  const Gate gate_;
  StaticFiles files_;
  std::map<std::uint64_t, Request> requests_; // the oldest first
  std::uint64_t last_request_ = 0;
  std::unique_ptr<ClusterBus> bus_;      // until the start
  std::unique_ptr<PoolMembers> members_; // from start to stop
  std::unique_ptr<Timer> timer_;
};
} // namespace reach::rtc
