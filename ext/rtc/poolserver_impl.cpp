// SPDX-License-Identifier: LGPL-2.1-or-later
#include "poolserver_impl.h"

namespace reach::rtc {
namespace {
constexpr std::size_t max_questions = 2000; // that wait for the action respond

WebServerSettings web_settings (const PoolServerSettings &s)
{
  WebServerSettings web;
  web.bind_address = s.bind_address;
  web.port = static_cast<std::uint16_t> (s.port);
  web.tls_certificate = s.tls_certificate;
  web.tls_key = s.tls_key;
  web.max_connections = s.max_connections;
  web.limits.message = s.max_message_size;
  web.limits.body = s.max_message_size; // socket.io's; nothing else here takes one
  web.limits.ping = milliseconds (s.heartbeat_interval);
  web.limits.unread = std::max<std::size_t> (web.limits.unread, 4 * s.max_message_size);
  return web;
}

PoolService::Limits limits_of (const PoolServerSettings &s)
{
  PoolService::Limits l;
  l.pools.pools = s.max_pools;
  l.pools.messages = {double (s.message_rate), 5.0 * s.message_rate};
  l.pools.peers = s.max_peers;
  l.pools.message = s.max_message_size;
  l.pools.private_pools = s.private_pools;
  l.socket_io.sessions = s.max_connections;
  l.socket_io.session.interval = l.socket_io.session.timeout = milliseconds (s.heartbeat_interval);
  l.socket_io.session.payload = s.max_message_size;
  l.socket_io.session.unread =
      std::max<std::size_t> (l.socket_io.session.unread, 4 * s.max_message_size);
  return l;
}

GstStructure *peer_structure (const char *name, const std::string &pool, const std::string &peer)
{
  return gst_structure_new (
      name, "pool", G_TYPE_STRING, pool.c_str (), "peer", G_TYPE_STRING, peer.c_str (), nullptr);
}
} // namespace

PoolServerImpl::~PoolServerImpl ()
{
  stop ();
}

bool PoolServerImpl::start ()
{
  const PoolServerSettings s = *settings.lock ();
  if (!events_)
    events_ = std::make_unique<SerialQueue> ("pool-events");
  deferred_ = s.deferred_requests;
  auto run = std::make_shared<Run> ();
  std::string error;
  std::unique_ptr<ClusterBus> bus;
  if (!s.cluster.empty () && !(bus = ClusterBus::make (s.cluster, error))) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
        ("Could not use the cluster's bus: %s.", error.c_str ()), (nullptr));
    return false;
  }
  run->service = std::make_unique<PoolService> (*this, limits_of (s),
      PoolService::Access{s.token, s.allowed_origins}, s.folder, std::move (bus));
  run->server = WebServer::start (web_settings (s), *run->service, error);
  if (!run->server) {
    GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_READ_WRITE,
        ("Could not listen on %s port %u: %s. Choose another bind-address or port, or look at the "
         "TLS files.",
            s.bind_address.c_str (), s.port, error.c_str ()),
        (nullptr));
    return false;
  }
  run_.update ([&] (auto &r) { r = std::move (run); });
  return true;
}

void PoolServerImpl::stop ()
{
  std::shared_ptr<Run> run;
  run_.update ([&] (auto &r) { r.swap (run); });
  if (!run)
    return;
  run.reset (); // the last reference, but for calls under way
  events_->drain ();
  questions_.update ([] (auto &q) { q.clear (); });
}

std::uint16_t PoolServerImpl::port ()
{
  const auto run = *run_.lock ();
  return run ? run->server->port () : 0;
}

GstStructure *PoolServerImpl::stats ()
{
  WebServer::Counters c;
  pool::Counters p;
  guint64 channels = 0, pools = 0, peers = 0, sessions = 0, nodes = 0, unsent = 0;
  const auto run = *run_.lock ();
  if (run) {
    c = run->server->counters ();
    run->server->loop ().call ([&] {
      PoolMembers &m = run->service->members ();
      channels = m.core ().channels ();
      p = m.core ().counters ();
      pools = channels + m.core ().pools ();
      peers = m.core ().peers ();
      sessions = m.socket_io ().sessions ();
      nodes = m.cluster () ? m.cluster ()->nodes () + 1 : 1;
      unsent = m.unsent ();
    });
  }
  return gst_structure_new ("rtc-pool-server-stats", "connections", G_TYPE_UINT64, guint64 (c.open),
      "connections-accepted", G_TYPE_UINT64, c.accepted, "connections-refused", G_TYPE_UINT64,
      c.refused, "channels", G_TYPE_UINT64, channels, "pools", G_TYPE_UINT64, pools, "peers",
      G_TYPE_UINT64, peers, "socket-io-sessions", G_TYPE_UINT64, sessions, "joins", G_TYPE_UINT64,
      p.joins, "joins-refused", G_TYPE_UINT64, p.refused, "relayed", G_TYPE_UINT64, p.relayed,
      "errors", G_TYPE_UINT64, p.errors, "cluster-nodes", G_TYPE_UINT64, nodes, "cluster-unsent",
      G_TYPE_UINT64, unsent, nullptr);
}

void PoolServerImpl::tell (const char *signal, GstStructure *s)
{
  const StructurePtr owned (s);
  g_signal_emit_by_name (element_, signal, s);
  gst_element_post_message (
      element_, gst_message_new_element (GST_OBJECT (element_), gst_structure_copy (s)));
}

bool PoolServerImpl::decide (std::uint64_t id, bool yes, const std::string &pool)
{
  const auto run = *run_.lock ();
  bool awaited = false;
  if (run)
    run->server->loop ().call ([&] { awaited = run->service->decide (id, yes, pool); });
  return awaited;
}

bool PoolServerImpl::respond (guint64 request, bool accept, const GstStructure *reply)
{
  std::optional<std::string> pool;
  questions_.update ([&] (auto &q) {
    if (auto node = q.extract (request))
      pool = node.mapped ();
  });
  const char *other = reply ? gst_structure_get_string (reply, "pool") : nullptr;
  return pool && decide (request, accept, other ? other : *pool);
}

bool PoolServerImpl::on_join_request (
    std::uint64_t id, const std::string &pool, const std::string &peer, bool aliases)
{
  return events_->post ([this, id, pool, peer, aliases] { ask (id, pool, peer, aliases); });
}

// On the events' thread.
void PoolServerImpl::ask (std::uint64_t id, std::string pool, const std::string &peer, bool aliases)
{
  gchar *name = nullptr;
  if (aliases)
    g_signal_emit_by_name (element_, "resolve-pool", pool.c_str (), &name);
  if (name)
    pool = name;
  g_free (name);
  if (deferred_ & request_join) {
    questions_.update ([&] (auto &q) {
      if (q.size () >= max_questions)
        q.erase (q.begin ()); // the oldest, which are not awaited any more
      q[id] = pool;
    });
    GstStructure *s = peer_structure ("rtc-pool-join-request", pool, peer);
    gst_structure_set (s, "request", G_TYPE_UINT64, id, nullptr);
    gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
    return;
  }
  gboolean yes = FALSE;
  g_signal_emit_by_name (element_, "join-request", pool.c_str (), peer.c_str (), &yes);
  decide (id, yes, pool);
}

void PoolServerImpl::on_peer_joined (const std::string &pool, const std::string &peer)
{
  events_->post ([this, pool, peer] {
    tell ("peer-joined", peer_structure ("rtc-pool-peer-joined", pool, peer));
  });
}

void PoolServerImpl::on_peer_left (
    const std::string &pool, const std::string &peer, const std::string &reason)
{
  events_->post ([this, pool, peer, reason] {
    GstStructure *s = peer_structure ("rtc-pool-peer-left", pool, peer);
    gst_structure_set (s, "reason", G_TYPE_STRING, reason.c_str (), nullptr);
    tell ("peer-left", s);
  });
}

void PoolServerImpl::on_app_message (const pool::AppMessage &m)
{
  events_->post ([this, m] {
    GstStructure *s = peer_structure ("rtc-pool-app-message", m.pool, m.peer);
    gst_structure_set (
        s, "type", G_TYPE_STRING, m.type.c_str (), "data", G_TYPE_STRING, m.data.c_str (), nullptr);
    tell ("app-message", s);
  });
}
} // namespace reach::rtc
