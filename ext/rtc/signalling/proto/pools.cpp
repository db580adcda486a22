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

Pools::Pools (const Limits &limits, MakeId make_id, bool clustered)
    : limits_ (limits), make_id_ (std::move (make_id)), clustered_ (clustered)
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

bool Pools::decide (std::uint64_t request, bool yes, const std::string &pool, TimePoint now)
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
  if (p && clustered_)
    begin (c, *p, now);
  else if (p)
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
  if (there && at->second.members.size () + at->second.entering.size () >= limits_.peers)
    return refuse (c, "full", "There are too many in this pool", name), nullptr;
  if (!there && pools () >= limits_.pools)
    return refuse (c, "limit", "There are too many pools", name), nullptr;
  return &pool_of (name);
}

Pools::Pool &Pools::pool_of (const std::string &name)
{
  const auto [at, is_new] = pools_.try_emplace (name);
  if (is_new) {
    at->second.name = name;
    channels_ += is_channel (name);
  }
  return at->second;
}

void Pools::enter (Client &c, Pool &p)
{
  if (c.pair ())
    return enter_pair (c, p);
  std::string ids, descriptions;
  for (const Client *m : p.members) {
    append_item (ids, json::quote (m->peer));
    append_item (descriptions, json::quote (m->peer) + ":" + m->description);
  }
  append_item (descriptions, json::quote (c.peer) + ":" + c.description);
  tell (c, "rtc:joined", {joined_text (c.peer, p.name, ids, descriptions)});
  insert (c, p);
  counters_.joins++;
  events_.push_back (Joined{c.id, p.name, c.peer});
}

// The others are told of it.
void Pools::insert (Client &c, Pool &p)
{
  for (Client *m : p.members) {
    announce (c, *m);
    for (Client *one : {m, &c})
      one->allowed = std::min (one->allowed + limits_.for_each, limits_.for_each * limits_.peers);
  }
  if (!c.stamp)
    c.stamp = ++clock_;
  c.pool = &p;
  const auto later = [] (const Client *a, const Client *b) { return a->stamp < b->stamp; };
  p.members.insert (std::upper_bound (p.members.begin (), p.members.end (), &c, later), &c);
}

// Each version has no ear for the other's message, so that who has not shown its own gets both.
void Pools::announce (const Client &c, Client &to)
{
  if (c.pair ())
    return tell_pair (to, c, false);
  if (to.version != Version::v1)
    tell (to, "rtc:peer", {"{\"id\":\"", c.peer, "\"}"});
  if (to.version != Version::v2)
    tell (to, "rtc:request_offers", {"{\"for\":\"", c.peer, "\"}"});
  if (c.description != "null")
    tell_description (c, to);
}

void Pools::tell_description (const Client &of, Client &to)
{
  tell (to, "rtc:describe",
      {"{\"id\":\"", of.peer, "\",\"uid\":\"", of.peer, "\",\"description\":", of.description,
          "}"});
}

void Pools::tell_gone (
    Client &to, const Client &c, const std::string &peer, const std::string &reason)
{
  if (c.pair ())
    tell (
        to, "left", {"{\"id\":", json::quote (c.name), ",\"reason\":", json::quote (reason), "}"});
  else
    tell (to, "rtc:close", {"{\"id\":\"", peer, "\",\"uid\":\"", peer, "\"}"});
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
  paired_ -= c.pair ();
  c.description = "null";
  c.stamp = 0;
  if (Pool *e = std::exchange (c.entering, nullptr)) {
    std::erase (e->entering, &c);
    entering_.erase (c.id);
    say ({Outside::Kind::out, e->name, peer});
    advance (*e);
    return drop_if_unused (*e);
  }
  Pool *p = std::exchange (c.pool, nullptr);
  if (!p)
    return;
  say ({Outside::Kind::out, p->name, peer, {}, c.pair () ? reason : std::string ()});
  std::erase (p->members, &c);
  for (Client *m : p->members)
    tell_gone (*m, c, peer, reason);
  if (c.pair ())
    events_.push_back (Left{channel_of (*p), c.name, reason});
  else
    events_.push_back (Left{p->name, peer, reason});
  drop_if_unused (*p);
}

void Pools::drop_if_unused (Pool &p)
{
  if (!p.members.empty () || !p.entering.empty () || p.added)
    return;
  channels_ -= is_channel (p.name);
  pools_.erase (std::string (p.name));
}

bool Pools::add_pool (const std::string &name)
{
  if (!is_name (name) || (!pools_.contains (name) && pools () >= limits_.pools))
    return false;
  pool_of (name).added = true;
  say ({Outside::Kind::add, name});
  return true;
}

bool Pools::remove_pool (const std::string &name)
{
  const auto at = pools_.find (name);
  if (at == pools_.end () || !at->second.added)
    return false;
  at->second.added = false;
  say ({Outside::Kind::remove, name});
  drop_if_unused (at->second);
  return true;
}

bool Pools::close_pool (const std::string &name)
{
  if (!stop (name))
    return false;
  say ({Outside::Kind::stop, name});
  return true;
}

// Nobody hears of the others' leaving: all of them leave.
bool Pools::stop (const std::string &name)
{
  if (is_channel (name))
    return false;
  auto node = pools_.extract (name);
  if (!node)
    return false;
  Pool &p = node.mapped ();
  p.members.insert (p.members.end (), p.entering.begin (), p.entering.end ());
  for (Client *m : p.members) {
    const std::string peer = std::exchange (m->peer, {});
    const bool was_in = std::exchange (m->pool, nullptr);
    m->entering = nullptr;
    entering_.erase (m->id);
    peers_.erase (peer);
    if (remotes_.erase (peer))
      continue;
    m->description = "null";
    m->stamp = 0;
    if (!was_in) {
      refuse (*m, "unknown-pool", "The pool was closed", name);
      continue;
    }
    tell (*m, "rtc:stop", {"{}"});
    close (*m, 1000);
    events_.push_back (Left{name, peer, "stopped"});
  }
  return true;
}

Pools::Client *Pools::member (const std::string &pool, const std::string &peer)
{
  const auto at = peers_.find (peer);
  Client *c = at == peers_.end () || at->second->pair () ? nullptr : at->second;
  return c && c->pool && c->pool->name == pool ? c : nullptr;
}

bool Pools::describe (const std::string &pool, const std::string &peer, std::string_view text)
{
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto at = peers_.find (peer);
  if (!v || at == peers_.end () || !(v->is (json::Kind::object) || v->is (json::Kind::null)))
    return false;
  Client &c = *at->second;
  if (c.pair () || (c.pool && c.pool->name != pool))
    return false; // while it waits, only the application knows which pool it will be
  if (!c.node.empty ()) {
    say ({Outside::Kind::describe, pool, peer, {}, {}, std::string (v->text), c.node});
    return true;
  }
  set_description (c, v->text);
  if (c.pool || c.entering)
    say ({Outside::Kind::describe, pool, peer, {}, {}, c.description});
  return true;
}

void Pools::set_description (Client &c, std::string_view text)
{
  c.description = text;
  if (c.pool)
    for (Client *m : c.pool->members)
      if (m != &c)
        tell_description (c, *m);
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
  if (c->node.empty ())
    tell (*c, m->type, {m->data});
  else
    say ({Outside::Kind::send, pool, {}, peer, m->type, m->data, c->node});
  return true;
}

bool Pools::broadcast (
    const std::string &pool, std::string_view text, const std::vector<std::string> &except)
{
  const auto m = message_of (text);
  if (!m || !tell_all (pool, m->type, m->data, except))
    return false;
  Outside o{Outside::Kind::broadcast, pool, {}, {}, m->type, m->data};
  o.except = except;
  say (std::move (o));
  return true;
}

bool Pools::tell_all (const std::string &pool, std::string_view type, std::string_view data,
    const std::vector<std::string> &except)
{
  const auto at = pools_.find (pool);
  if (at == pools_.end () || is_channel (pool))
    return false;
  const std::set<std::string_view> none (except.begin (), except.end ());
  for (Client *c : at->second.members)
    if (!none.contains (c->peer))
      tell (*c, type, {data});
  return true;
}

void Pools::timeout (TimePoint now)
{
  while (!requests_.empty () && requests_.begin ()->second.until <= now)
    decide (requests_.begin ()->first, false, {}, now);
  for (const Id id : std::vector<Id> (entering_.begin (), entering_.end ())) {
    Client &c = *clients_.at (id);
    if (!c.entering || c.until > now)
      continue;
    if (c.pair ())
      refuse_pair (c, "cluster", "The servers do not agree", 1013);
    else
      refuse (c, "cluster", "The servers do not agree", c.entering->name);
    leave (c, {});
  }
}

std::optional<TimePoint> Pools::poll_timeout () const
{
  std::optional<TimePoint> next;
  if (!requests_.empty ())
    next = requests_.begin ()->second.until;
  for (const Id id : entering_) {
    const TimePoint t = clients_.at (id)->until;
    next = next ? std::min (*next, t) : t;
  }
  return next;
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
