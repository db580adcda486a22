// SPDX-License-Identifier: LGPL-2.1-or-later
// What a rtcpoolserver serves on its port: pairs of peers, and files. Loop thread only.
#pragma once
#include "rtc/signalling/pairing.h"
#include "rtc/signalling/static_files.h"
#include "rtc/signalling/web_server.h"

namespace reach::rtc {
class PoolService final : public WebService, Pairing::Owner {
public:
  // Called on the loop thread.
  class Owner {
  public:
    virtual ~Owner () = default;
    // May this peer join? Answer with decide (), later. False: no.
    virtual bool on_join_request (
        std::uint64_t id, const std::string &pool, const std::string &peer) = 0;
    virtual void on_peer_joined (const std::string &pool, const std::string &peer) = 0;
    virtual void on_peer_left (
        const std::string &pool, const std::string &peer, const std::string &reason) = 0;
  };
  static constexpr std::size_t max_requests = 1000; // decisions that are awaited

  PoolService (Owner &owner, Pairing::Limits limits, std::string folder)
      : owner_ (owner), limits_ (limits), pairing_ (*this, limits), files_ (std::move (folder))
  {
  }
  bool decide (std::uint64_t id, bool yes); // false: it is not awaited
  std::size_t channels () const { return pairing_.channels (); }

private:
  struct Request {
    WebConnection *connection;
    Pairing::Wish wish;
  };
  // WebService
  void on_request (WebConnection &c) override;
  void on_upgrade (WebConnection &c) override;
  void on_text (WebConnection &c, std::string_view text) override { pairing_.on_text (c, text); }
  void on_over (WebConnection &c, unsigned code) override;
  // Pairing::Owner
  void on_pair_joined (const std::string &channel, const std::string &peer) override
  {
    owner_.on_peer_joined (channel, peer);
  }
  void on_pair_left (
      const std::string &channel, const std::string &peer, const std::string &reason) override
  {
    owner_.on_peer_left (channel, peer, reason);
  }

  Owner &owner_;
  const Pairing::Limits limits_;
  Pairing pairing_;
  StaticFiles files_;
  std::map<std::uint64_t, Request> requests_;
  std::uint64_t last_request_ = 0;
};
} // namespace reach::rtc
