// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind a rtcpoolserver element: its run, and what the run and the application tell each
// other.
#pragma once
#include "common/guarded.h"
#include "common/ref.h"
#include "common/serial_queue.h"
#include "pool_service.h"

namespace reach::rtc {
struct PoolServerSettings {
  std::string bind_address = "0.0.0.0", tls_certificate, tls_key, folder;
  guint port = 7001, max_connections = 10000, max_pools = 10000, message_rate = 100,
        max_message_size = 256 << 10;
};

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

  Guarded<PoolServerSettings> settings;

private:
  struct Run {
    std::unique_ptr<PoolService> service;
    std::unique_ptr<WebServer> server; // gone before the service is
  };
  // PoolService::Owner, on the loop thread
  bool on_join_request (
      std::uint64_t id, const std::string &pool, const std::string &peer) override;
  void on_peer_joined (const std::string &pool, const std::string &peer) override;
  void on_peer_left (
      const std::string &pool, const std::string &peer, const std::string &reason) override;
  void decide (std::uint64_t id, bool yes);
  void tell (const char *signal, GstStructure *s);

  GstElement *element_; // owns us
  Guarded<std::shared_ptr<Run>> run_;
  std::unique_ptr<SerialQueue> events_; // from the first run on
};

void install_pool_server_signals (GType type);
} // namespace reach::rtc
