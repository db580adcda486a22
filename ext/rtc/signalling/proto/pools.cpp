// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients, joins, and what the server's side does.
#include "pools.h"
#include <algorithm>

namespace reach::rtc::pool {
namespace {
std::string joined_text (const std::string &self, const std::string &pool, const std::string &peers,
    const std::string &descriptions)
{
  return "{\"client_id\":" + json::quote (self) + ",\"peers\":[" + peers + "],\"descriptions\":{" +
         descriptions + "},\"pool\":" + json::quote (pool) + "}";
}

void append_item (std::string &list, const std::string &item)
{
  if (!list.empty ())
    list += ',';
  list += item;
}
} // namespace

Pools::Pools (const Limits &limits, MakeId make_id)
    : limits_ (limits), make_id_ (std::move (make_id))
{
}

Pools::~Pools () = default;

void Pools::connect (Id client, std::string prefix)
{
  auto c = std::make_unique<Client> ();
  c->id = client;
  c->prefix = std::move (prefix);
  clients_[client] = std::move (c);
}

void Pools::disconnect (Id client, const std::string &reason)
{
  const auto at = clients_.find (client);
  if (at == clients_.end ())
    return;
  Client &c = *at->second;
  c.over = true;
  leave (c, reason);
  clients_.erase (at);
}

bool Pools::is_name (std::string_view name) const
{
  return !name.empty () && name.size () <= limits_.name &&
         std::none_of (name.begin (), name.end (),
             [] (char c) { return static_cast<unsigned char> (c) < 0x20 || c == 0x7f; }) &&
         json::parse (json::quote (name)); // UTF-8
}

bool Pools::decide (std::uint64_t request, bool yes, const std::string &pool)
{
  const auto at = requests_.find (request);
  if (at == requests_.end ())
    return false;
  Client &c = *clients_.at (at->second.client);
  const std::string asked = std::move (at->second.pool);
  requests_.erase (at);
  c.request = 0;
  Pool *p = nullptr;
  if (!yes)
    refuse (c, "refused", "This pool is not for you", asked);
  else
    p = pool_to_join (c, pool);
  if (p)
    enter (c, *p);
  else
    leave (c, {});
  return true;
}

// Null: the client was told why not.
Pools::Pool *Pools::pool_to_join (Client &c, const std::string &name)
{
  auto at = pools_.find (name);
  const bool there = at != pools_.end ();
  if (!is_name (name)) // the application's
    return refuse (c, "unknown-pool", "There is no such pool"), nullptr;
  if (limits_.private_pools && !(there && at->second.added))
    return refuse (c, "unknown-pool", "There is no such pool", name), nullptr;
  if (there && at->second.members.size () >= limits_.peers)
    return refuse (c, "full", "There are too many in this pool", name), nullptr;
  if (!there && pools_.size () >= limits_.pools)
    return refuse (c, "limit", "There are too many pools", name), nullptr;
  if (!there) {
    at = pools_.emplace (name, Pool{}).first;
    at->second.name = name;
  }
  return &at->second;
}

void Pools::enter (Client &c, Pool &p)
{
  std::string ids, descriptions;
  for (const Client *m : p.members) {
    append_item (ids, json::quote (m->peer));
    append_item (descriptions, json::quote (m->peer) + ":" + m->description);
  }
  append_item (descriptions, json::quote (c.peer) + ":" + c.description);
  tell (c, "rtc:joined", joined_text (c.peer, p.name, ids, descriptions));
  for (Client *m : p.members)
    announce (c, *m);
  c.pool = &p;
  p.members.push_back (&c);
  counters_.joins++;
  events_.push_back (Joined{c.id, p.name, c.peer});
}

// Each version has no ear for the other's message, so that who has not shown its own gets both.
void Pools::announce (const Client &c, Client &to)
{
  if (to.version != Version::v1)
    tell (to, "rtc:peer", "{\"id\":" + json::quote (c.peer) + "}");
  if (to.version != Version::v2)
    tell (to, "rtc:request_offers", "{\"for\":" + json::quote (c.peer) + "}");
  if (c.description != "null")
    tell_description (c, to);
}

void Pools::tell_description (const Client &of, Client &to)
{
  const std::string id = json::quote (of.peer);
  tell (to, "rtc:describe",
      "{\"id\":" + id + ",\"uid\":" + id + ",\"description\":" + of.description + "}");
}

// Also of one that was not let in.
void Pools::leave (Client &c, const std::string &reason)
{
  if (c.request)
    requests_.erase (std::exchange (c.request, 0));
  if (c.peer.empty ())
    return;
  const std::string peer = std::exchange (c.peer, {});
  peers_.erase (peer);
  c.description = "null";
  Pool *p = std::exchange (c.pool, nullptr);
  if (!p)
    return;
  std::erase (p->members, &c);
  const std::string id = json::quote (peer);
  for (Client *m : p->members)
    tell (*m, "rtc:close", "{\"id\":" + id + ",\"uid\":" + id + "}");
  events_.push_back (Left{p->name, peer, reason});
  drop_if_unused (*p);
}

void Pools::drop_if_unused (Pool &p)
{
  if (p.members.empty () && !p.added)
    pools_.erase (std::string (p.name));
}

bool Pools::add_pool (const std::string &name)
{
  if (!is_name (name) || (!pools_.contains (name) && pools_.size () >= limits_.pools))
    return false;
  Pool &p = pools_[name];
  p.name = name;
  p.added = true;
  return true;
}

bool Pools::remove_pool (const std::string &name)
{
  const auto at = pools_.find (name);
  if (at == pools_.end () || !at->second.added)
    return false;
  at->second.added = false;
  drop_if_unused (at->second);
  return true;
}

// Nobody hears of the others' leaving: all of them leave.
bool Pools::close_pool (const std::string &name)
{
  auto node = pools_.extract (name);
  if (!node)
    return false;
  for (Client *m : node.mapped ().members) {
    m->pool = nullptr;
    tell (*m, "rtc:stop", "{}");
    close (*m, 1000);
    peers_.erase (m->peer);
    events_.push_back (Left{name, std::exchange (m->peer, {}), "stopped"});
  }
  return true;
}

Pools::Client *Pools::member (const std::string &pool, const std::string &peer)
{
  const auto at = peers_.find (peer);
  return at != peers_.end () && at->second->pool && at->second->pool->name == pool ? at->second
                                                                                   : nullptr;
}

bool Pools::describe (const std::string &pool, const std::string &peer, std::string_view text)
{
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto at = peers_.find (peer);
  if (!v || at == peers_.end () || !(v->is (json::Kind::object) || v->is (json::Kind::null)))
    return false;
  Client &c = *at->second;
  if (c.pool && c.pool->name != pool)
    return false; // while it waits, only the application knows which pool it will be
  c.description = v->text;
  if (c.pool)
    for (Client *m : c.pool->members)
      if (m != &c)
        tell_description (c, *m);
  return true;
}

std::optional<Pools::Message> Pools::message_of (std::string_view text) const
{
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto type = v ? json::string_member (*v, "type") : std::nullopt;
  const auto data = v ? json::member (*v, "data") : std::nullopt;
  if (!type || type->empty () || type->starts_with ("rtc:") || !data ||
      !data->is (json::Kind::object))
    return {};
  return Message{*type, std::string (data->text)};
}

bool Pools::send (const std::string &pool, const std::string &peer, std::string_view text)
{
  const auto m = message_of (text);
  Client *c = member (pool, peer);
  if (!m || !c)
    return false;
  tell (*c, m->type, m->data);
  return true;
}

bool Pools::broadcast (const std::string &pool, std::string_view text)
{
  const auto m = message_of (text);
  const auto at = pools_.find (pool);
  if (!m || at == pools_.end ())
    return false;
  for (Client *c : at->second.members)
    tell (*c, m->type, m->data);
  return true;
}

void Pools::timeout (TimePoint now)
{
  while (!requests_.empty () && requests_.begin ()->second.until <= now)
    decide (requests_.begin ()->first, false, {});
}

std::optional<TimePoint> Pools::poll_timeout () const
{
  if (requests_.empty ())
    return {};
  return requests_.begin ()->second.until;
}

std::optional<Event> Pools::poll_event ()
{
  if (events_.empty ())
    return {};
  Event e = std::move (events_.front ());
  events_.pop_front ();
  return e;
}

std::optional<Transmit> Pools::poll_transmit ()
{
  if (transmits_.empty ())
    return {};
  Transmit t = std::move (transmits_.front ());
  transmits_.pop_front ();
  return t;
}
} // namespace reach::rtc::pool
