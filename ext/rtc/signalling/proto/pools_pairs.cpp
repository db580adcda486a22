// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels of two peers ("reach-pair"). Each is a pool of two, by a name that no client can ask for
// as a pool's, so that servers of a cluster agree on who is in and who was first as they do for
// pools. A peer's own name for itself is unique in its channel alone: it goes along as what pools
// know as a description.
#include "pools.h"

namespace reach::rtc::pool {
namespace {
constexpr std::string_view mark = "\x1fpair:"; // names of pools have no control characters
constexpr std::uint16_t protocol_error = 1002, policy = 1008, try_again = 1013;
} // namespace

bool Pools::is_channel (std::string_view pool)
{
  return pool.starts_with (mark);
}

std::string Pools::channel_of (const Pool &p)
{
  return p.name.substr (mark.size ());
}

// Empty: it has none.
std::string Pools::name_of (std::string_view description)
{
  const auto v = json::parse (description);
  return v ? json::string_member (*v, "name").value_or (std::string ()) : std::string ();
}

std::size_t Pools::others (const Pool &p, const Client &c)
{
  return static_cast<std::size_t> (std::count_if (
      p.members.begin (), p.members.end (), [&c] (const Client *m) { return m->name != c.name; }));
}

Pools::Client *Pools::other (const Client &c)
{
  if (!c.pool)
    return nullptr;
  const auto &all = c.pool->members;
  const auto at = std::find_if (
      all.rbegin (), all.rend (), [&c] (const Client *m) { return m->name != c.name; });
  return at == all.rend () ? nullptr : *at;
}

void Pools::join_pair (
    Id client, const std::string &channel, const std::string &name, TimePoint now)
{
  Client &c = *clients_.at (client);
  c.name = name;
  const std::string key = std::string (mark) + channel;
  replace (key, c);
  const auto at = pools_.find (key);
  if (at == pools_.end () && channels_ >= limits_.pools)
    return refuse_pair (c, "limit", "There are too many channels", try_again);
  if (at != pools_.end () && others (at->second, c) >= 2)
    return refuse_pair (c, "full", "There are two in this channel already", policy);
  c.peer = make_id_ ();
  peers_[c.peer] = &c;
  paired_++;
  c.description = "{\"name\":" + json::quote (name) + "}";
  Pool &p = pool_of (key);
  if (clustered_)
    begin (c, p, now);
  else
    enter (c, p);
}

// A client that comes again while its old connection, to this server, is not known to be dead.
void Pools::replace (const std::string &pool, const Client &by)
{
  const auto at = pools_.find (pool);
  if (at == pools_.end ())
    return;
  std::vector<Client *> old;
  for (const auto *list : {&at->second.members, &at->second.entering})
    for (Client *m : *list)
      if (m != &by && m->node.empty () && m->name == by.name &&
          (by.node.empty () || m->stamp < by.stamp || (m->stamp == by.stamp && m->peer < by.peer)))
        old.push_back (m);
  for (Client *m : old) {
    leave (*m, "replaced");
    close (*m, policy, "replaced by another connection of this peer");
  }
}

// The server of `c`, which is in, knew that somebody had left; here that may come later than `c`.
void Pools::make_room (Pool &p, const Client &c)
{
  std::vector<Client *> old, away;
  for (Client *m : p.members)
    if (m->name == c.name && !m->node.empty ())
      old.push_back (m);
    else if (!m->node.empty ())
      away.push_back (m);
  for (Client *m : old)
    remote_out (*m, "replaced");
  if (others (p, c) >= 2 && away.size () == 1)
    remote_out (*away.front (), "lost");
}

// Who comes later is polite.
void Pools::enter_pair (Client &c, Pool &p)
{
  insert (c, p);
  events_.push_back (Joined{c.id, channel_of (p), c.name});
  if (const Client *o = other (c))
    tell_pair (c, *o, true);
}

void Pools::tell_pair (Client &to, const Client &peer, bool polite)
{
  tell (to, "peer",
      {"{\"id\":", json::quote (peer.name), ",\"polite\":", polite ? "true" : "false", "}"});
}

void Pools::pair_input (Client &c, std::string_view text)
{
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto [type, data] =
      json::members<2> (v.value_or (json::Value{}), {std::string_view ("type"), "data"});
  const auto word = type ? json::string_of (*type) : std::nullopt;
  if (!word || !data || !data->is (json::Kind::object)) {
    refuse_pair (c, "malformed", "This is no message", protocol_error);
    return leave (c, "lost");
  }
  if (*word != "description" && *word != "candidate" && *word != "message")
    return; // of a later version
  Client *to = other (c);
  if (!to)
    return pair_error (c, "alone", "Nobody else is in this channel");
  if (!to->node.empty ())
    say ({Outside::Kind::relay, c.pool->name, c.peer, to->peer, {}, std::string (v->text),
        to->node});
  else if (!to->over)
    transmits_.push_back ({to->id, std::string (text)});
}

void Pools::pair_error (Client &c, const char *code, const char *sentence)
{
  tell (c, "error", {"{\"code\":\"", code, "\",\"message\":", json::quote (sentence), "}"});
}

void Pools::refuse_pair (
    Client &c, const char *code, const char *sentence, std::uint16_t close_code)
{
  pair_error (c, code, sentence);
  close (c, close_code, sentence);
}
} // namespace reach::rtc::pool
