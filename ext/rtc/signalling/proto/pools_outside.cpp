// SPDX-License-Identifier: LGPL-2.1-or-later
// Members that are connected to other servers. Who joins waits until all servers know that it wants
// to, and until everybody with an earlier stamp is in or out: so all of them see the same order,
// and of each two members one is polite.
#include "pools.h"

namespace reach::rtc::pool {
using Kind = Outside::Kind;

namespace {
bool is_object (std::string_view data)
{
  const auto v = json::parse (data);
  return v && v->is (json::Kind::object);
}

bool is_member_description (std::string_view data)
{
  return data == "null" || is_object (data);
}
} // namespace

void Pools::say (Outside o)
{
  if (clustered_)
    outsides_.push_back (std::move (o));
}

std::optional<Outside> Pools::poll_outside ()
{
  if (outsides_.empty ())
    return {};
  Outside o = std::move (outsides_.front ());
  outsides_.pop_front ();
  return o;
}

void Pools::begin (Client &c, Pool &p, TimePoint now)
{
  c.entering = &p;
  c.agreed = false;
  c.stamp = ++clock_;
  c.until = now + limits_.decision;
  p.entering.push_back (&c);
  entering_.insert (c.id);
  say ({Kind::want, p.name, c.peer, {}, {}, c.description, {}, c.stamp});
}

void Pools::agreed (const std::string &peer)
{
  const auto at = peers_.find (peer);
  if (at == peers_.end () || !at->second->entering || !at->second->node.empty ())
    return;
  at->second->agreed = true;
  advance (*at->second->entering);
}

void Pools::advance (Pool &p)
{
  while (!p.entering.empty ()) {
    const auto first =
        std::min_element (p.entering.begin (), p.entering.end (), [] (Client *a, Client *b) {
          return a->stamp != b->stamp ? a->stamp < b->stamp : a->peer < b->peer;
        });
    Client &c = **first;
    if (!c.node.empty () || !c.agreed)
      return;
    if (c.pair () && others (p, c) >= 2) { // who was earlier on another server
      refuse_pair (c, "full", "There are two in this channel already", 1008);
      return leave (c, {}); // which goes on with those behind it
    }
    p.entering.erase (first);
    entering_.erase (c.id);
    c.entering = nullptr;
    say ({Kind::in, p.name, c.peer, {}, {}, c.description, {}, c.stamp});
    enter (c, p);
  }
}

void Pools::outside (const std::string &node, const Outside &o)
{
  const bool of_pairs =
      o.kind == Kind::want || o.kind == Kind::in || o.kind == Kind::out || o.kind == Kind::relay;
  if (is_channel (o.pool) ? !of_pairs : !is_name (o.pool))
    return;
  switch (o.kind) {
  case Kind::want:
    return remote_enters (node, o, false);
  case Kind::in:
    return remote_enters (node, o, true);
  case Kind::broadcast:
    if (is_object (o.data))
      tell_all (o.pool, o.type, o.data, o.except);
    return;
  case Kind::stop:
    stop (o.pool);
    return;
  case Kind::add:
    if (pools_.contains (o.pool) || pools () < limits_.pools)
      pool_of (o.pool).added = true;
    return;
  case Kind::remove:
    if (const auto at = pools_.find (o.pool); at != pools_.end ()) {
      at->second.added = false;
      drop_if_unused (at->second);
    }
    return;
  default:
    return remote (node, o);
  }
}

// What is about members that both servers know.
void Pools::remote (const std::string &node, const Outside &o)
{
  const auto peer = peers_.find (o.peer), to = peers_.find (o.to);
  Client *from = peer != peers_.end () ? peer->second : nullptr;
  Client *target = to != peers_.end () && to->second->node.empty () ? to->second : nullptr;
  const auto data = json::parse (o.data);
  if (o.kind == Kind::send && target && target->pool && is_object (o.data))
    return tell (*target, o.type, {o.data});
  if (o.kind == Kind::describe && from && data && from->node.empty ()) {
    describe (o.pool, o.peer, o.data); // it is ours, and all hear of it
    return;
  }
  if (!from || from->node != node)
    return;
  if (o.kind == Kind::out)
    return remote_out (*from, o.type);
  if (!data)
    return;
  if (o.kind == Kind::describe)
    return is_member_description (o.data) ? set_description (*from, data->text) : void ();
  if (!target || !from->pool || target->pool != from->pool)
    return;
  if (from->pair ()) {
    if (o.kind == Kind::relay && data->is (json::Kind::object) && !target->over)
      transmits_.push_back ({target->id, std::string (data->text)});
    return;
  }
  if (o.kind == Kind::sdp && is_description (*data))
    relay_description (*from, *target, *data);
  else if (o.kind == Kind::candidate)
    relay_candidate (*from, *target, data->text);
}

void Pools::remote_enters (const std::string &node, const Outside &o, bool in)
{
  const std::string name = is_channel (o.pool) ? name_of (o.data) : std::string ();
  if (is_channel (o.pool) && name.empty ())
    return;
  auto &owned = remotes_[o.peer];
  if (!owned) {
    if (peers_.contains (o.peer)) {
      remotes_.erase (o.peer); // one of ours: nobody else has its id
      return;
    }
    owned = std::make_unique<Client> ();
    owned->peer = o.peer;
    owned->node = node;
    owned->stamp = o.stamp;
    owned->name = name;
    owned->entering = &pool_of (o.pool);
    owned->entering->entering.push_back (owned.get ());
    peers_[o.peer] = owned.get ();
  }
  Client &c = *owned;
  if (c.node != node || c.pool || !is_member_description (o.data))
    return;
  c.description = o.data;
  advance_clock (o.stamp);
  if (c.pair ())
    replace (o.pool, c);
  if (!in)
    return;
  if (c.pair ())
    make_room (*c.entering, c);
  Pool &p = *std::exchange (c.entering, nullptr);
  std::erase (p.entering, &c);
  insert (c, p);
  advance (p);
}

void Pools::remote_out (Client &c, const std::string &reason)
{
  const std::string peer = c.peer;
  Pool *p = c.pool ? c.pool : c.entering;
  std::erase (p->members, &c);
  std::erase (p->entering, &c);
  const bool was_in = c.pool;
  if (was_in)
    for (Client *m : p->members)
      tell_gone (*m, c, peer, reason);
  peers_.erase (peer);
  remotes_.erase (peer);
  advance (*p);
  drop_if_unused (*p);
}

void Pools::node_gone (const std::string &node)
{
  std::vector<Client *> gone;
  for (const auto &[peer, c] : remotes_)
    if (c->node == node)
      gone.push_back (c.get ());
  for (Client *c : gone)
    remote_out (*c, "lost");
}

// They can come again: what they are told now would not be true for long.
void Pools::let_go ()
{
  while (!remotes_.empty ())
    node_gone (remotes_.begin ()->second->node);
  std::vector<Client *> all;
  for (const auto &[id, c] : clients_)
    if (c->pool || c->entering)
      all.push_back (c.get ());
  for (Client *c : all)
    close (*c, 1013); // none is told that another leaves: their media may go on
  for (Client *c : all)
    leave (*c, "cluster");
  outsides_.clear ();
}

std::vector<Outside> Pools::snapshot () const
{
  std::vector<Outside> all;
  for (const auto &[name, p] : pools_) {
    if (p.added)
      all.push_back ({Kind::add, name});
    for (const auto *list : {&p.members, &p.entering})
      for (const Client *c : *list)
        if (c->node.empty ())
          all.push_back ({list == &p.members ? Kind::in : Kind::want, name, c->peer, {}, {},
              c->description, {}, c->stamp});
  }
  return all;
}
} // namespace reach::rtc::pool
