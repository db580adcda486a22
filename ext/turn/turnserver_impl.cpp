// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turnserver_impl.h"
#include "common/barrier.h"

namespace reach::turn::server {
const char *text_of (Transport t)
{
  static constexpr const char *names[] = {"udp", "tcp", "tls", "dtls"};
  return names[static_cast<std::size_t> (t)];
}

namespace {
constexpr Rate discards{10, 10}; // of one reason, told per second

const char *text_of (Relaying r)
{
  return r == Relaying::tcp ? "tcp" : "udp";
}

const char *text_of (Ended e)
{
  static constexpr const char *names[] = {"refreshed", "expired", "connection-closed", "shutdown"};
  return names[static_cast<std::size_t> (e)];
}

void set_relayed (GstStructure *s, const std::vector<Address> &relayed)
{
  for (const Address &a : relayed)
    gst_structure_set (s, a.family == Family::ipv4 ? "relayed-address" : "relayed-address-ipv6",
        G_TYPE_STRING, to_string (a).c_str (), nullptr);
}

GstStructure *structure_of (const AllocationCreated &a)
{
  GstStructure *s = gst_structure_new ("turn-allocation-created", "serial", G_TYPE_UINT64, a.serial,
      "user", G_TYPE_STRING, a.user.c_str (), "client", G_TYPE_STRING,
      to_string (a.client.address).c_str (), "transport", G_TYPE_STRING, text_of (a.transport),
      "relaying", G_TYPE_STRING, text_of (a.relaying), "lifetime", G_TYPE_UINT, guint (a.lifetime),
      nullptr);
  set_relayed (s, a.relayed);
  return s;
}

GstStructure *structure_of (const AllocationMoved &a)
{
  return gst_structure_new ("turn-allocation-moved", "serial", G_TYPE_UINT64, a.serial, "user",
      G_TYPE_STRING, a.user.c_str (), "client", G_TYPE_STRING,
      to_string (a.client.address).c_str (), "from", G_TYPE_STRING, to_string (a.from).c_str (),
      "transport", G_TYPE_STRING, text_of (a.transport), nullptr);
}

GstStructure *structure_of (const AllocationDeleted &a)
{
  GstStructure *s = gst_structure_new ("turn-allocation-deleted", "serial", G_TYPE_UINT64, a.serial,
      "user", G_TYPE_STRING, a.user.c_str (), "client", G_TYPE_STRING,
      to_string (a.client.address).c_str (), "reason", G_TYPE_STRING, text_of (a.why),
      "packets-to-peers", G_TYPE_UINT64, a.traffic.to_peers, "bytes-to-peers", G_TYPE_UINT64,
      a.traffic.to_peers_bytes, "packets-to-client", G_TYPE_UINT64, a.traffic.to_client,
      "bytes-to-client", G_TYPE_UINT64, a.traffic.to_client_bytes, nullptr);
  set_relayed (s, a.relayed);
  return s;
}
} // namespace

bool ServerImpl::has_handler (const char *signal) const
{
  const guint id = g_signal_lookup (signal, G_OBJECT_TYPE (element_));
  return g_signal_has_handler_pending (element_, id, 0, FALSE);
}

bool ServerImpl::start ()
{
  std::string error;
  const ElementSettings s = *settings.lock ();
  auto net = s.net (error);
  if (!net) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS, ("%s.", error.c_str ()), (nullptr));
    return false;
  }
  inspect_ = net->inspect;
  net->inspect = inspect_ || taps_.count () > 0;
  // Handlers may come later.
  net->core.ask_password = [this] {
    return (deferred & request_authorize) || has_handler ("authorize");
  };
  net->core.ask_allocation = [this] {
    return (deferred & request_allocate) || has_handler ("before-allocate");
  };
  if (!s.no_auth && net->core.users.empty () && s.auth_secret.empty () &&
      net->core.token_keys.empty () && !net->core.ask_password ())
    GST_ELEMENT_WARNING (element_, RESOURCE, SETTINGS,
        ("Nobody can allocate: set users or auth-secret, connect to authorize, or set no-auth."),
        (nullptr));
  if (!events_)
    events_ = std::make_unique<SerialQueue> ("turn-events");
  std::shared_ptr<NetServer> server = NetServer::start (std::move (*net), *this, error);
  if (!server) {
    GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_READ_WRITE,
        ("Could not start the TURN server: %s. Choose another bind-address or port, or look at "
         "the TLS files.",
            error.c_str ()),
        (nullptr));
    return false;
  }
  server_.update ([&] (auto &p) { p = std::move (server); });
  return true;
}

void ServerImpl::stop ()
{
  std::shared_ptr<NetServer> s;
  server_.update ([&] (auto &p) { s.swap (p); });
  if (!s)
    return;
  s->end_allocations ();
  last_stats_ = s->stats ();
  last_stats_.connections = last_stats_.allocations = 0;
  s.reset (); // the last reference, but for calls under way
  events_->drain ();
}

std::uint16_t ServerImpl::port ()
{
  const auto s = *server_.lock ();
  return s ? s->port () : 0;
}

std::uint16_t ServerImpl::tls_port ()
{
  const auto s = *server_.lock ();
  return s ? s->tls_port () : 0;
}

std::uint16_t ServerImpl::alternate_port ()
{
  const auto s = *server_.lock ();
  return s ? s->alternate_port () : 0;
}

GstStructure *ServerImpl::stats ()
{
  const auto server = *server_.lock ();
  const NetStats n = server ? server->stats () : last_stats_;
  const Stats &c = n.core;
  GstStructure *s = gst_structure_new ("turn-server-stats", "allocations", G_TYPE_UINT64,
      n.allocations, "allocations-created", G_TYPE_UINT64, c.created, "allocations-deleted",
      G_TYPE_UINT64, c.deleted, "allocations-moved", G_TYPE_UINT64, c.moved, "peer-connections",
      G_TYPE_UINT64, c.connected, "requests", G_TYPE_UINT64, c.requests, "bindings", G_TYPE_UINT64,
      c.bindings, "errors", G_TYPE_UINT64, c.errors, "challenges", G_TYPE_UINT64, c.challenges,
      "connections", G_TYPE_UINT64, n.connections, "connections-accepted", G_TYPE_UINT64,
      n.accepted, "connections-refused", G_TYPE_UINT64, n.refused, "packets-to-peers",
      G_TYPE_UINT64, c.traffic.to_peers, "bytes-to-peers", G_TYPE_UINT64, c.traffic.to_peers_bytes,
      "packets-to-clients", G_TYPE_UINT64, c.traffic.to_client, "bytes-to-clients", G_TYPE_UINT64,
      c.traffic.to_client_bytes, "packets-dropped-slow", G_TYPE_UINT64, n.dropped, "packets-vetoed",
      G_TYPE_UINT64, n.vetoed, "signals-suppressed", G_TYPE_UINT64, untold_.load (),
      "tap-buffers-dropped", G_TYPE_UINT64, taps_.dropped (), nullptr);
  for (std::size_t i = 0; i < discard_kinds; i++) {
    const std::string name = std::string ("discarded-") + to_string (static_cast<Discard> (i));
    gst_structure_set (s, name.c_str (), G_TYPE_UINT64, c.discarded[i], nullptr);
  }
  return s;
}

void ServerImpl::on_event (Event e)
{
  if (const auto *d = std::get_if<Discarded> (&e);
      d && !told_[static_cast<std::size_t> (d->why)].take (discards, 1, Clock::now ())) {
    untold_++;
    return;
  }
  if (!events_->post ([this, event = std::move (e)] () mutable { tell (std::move (event)); }))
    untold_++; // of a question: no answer is a no
}

void ServerImpl::post (const char *signal, GstStructure *s)
{
  g_signal_emit_by_name (element_, signal, s);
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
}

void ServerImpl::tell_discarded (const Discarded &d)
{
  GstStructure *s = gst_structure_new ("turn-discarded", "reason", G_TYPE_STRING, to_string (d.why),
      "client", G_TYPE_STRING, to_string (d.client.address).c_str (), "peer", G_TYPE_STRING,
      to_string (d.peer).c_str (), nullptr);
  g_signal_emit_by_name (element_, "discarded", to_string (d.why), s);
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
}

void ServerImpl::tell (Event e)
{
  const auto server = *server_.lock ();
  if (const auto *a = std::get_if<AuthorizeRequest> (&e))
    ask (*a, server.get ());
  else if (const auto *b = std::get_if<AllocateRequest> (&e))
    ask (*b, server.get ());
  else if (const auto *c = std::get_if<AllocationCreated> (&e))
    post ("allocation-created", structure_of (*c));
  else if (const auto *m = std::get_if<AllocationMoved> (&e))
    post ("allocation-moved", structure_of (*m));
  else if (const auto *d = std::get_if<AllocationDeleted> (&e))
    post ("allocation-deleted", structure_of (*d));
  else
    tell_discarded (std::get<Discarded> (e));
}

namespace {
// For whom the buffer is relayed, and in which channel: handlers of before-relay and taps find it
// by this name.
void add_relay_meta (GstBuffer *b, const Client &client, std::uint16_t channel)
{
  constexpr const char *name = "turn-relayed";
  static const GstMetaInfo *const info = [] {
    static const gchar *tags[] = {nullptr};
    return gst_meta_register_custom (name, tags, nullptr, nullptr, nullptr);
  }();
  GstCustomMeta *m = info ? gst_buffer_add_custom_meta (b, name) : nullptr;
  if (m)
    gst_structure_set (gst_custom_meta_get_structure (m), "client", G_TYPE_STRING,
        to_string (client.address).c_str (), "channel", G_TYPE_UINT, guint{channel}, nullptr);
}
} // namespace

// On a loop's thread: here a decision cannot wait.
bool ServerImpl::on_relay (
    bool to_peer, const Client &client, std::uint16_t channel, const Address &peer, Bytes payload)
{
  return barrier (element_, false, [&] {
    gboolean yes = TRUE;
    if (!inspect_ && taps_.count () == 0)
      return true;
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_memdup (payload.data (), payload.size ()));
    add_relay_meta (buffer.get (), client, channel);
    if (inspect_)
      g_signal_emit_by_name (element_, "before-relay", to_peer ? "to-peer" : "to-client",
          to_string (peer).c_str (), buffer.get (), &yes);
    if (yes)
      taps_.push (std::move (buffer), to_peer, client.address, peer);
    return yes != FALSE;
  });
}
} // namespace reach::turn::server
