// SPDX-License-Identifier: LGPL-2.1-or-later
// What turnrelaysink and turnrelaysrc have in common: settings, the session, what it tells as
// signals and messages, and the actions.
//
// The loop thread tells events; a thread of the element's own (SerialQueue) emits signals and posts
// messages, so that a slow handler delays no media.
#pragma once
#include "common/proto/rate_limit.h"
#include "common/ref.h"
#include "common/serial_queue.h"
#include "relay_registry.h"

namespace reach::turn {
class Relay : public Session::Listener {
public:
  Relay (GstElement *element, bool sink) : element_ (element), sink_ (sink) {}

  // Streaming elements' start () and stop ().
  bool start ();
  void stop ();
  GstStructure *stats (const char *name);
  std::shared_ptr<Session> session ();
  std::shared_ptr<Outlet> outlet () { return *outlet_.lock (); }
  void peers_changed ();
  GstElement *element () const { return element_; }

  // Actions. False: there is no allocation, the server's rules forbid it, or a handler of
  // before-sign asks.
  bool allocate ();
  bool refresh (unsigned lifetime);
  bool create_permission (const char *address);
  unsigned channel_bind (const char *peer, unsigned number);
  bool send_indication (const char *peer, GstBuffer *b);
  bool send_channel_data (unsigned channel, GstBuffer *b);
  bool send_binding_request ();
  bool send_raw (GstBuffer *b);
  void clear ();
  bool reconnect ();
  bool discover_nat ();

  Guarded<RelaySettings> settings;
  Guarded<RelayOwn> own;

protected:
  virtual void add_stats (GstStructure *s) {}
  virtual void on_ended () {}            // loop thread: nothing more will come
  void on_data (const Data &d) override; // as signals, where somebody listens

private:
  void on_event (const Event &e) override;
  void on_hopeless (Session::Kind kind, const std::string &text) override;
  void on_data_done () override {}
  bool on_before_send (Bytes message) override;
  bool wants_before_send () const override;
  std::vector<std::uint8_t> on_before_sign (Bytes message) override;
  void on_message (bool sent, Bytes message) override;
  bool on_credentials_wanted (const Session::CredentialsWanted &w) override;
  void on_nat (const NatReport &r) override;

  void on_peer_open (const stun::Address &peer, bool incoming) override;
  void on_peer_closed (const stun::Address &peer, const std::string &why) override;

  void on_failed (const Failed &f);
  std::string check (const std::string &peers, stun::Relay transport) const;
  bool may_report (const Event &e);
  void check_peers (const PeerRefused &e);
  void post_error (gint what, const std::string &text, StructurePtr details);
  void report (guint signal, StructurePtr s);
  void post (SerialQueue::Task t);
  bool try_post (SerialQueue::Task t);
  using Wrap = std::function<Client::Wrapped (
      Client &, std::size_t size, std::span<std::uint8_t> header, TimePoint)>;
  bool send_wrapped (const Wrap &wrap, GstBuffer *b);

  GstElement *const element_;
  const bool sink_;
  Bucket icmp_, unknown_; // loop thread
  Guarded<std::shared_ptr<Session>> session_;
  Guarded<std::shared_ptr<Outlet>> outlet_;
  std::unique_ptr<SharedSession> shared_;
  Guarded<std::shared_ptr<SerialQueue>> queue_;
};

// relay_properties.cpp
enum : guint { first_own_property = 100 }; // of an element, behind these
void install_relay_properties (GObjectClass *k);
bool set_relay_property (Relay &r, guint id, const GValue *v);
bool get_relay_property (Relay &r, guint id, GValue *v);
bool set_relay_uri (Relay &r, const char *text, GError **error);
std::string relay_uri (Relay &r); // without secrets

// relay_signals.cpp
enum Signal : guint {
  sig_response_success,
  sig_binding_success,
  sig_allocated,
  sig_allocation_lost,
  sig_refreshed,
  sig_permission_created,
  sig_channel_bound,
  sig_data_indication,
  sig_channel_data,
  sig_icmp,
  sig_response_error,
  sig_unknown_message,
  sig_peer_connected,
  sig_peer_disconnected,
  sig_nat_discovered,
  event_signals,
  sig_before_send = event_signals,
  sig_before_sign,
  sig_need_credentials,
  sig_last
};
// `relay_of` is the same for both signals' classes.
struct RelayClass {
  Relay &(*relay_of) (gpointer element);
};
void install_relay_signals (GObjectClass *k, RelayClass c);
guint signal_id (gpointer element, guint signal);
const char *signal_message_name (guint signal);
} // namespace reach::turn
