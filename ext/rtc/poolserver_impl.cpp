// SPDX-License-Identifier: LGPL-2.1-or-later
#include "poolserver_impl.h"
#include "common/accumulators.h"

namespace reach::rtc {
PoolServerImpl::~PoolServerImpl ()
{
  stop ();
}

bool PoolServerImpl::start ()
{
  const PoolServerSettings s = *settings.lock ();
  WebServerSettings web;
  web.bind_address = s.bind_address;
  web.port = static_cast<std::uint16_t> (s.port);
  web.tls_certificate = s.tls_certificate;
  web.tls_key = s.tls_key;
  web.max_connections = s.max_connections;
  web.limits.message = s.max_message_size;
  web.limits.body = 4096; // nothing here takes one
  Pairing::Limits limits;
  limits.channels = s.max_pools;
  limits.messages = {double (s.message_rate), 5.0 * s.message_rate};
  if (!events_)
    events_ = std::make_unique<SerialQueue> ("pool-events");
  auto run = std::make_shared<Run> ();
  run->service = std::make_unique<PoolService> (*this, limits, s.folder);
  std::string error;
  run->server = WebServer::start (web, *run->service, error);
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
}

std::uint16_t PoolServerImpl::port ()
{
  const auto run = *run_.lock ();
  return run ? run->server->port () : 0;
}

GstStructure *PoolServerImpl::stats ()
{
  WebServer::Counters c;
  guint64 pools = 0;
  const auto run = *run_.lock ();
  if (run) {
    c = run->server->counters ();
    run->server->loop ().call ([&] { pools = run->service->channels (); });
  }
  return gst_structure_new ("rtc-pool-server-stats", "connections", G_TYPE_UINT64, guint64 (c.open),
      "connections-accepted", G_TYPE_UINT64, c.accepted, "connections-refused", G_TYPE_UINT64,
      c.refused, "pools", G_TYPE_UINT64, pools, nullptr);
}

void PoolServerImpl::tell (const char *signal, GstStructure *s)
{
  const StructurePtr owned (s);
  g_signal_emit_by_name (element_, signal, s);
  gst_element_post_message (
      element_, gst_message_new_element (GST_OBJECT (element_), gst_structure_copy (s)));
}

void PoolServerImpl::decide (std::uint64_t id, bool yes)
{
  const auto run = *run_.lock ();
  if (run)
    // The service is there until the loop has ended; `run` must not end on the loop's own thread.
    run->server->loop ().post ([s = run->service.get (), id, yes] { s->decide (id, yes); });
}

bool PoolServerImpl::on_join_request (
    std::uint64_t id, const std::string &pool, const std::string &peer)
{
  return events_->post ([this, id, pool, peer] {
    gboolean yes = FALSE;
    g_signal_emit_by_name (element_, "join-request", pool.c_str (), peer.c_str (), &yes);
    decide (id, yes);
  });
}

void PoolServerImpl::on_peer_joined (const std::string &pool, const std::string &peer)
{
  events_->post ([this, pool, peer] {
    tell ("peer-joined", gst_structure_new ("rtc-pool-peer-joined", "pool", G_TYPE_STRING,
                             pool.c_str (), "peer", G_TYPE_STRING, peer.c_str (), nullptr));
  });
}

void PoolServerImpl::on_peer_left (
    const std::string &pool, const std::string &peer, const std::string &reason)
{
  events_->post ([this, pool, peer, reason] {
    tell ("peer-left",
        gst_structure_new ("rtc-pool-peer-left", "pool", G_TYPE_STRING, pool.c_str (), "peer",
            G_TYPE_STRING, peer.c_str (), "reason", G_TYPE_STRING, reason.c_str (), nullptr));
  });
}

namespace {
gboolean yes_join (GstElement *, const char *, const char *)
{
  return TRUE;
}
} // namespace

void install_pool_server_signals (GType type)
{
  /**
   * GstRtcPoolServer::join-request:
   * @self: the element
   * @pool: what the peer wants to join
   * @peer: what it calls itself
   *
   * May this peer join? All handlers must agree. From one thread, without a lock; a handler that
   * takes its time delays other decisions, but no message.
   *
   * Returns: %FALSE to refuse it
   */
  g_signal_new_class_handler ("join-request", type, G_SIGNAL_RUN_LAST, G_CALLBACK (yes_join),
      all_of, nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * GstRtcPoolServer::peer-joined:
   * @self: the element
   * @peer: `rtc-pool-peer-joined` with pool and peer, which is also a message
   */
  /**
   * GstRtcPoolServer::peer-left:
   * @self: the element
   * @peer: `rtc-pool-peer-left` with pool, peer and reason (closed, lost, replaced), which is also
   * a message
   */
  for (const char *name : {"peer-joined", "peer-left"})
    g_signal_new (name, type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}
} // namespace reach::rtc
