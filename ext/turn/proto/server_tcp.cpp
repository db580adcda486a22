// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers over TCP (RFC 6062): an allocation's connections to them, each of which a connection of the
// client's is bound to.
#include "server.h"
#include <algorithm>

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;
using stun::Method;
namespace code = stun::code;

Core::Connection *Core::add_connection (
    Allocation &a, const Address &peer, TimePoint now, ConnectionId &id)
{
  const std::size_t most = config_.limits.user_connections;
  if (a.connections.size () >= config_.limits.connections)
    return nullptr;
  if (a.account->connections++ >= most && most > 0) {
    a.account->connections--;
    return nullptr;
  }
  do {
    id = random (UINT32_MAX);
    id -= id % config_.cores;
    id += config_.core;
  } while (id == 0 || connections_.contains (id));
  Connection &c = connections_[id];
  c.allocation = &a;
  c.peer = peer;
  c.deadline = now + config_.limits.connection_wait;
  waiting_.emplace (c.deadline, id);
  a.connections.push_back (id);
  return &c;
}

void Core::drop (Connections::iterator i)
{
  const ConnectionId id = i->first;
  waiting_.erase ({i->second.deadline, id});
  if (i->second.state == Connection::State::spliced)
    spliced_.erase (i->second.path);
  std::erase (i->second.allocation->connections, id);
  i->second.allocation->account->connections--;
  connections_.erase (i);
  ports_.disconnect (id);
}

// Answered by connected (), or by time_out_connections ().
void Core::connect (Request &r)
{
  if (!owned (r))
    return;
  Allocation &a = *r.allocation;
  const auto peer = r.message.xor_address (Attr::xor_peer_address);
  if (a.relaying != Relaying::tcp || !peer || peer->port == 0)
    return refuse (r, code::bad_request, "Bad Request");
  if (const auto refusal = check_port (a, peer)) {
    if (refusal->code == code::forbidden)
      discard (Discard::denied_peer, r.client, *peer);
    return refuse (r, refusal->code, refusal->reason);
  }
  const auto there = [&] (ConnectionId id) { return connections_[id].peer == *peer; };
  if (std::ranges::any_of (a.connections, there))
    return refuse (r, code::connection_exists, "Connection Already Exists");
  ConnectionId id = 0;
  Connection *c = add_connection (a, *peer, r.now, id);
  if (!c)
    return refuse (r, code::insufficient_capacity, "Insufficient Capacity");
  c->transaction = r.message.transaction ();
  c->sha256 = r.sha256;
  c->fingerprint = r.message.has_fingerprint ();
  ports_.connect (id, a.relay (peer->family)->id, *peer);
}

void Core::answer_connect (const Connection &c, ConnectionId id, bool good)
{
  if (c.allocation->adrift)
    return;
  Builder b{reply_, Method::connect, good ? Class::success : Class::error, c.transaction};
  if (good) {
    b.u32 (Attr::connection_id, id);
  } else {
    stats_.errors++;
    b.error (code::connection_failed, "Connection Timeout or Failure");
  }
  finish (c.allocation->client, b, c.allocation->identity.key, c.sha256, c.fingerprint);
}

void Core::connected (ConnectionId id, bool good, TimePoint now)
{
  const auto i = connections_.find (id);
  if (i == connections_.end () || i->second.state != Connection::State::connecting)
    return;
  Connection &c = i->second;
  answer_connect (c, id, good);
  if (!good)
    return drop (i);
  stats_.connected++;
  waiting_.erase ({c.deadline, id});
  c.state = Connection::State::waiting;
  c.deadline = now + config_.limits.connection_wait;
  waiting_.emplace (c.deadline, id);
}

std::optional<ConnectionId> Core::accepted (RelayId relay, const Address &peer, TimePoint now)
{
  Allocation *a = relay < by_relay_.size () ? by_relay_[relay] : nullptr;
  ConnectionId id = 0;
  Connection *c = nullptr;
  if (!a || a->adrift)
    discard (Discard::no_allocation, {}, peer);
  else if (!a->permitted (peer, now))
    discard (Discard::no_permission, {}, peer);
  else if (c = add_connection (*a, peer, now, id); !c)
    discard (Discard::too_many_connections, {}, peer);
  if (!c)
    return {};
  stats_.connected++;
  c->state = Connection::State::waiting;
  Builder b = indication (Method::connection_attempt);
  b.u32 (Attr::connection_id, id);
  b.xor_address (Attr::xor_peer_address, peer);
  send_reply (a->client, b.message ());
  return id;
}

// Comes on a connection of its own, which is the peer's from the answer on.
void Core::connection_bind (Request &r)
{
  const auto id = r.message.u32 (Attr::connection_id);
  const auto i = id ? connections_.find (*id) : connections_.end ();
  if (!is_stream (paths_[r.client.path]->transport) || r.allocation || i == connections_.end () ||
      i->second.state != Connection::State::waiting)
    return refuse (r, code::bad_request, "Bad Request");
  Connection &c = i->second;
  if (!c.allocation->identity.same_client (r.identity))
    return refuse (r, code::wrong_credentials, "Wrong Credentials");
  waiting_.erase ({c.deadline, *id});
  c.state = Connection::State::spliced;
  c.path = r.client.path;
  spliced_[c.path] = *id;
  Builder b = begin (r, Class::success);
  finish (r, b);
  ports_.splice (*id, c.path);
}

void Core::peer_closed (ConnectionId id, TimePoint)
{
  if (const auto i = connections_.find (id); i != connections_.end ())
    drop (i);
}

TimePoint Core::relayed (ConnectionId id, bool to_peer, std::size_t bytes, TimePoint now)
{
  const auto i = connections_.find (id);
  if (i == connections_.end ())
    return now;
  Allocation &a = *i->second.allocation;
  for (Traffic *t : {&a.traffic, &stats_.traffic}) {
    (to_peer ? t->to_peers : t->to_client)++;
    (to_peer ? t->to_peers_bytes : t->to_client_bytes) += bytes;
  }
  const auto n = static_cast<double> (bytes);
  TimePoint next = now;
  if (config_.bandwidth.limited ())
    next = a.bandwidth.charge (config_.bandwidth, n, now);
  if (config_.user_bandwidth.limited ())
    next = std::max (next, a.account->bandwidth.charge (config_.user_bandwidth, n, now));
  return next;
}

// One answer in a call: poll_timeout () asks for the next one at once.
void Core::time_out_connections (TimePoint now)
{
  while (!has_out_ && !waiting_.empty () && waiting_.begin ()->first <= now) {
    const auto i = connections_.find (waiting_.begin ()->second);
    if (i->second.state == Connection::State::connecting)
      answer_connect (i->second, i->first, false);
    drop (i);
  }
}
} // namespace reach::turn::server
