// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_service.h"

namespace reach::rtc {
namespace {
// Requests of pairs and of pools are counted by themselves; outside they share one space.
constexpr std::uint64_t pair_id (std::uint64_t n)
{
  return n * 2;
}
constexpr std::uint64_t pool_id (std::uint64_t n)
{
  return n * 2 + 1;
}
} // namespace

PoolService::PoolService (Owner &owner, const Limits &limits, const Access &access,
    std::string folder, std::unique_ptr<ClusterBus> bus)
    : owner_ (owner), limits_ (limits), gate_ (access.token, access.origins),
      files_ (std::move (folder)), bus_ (std::move (bus))
{
}

PoolService::~PoolService () = default;

void PoolService::on_start (Loop &loop)
{
  PoolMembers::Owner &self = *this;
  members_ = std::make_unique<PoolMembers> (
      loop, self, gate_, limits_.pools, limits_.socket_io, std::move (bus_));
  timer_ = std::make_unique<Timer> (loop.timers (), [this] { on_timer (); });
}

void PoolService::on_stop ()
{
  timer_.reset ();
  members_.reset ();
}

void PoolService::on_request (WebConnection &c)
{
  const http::Request &r = c.request ();
  if (SocketIoServer::is_for (r))
    return members_->socket_io ().on_request (c);
  if (r.method != "GET" && r.method != "HEAD")
    return c.respond (405, "text/plain", "Only GET is known here.\n", {{"Allow", "GET, HEAD"}});
  const auto file = files_.get (r.path);
  if (!file)
    return c.respond (404, "text/plain", "There is no such page here.\n");
  c.respond (200, file->type, file->bytes,
      {{"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}});
}

void PoolService::on_upgrade (WebConnection &c)
{
  if (SocketIoServer::is_for (c.request ()))
    return members_->socket_io ().on_upgrade (c);
  if (gate_.refused (c))
    return;
  if (c.offers (pairing::protocol))
    return upgrade_pair (c);
  if (c.request ().header ("sec-websocket-protocol"))
    return c.respond (400, "text/plain",
        "The sub-protocol that is known here is " + std::string (pairing::protocol) +
            "; pools have none.\n");
  c.accept ({});
  members_->open (c);
}

void PoolService::upgrade_pair (WebConnection &c)
{
  const auto wish = pairing::wish_of (c.request ());
  if (!wish)
    return c.respond (400, "text/plain", "The path has to name a channel.\n");
  if (requests_.size () >= limits_.requests)
    return c.respond (503, "text/plain", "Too many are waiting to be let in.\n");
  const std::uint64_t id = ++last_request_;
  requests_.emplace (id, Request{&c, *wish, Clock::now () + limits_.pools.decision});
  if (!timer_->armed ())
    timer_->arm (requests_.begin ()->second.until);
  if (!owner_.on_join_request (pair_id (id), wish->channel, wish->peer, false))
    decide_pair (id, false);
}

void PoolService::on_timer ()
{
  const TimePoint now = Clock::now ();
  while (!requests_.empty () && requests_.begin ()->second.until <= now)
    decide_pair (requests_.begin ()->first, false);
  if (!requests_.empty ())
    timer_->arm (requests_.begin ()->second.until);
}

bool PoolService::decide (std::uint64_t id, bool yes, const std::string &pool)
{
  if (!members_)
    return false;
  if (id == pair_id (id / 2))
    return decide_pair (id / 2, yes);
  return members_->run (
      [&] (pool::Pools &p) { return p.decide (id / 2, yes, pool, Clock::now ()); });
}

bool PoolService::decide_pair (std::uint64_t id, bool yes)
{
  const auto at = requests_.find (id);
  if (at == requests_.end ())
    return false;
  const Request r = std::move (at->second);
  requests_.erase (at);
  if (!yes) {
    r.connection->respond (403, "text/plain", "This channel is not for you.\n");
    return true;
  }
  r.connection->accept (pairing::protocol);
  members_->open_pair (*r.connection, r.wish);
  return true;
}

void PoolService::on_text (WebConnection &c, std::string_view text)
{
  members_->on_text (c, text);
}

void PoolService::on_over (WebConnection &c, unsigned code)
{
  if (!members_->on_over (c, code))
    std::erase_if (requests_, [&c] (const auto &r) { return r.second.connection == &c; });
}

void PoolService::on_pool_event (pool::Event &e)
{
  if (const auto *r = std::get_if<pool::JoinRequest> (&e)) {
    const std::uint64_t id = r->request;
    if (!owner_.on_join_request (pool_id (id), r->pool, r->peer, true))
      members_->run ([id] (pool::Pools &p) { return p.decide (id, false, {}, Clock::now ()); });
  } else if (const auto *j = std::get_if<pool::Joined> (&e)) {
    owner_.on_peer_joined (j->pool, j->peer);
  } else if (const auto *l = std::get_if<pool::Left> (&e)) {
    owner_.on_peer_left (l->pool, l->peer, l->reason);
  } else {
    owner_.on_app_message (std::get<pool::AppMessage> (e));
  }
}
} // namespace reach::rtc
