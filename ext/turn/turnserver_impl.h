// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind a turnserver element: its run, and what the run and the application tell each
// other.
#pragma once
#include "common/guarded.h"
#include "common/serial_queue.h"
#include "net/server_net.h"
#include "turnserver_settings.h"
#include "turnserver_tap.h"
#include <map>

namespace reach::turn::server {
const char *text_of (Transport t); // udp, tcp, tls, dtls

enum Requests : guint { // what is asked by message, see the property deferred-requests
  request_authorize = 1,
  request_allocate = 2,
};
GType requests_type ();

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
  std::uint16_t alternate_port ();
  gchar **bindings (); // transfer full; null in NULL
  Taps &taps () { return taps_; }
  // False: nobody asked that, or not any more.
  bool respond (guint64 request, bool accept, const GstStructure *reply);
  guint add_binding (const char *address, guint port); // 0: it could not be
  bool remove_binding (const char *address, guint port);

  std::atomic<guint> deferred{0}; // Requests

  Guarded<ElementSettings> settings;

private:
  void on_event (Event e) override;
  bool on_relay (bool to_peer, const Client &client, std::uint16_t channel, const Address &peer,
      Bytes payload) override;
  struct Question { // one that waits for respond ()
    bool is_allocation;
    TimePoint until;
  };
  static constexpr std::size_t max_questions = 1024;

  bool on_reply (const Client &client, Bytes answer) override;
  void tell (Event e);
  void ask (const AuthorizeRequest &r, NetServer *server);
  void ask (const AllocateRequest &r, NetServer *server);
  void defer (std::uint64_t id, bool is_allocation, GstStructure *message);
  void tell_discarded (const Discarded &d);
  void post (const char *signal, GstStructure *s);
  bool has_handler (const char *signal) const;

  GstElement *element_; // owns us
  Guarded<std::shared_ptr<NetServer>> server_;
  std::unique_ptr<SerialQueue> events_; // from the first run on
  Taps taps_;
  NetStats last_stats_;
  Guarded<std::map<std::uint64_t, Question>> questions_;
  bool inspect_ = false; // of this run, for the application
  // So that a flood of bad datagrams makes no flood of signals.
  std::array<SharedBucket, discard_kinds> told_;
  std::atomic<guint64> untold_{0};
};

// `impl_of`: what is behind an element.
void install_server_signals (GType type, ServerImpl &(*impl_of) (gpointer));
} // namespace reach::turn::server
