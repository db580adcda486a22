// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind a turnserver element: its run, and what the run and the application tell each
// other.
#pragma once
#include "common/guarded.h"
#include "common/serial_queue.h"
#include "net/server_net.h"
#include "turnserver_settings.h"
#include "turnserver_tap.h"

namespace reach::turn::server {
class ServerImpl final : public Observer {
public:
  explicit ServerImpl (GstElement *e) : element_ (e) {}

  // The element's state changes.
  bool start (); // false: an ERROR was posted
  void stop ();

  // Any thread.
  GstStructure *stats (); // transfer full
  std::uint16_t port ();
  std::uint16_t tls_port ();
  Taps &taps () { return taps_; }

  Guarded<ElementSettings> settings;

private:
  void on_event (Event e) override;
  bool on_relay (bool to_peer, const Client &client, const Address &peer, Bytes payload) override;
  void tell (Event e);
  void tell_discarded (const Discarded &d);
  void post (const char *signal, GstStructure *s);
  bool has_handler (const char *signal) const;

  GstElement *element_; // owns us
  Guarded<std::shared_ptr<NetServer>> server_;
  std::unique_ptr<SerialQueue> events_; // from the first run on
  Taps taps_;
  NetStats last_stats_;
  bool inspect_ = false; // of this run, for the application
  // So that a flood of bad datagrams makes no flood of signals.
  std::array<SharedBucket, discard_kinds> told_;
  std::atomic<guint64> untold_{0};
};

void install_server_signals (GType type);
} // namespace reach::turn::server
