// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind a rtcpoolserver element: its run, and what the run and the application tell each
// other.
#pragma once
#include "common/guarded.h"
#include "common/ref.h"
#include "common/serial_queue.h"
#include "pool_service.h"
#include "poolserver_settings.h"
#include <atomic>

namespace reach::rtc {
class PoolServerImpl final : public PoolService::Owner {
public:
  explicit PoolServerImpl (GstElement *e) : element_ (e) {}
  ~PoolServerImpl () override;

  // The element's state changes.
  bool start (); // false: an ERROR was posted
  void stop ();

  // Any thread.
  std::uint16_t port ();
  GstStructure *stats (); // transfer full
  // The application's answer to a request that was posted as message. reply: may name another pool.
  bool respond (guint64 request, bool accept, const GstStructure *reply);
  // Does something with the pools on their thread, and waits for it. False also in NULL.
  template <typename F> bool with_pools (F &&f)
  {
    const auto run = *run_.lock ();
    bool done = false;
    if (run)
      run->server->loop ().call ([&] { done = run->service->members ().run (f); });
    return done;
  }

  Guarded<PoolServerSettings> settings;

private:
  struct Run {
    std::unique_ptr<PoolService> service;
    std::unique_ptr<WebServer> server; // gone before the service is
  };
  // PoolService::Owner, on the loop thread
  bool on_join_request (
      std::uint64_t id, const std::string &pool, const std::string &peer, bool aliases) override;
  void on_peer_joined (const std::string &pool, const std::string &peer) override;
  void on_peer_left (
      const std::string &pool, const std::string &peer, const std::string &reason) override;
  void on_app_message (const pool::AppMessage &m) override;

  void ask (std::uint64_t id, std::string pool, const std::string &peer, bool aliases);
  bool decide (std::uint64_t id, bool yes, const std::string &pool);
  void tell (const char *signal, GstStructure *s);

  GstElement *element_; // owns us
  Guarded<std::shared_ptr<Run>> run_;
  std::unique_ptr<SerialQueue> events_; // from the first run on
  // Of the present run.
  std::atomic<guint> deferred_{0};
  // Requests that were posted as messages, with the pool that was asked for.
  Guarded<std::map<guint64, std::string>> questions_;
};

void install_pool_server_signals (GType type, PoolServerImpl &(*of) (gpointer));
} // namespace reach::rtc
