// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_members.h"
#include "rtc/signalling/random_id.h"

namespace reach::rtc {
PoolMembers::PoolMembers (Loop &loop, Owner &owner, const Gate &gate, const pool::Limits &pools,
    const SocketIoServer::Limits &socket_io, std::unique_ptr<ClusterBus> bus)
    : owner_ (owner), core_ (pools, random_id, bus != nullptr),
      socket_io_ (loop, *this, gate, socket_io), timer_ (loop.timers (),
                                                     [this] {
                                                       core_.timeout (Clock::now ());
                                                       drain ();
                                                     }),
      cluster_timer_ (loop.timers (),
          [this] {
            cluster_->timeout (Clock::now ());
            drain ();
          }),
      bus_ (std::move (bus))
{
  if (!bus_)
    return;
  cluster_ =
      std::make_unique<pool::Cluster> (core_, bus_->node (), pool::Cluster::Times{}, Clock::now ());
  bus_->start (loop, [this] (std::string_view text) {
    cluster_->input (text, Clock::now ());
    drain ();
  });
  cluster_timer_.arm (Clock::now ());
}

PoolMembers::~PoolMembers ()
{
  if (!cluster_)
    return;
  cluster_->stop ();
  drain_cluster ();
}

void PoolMembers::open (WebConnection &c)
{
  const pool::Id id = ++last_;
  raw_[&c] = id;
  connections_[id] = &c;
  core_.connect (id);
}

void PoolMembers::open_pair (WebConnection &c, const pairing::Wish &w)
{
  if (c.over ())
    return;
  open (c);
  core_.join_pair (last_, w.channel, w.peer, Clock::now ());
  drain ();
}

bool PoolMembers::on_text (WebConnection &c, std::string_view text)
{
  const auto at = raw_.find (&c);
  if (at == raw_.end ())
    return socket_io_.on_text (c, text);
  core_.input (at->second, text, Clock::now ());
  drain ();
  return true;
}

bool PoolMembers::on_over (WebConnection &c, unsigned code)
{
  const auto at = raw_.find (&c);
  if (at == raw_.end ())
    return socket_io_.on_over (c, code);
  const pool::Id id = at->second;
  raw_.erase (at);
  connections_.erase (id);
  const bool orderly = code == WebSocket::normal || code == WebSocket::going_away || code == 1005;
  core_.disconnect (id, orderly ? "closed" : "lost");
  drain ();
  return true;
}

PoolMembers::Client PoolMembers::on_client (const std::string &event_prefix)
{
  core_.connect (++last_, event_prefix);
  return last_;
}

void PoolMembers::on_client_event (Client c, const std::string &name, const json::Value &data)
{
  core_.event (c, name, data, Clock::now ());
  drain ();
}

void PoolMembers::on_client_malformed (Client c)
{
  core_.malformed (c, Clock::now ());
  drain ();
}

void PoolMembers::on_client_gone (Client c, const std::string &reason)
{
  core_.disconnect (c, reason);
  drain ();
}

// Closing a client makes events and transmits itself: the first caller does all of it.
void PoolMembers::drain ()
{
  if (draining_)
    return;
  draining_ = true;
  for (;;) {
    drain_cluster (); // which can make more of the others
    while (auto t = core_.poll_transmit ())
      put_out (*t);
    auto e = core_.poll_event ();
    if (!e)
      break;
    if (const auto *joined = std::get_if<pool::Joined> (&*e))
      let_in (joined->client);
    owner_.on_pool_event (*e);
  }
  draining_ = false;
  if (const auto next = core_.poll_timeout ())
    timer_.arm (*next);
  else
    timer_.cancel ();
}

void PoolMembers::drain_cluster ()
{
  if (!cluster_)
    return;
  while (auto m = cluster_->poll_message ())
    if (!bus_->publish (m->node, m->text))
      unsent_++;
  cluster_timer_.arm (cluster_->poll_timeout ());
}

void PoolMembers::put_out (const pool::Transmit &t)
{
  const auto at = connections_.find (t.to);
  if (at == connections_.end ())
    return t.close ? socket_io_.close (t.to) : socket_io_.send (t.to, t.text);
  if (t.close)
    at->second->close (static_cast<WebSocket::Code> (t.close), t.why);
  else
    at->second->send (t.text);
}

void PoolMembers::let_in (pool::Id id)
{
  const auto at = connections_.find (id);
  if (at == connections_.end ())
    socket_io_.let_in (id);
  else
    at->second->let_in ();
}
} // namespace reach::rtc
