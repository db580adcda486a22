// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turnserver_impl.h"
#include "common/barrier.h"

namespace reach::turn::server {
namespace {
constexpr Rate discards{10, 10}; // of one reason, told per second

const char *text_of (Transport t)
{
  static constexpr const char *names[] = {"udp", "tcp", "tls", "dtls"};
  return names[static_cast<std::size_t> (t)];
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
      "lifetime", G_TYPE_UINT, guint (a.lifetime), nullptr);
  set_relayed (s, a.relayed);
  return s;
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
  net->core.ask_password = has_handler ("authorize");
  net->core.ask_allocation = has_handler ("before-allocate");
  if (!s.no_auth && net->core.users.empty () && s.auth_secret.empty () && !net->core.ask_password)
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

GstStructure *ServerImpl::stats ()
{
  const auto server = *server_.lock ();
  const NetStats n = server ? server->stats () : last_stats_;
  const Stats &c = n.core;
  GstStructure *s = gst_structure_new ("turn-server-stats", "allocations", G_TYPE_UINT64,
      n.allocations, "allocations-created", G_TYPE_UINT64, c.created, "allocations-deleted",
      G_TYPE_UINT64, c.deleted, "requests", G_TYPE_UINT64, c.requests, "bindings", G_TYPE_UINT64,
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
  if (const auto *a = std::get_if<AuthorizeRequest> (&e)) {
    gchar *password = nullptr;
    g_signal_emit_by_name (element_, "authorize", a->user.c_str (), a->realm.c_str (), &password);
    if (server)
      server->authorize (a->id, password ? std::optional<std::string> (password) : std::nullopt);
    g_free (password);
  } else if (const auto *b = std::get_if<AllocateRequest> (&e)) {
    gboolean yes = FALSE;
    g_signal_emit_by_name (element_, "before-allocate", b->user.c_str (),
        to_string (b->client.address).c_str (), text_of (b->transport), &yes);
    if (server)
      server->allow (b->id, yes);
  } else if (const auto *c = std::get_if<AllocationCreated> (&e)) {
    post ("allocation-created", structure_of (*c));
  } else if (const auto *d = std::get_if<AllocationDeleted> (&e)) {
    post ("allocation-deleted", structure_of (*d));
  } else {
    tell_discarded (std::get<Discarded> (e));
  }
}

// On a loop's thread: here a decision cannot wait.
bool ServerImpl::on_relay (bool to_peer, const Client &client, const Address &peer, Bytes payload)
{
  return barrier (element_, false, [&] {
    gboolean yes = TRUE;
    if (!inspect_ && taps_.count () == 0)
      return true;
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_memdup (payload.data (), payload.size ()));
    if (inspect_)
      g_signal_emit_by_name (element_, "before-relay", to_peer ? "to-peer" : "to-client",
          to_string (peer).c_str (), buffer.get (), &yes);
    if (yes)
      taps_.push (std::move (buffer), to_peer, client.address, peer);
    return yes != FALSE;
  });
}

namespace {
gboolean all_of (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  g_value_copy (one, all);
  return g_value_get_boolean (one);
}

gboolean first_text (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  g_value_copy (one, all);
  return g_value_get_string (one) == nullptr;
}

gboolean yes_allocate (GstElement *, const char *, const char *, const char *)
{
  return TRUE;
}

gboolean yes_relay (GstElement *, const char *, const char *, GstBuffer *)
{
  return TRUE;
}

void install_decisions (GType type)
{
  /**
   * GstTurnServer::authorize:
   * @self: the element
   * @user: its name, as the client says it
   * @realm: the realm
   *
   * Who is not in #GstTurnServer:users and not time-limited wants in. Emitted if there is a handler
   * when the element goes to READY, from one thread, without a lock; within ten seconds.
   *
   * Returns: (nullable) (transfer full): the user's password, %NULL: there is no such user
   */
  g_signal_new ("authorize", type, G_SIGNAL_RUN_LAST, 0, first_text, nullptr, nullptr,
      G_TYPE_STRING, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstTurnServer::before-allocate:
   * @self: the element
   * @user: the user, empty with #GstTurnServer:no-auth
   * @client: its address
   * @transport: udp, tcp, tls or dtls
   *
   * Somebody who is known wants an allocation. As authorize; all handlers must agree.
   *
   * Returns: %FALSE to refuse it (403)
   */
  g_signal_new_class_handler ("before-allocate", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_allocate),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstTurnServer::before-relay:
   * @self: the element
   * @direction: to-peer or to-client
   * @peer: the peer's address
   * @buffer: a copy of the payload
   *
   * Only with #GstTurnServer:inspect. From the threads that relay, which wait for the answer.
   *
   * Returns: %FALSE to drop it
   */
  g_signal_new_class_handler ("before-relay", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_relay),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, GST_TYPE_BUFFER);
}
} // namespace

void install_server_signals (GType type)
{
  install_decisions (type);
  /**
   * GstTurnServer::allocation-created:
   * @self: the element
   * @allocation: `turn-allocation-created`, which is also a message
   */
  /**
   * GstTurnServer::allocation-deleted:
   * @self: the element
   * @allocation: `turn-allocation-deleted`, which is also a message
   */
  for (const char *name : {"allocation-created", "allocation-deleted"})
    g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * GstTurnServer::discarded:
   * @self: the element
   * @reason: a word, as in the statistics
   * @details: `turn-discarded`, which is also a message: reason, client, peer
   *
   * Something went no further. Of one reason at most ten times a second; all are counted.
   */
  g_signal_new ("discarded", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 2,
      G_TYPE_STRING, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}
} // namespace reach::turn::server
