// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients send, and how it is passed on.
#include "pools.h"

namespace reach::rtc::pool {
namespace {
constexpr std::uint16_t policy = 1008;

// A word behind rtc:, which makes a message the pool's matter.
bool is_ours (std::string_view type)
{
  return type.starts_with ("rtc:") && type.size () > 4;
}
} // namespace

Pools::Handler Pools::handler_of (std::string_view type)
{
  static const std::unordered_map<std::string_view, Handler> handlers{{"rtc:join", &Pools::on_join},
      {"rtc:sdp", &Pools::on_sdp}, {"rtc:candidate", &Pools::on_candidate},
      {"rtc:offers", &Pools::on_offers}, {"rtc:answer", &Pools::on_answer},
      {"rtc:describe", &Pools::on_describe}};
  const auto at = handlers.find (type);
  return at == handlers.end () ? nullptr : at->second;
}

// Null: it is unknown, or is being closed, perhaps just now.
Pools::Client *Pools::awake (Id client, TimePoint now)
{
  const auto at = clients_.find (client);
  if (at == clients_.end () || at->second->over)
    return nullptr;
  Client &c = *at->second;
  if (c.messages.take (limits_.messages, 1, now))
    return &c;
  error (c, "rate", "Too many messages");
  close (c, policy);
  leave (c, "limit");
  return nullptr;
}

void Pools::input (Id client, std::string_view text, TimePoint now)
{
  Client *c = awake (client, now);
  if (!c)
    return;
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto type = v ? json::string_member (*v, "type") : std::nullopt;
  const auto data = v ? json::member (*v, "data") : std::nullopt;
  if (!type || !data)
    return error (*c, "malformed", "A message is an object of type and data");
  dispatch (*c, *type, *data, now);
}

void Pools::event (Id client, std::string_view type, const json::Value &data, TimePoint now)
{
  if (Client *c = awake (client, now))
    dispatch (*c, type, data, now);
}

void Pools::malformed (Id client, TimePoint now)
{
  if (Client *c = awake (client, now))
    error (*c, "malformed", "An event has a name and one object");
}

void Pools::dispatch (Client &c, std::string_view type, const Data &data, TimePoint now)
{
  if (!is_ours (type)) {
    if (c.pool)
      events_.push_back (
          AppMessage{c.pool->name, c.peer, std::string (type), std::string (data.text)});
    return;
  }
  const Handler h = handler_of (type);
  if (!h)
    return error (c, "unknown-type", "This type of message is not known");
  if (!data.is (json::Kind::object))
    return error (c, "malformed", "data has to be an object");
  if (!c.pool && h != &Pools::on_join)
    return error (c, "not-joined", "Join a pool first");
  (this->*h) (c, data, now);
}

void Pools::on_join (Client &c, const Data &data, TimePoint now)
{
  if (c.pool || c.request || c.entering)
    return error (c, "joined", "One connection joins one pool");
  const auto name = json::string_member (data, "pool");
  if (!name || !is_name (*name))
    return refuse (c, "no-pool", "pool has to be a name");
  if (requests_.size () >= limits_.waiting)
    return refuse (c, "limit", "Too many are waiting to be let in", *name);
  c.peer = make_id_ ();
  peers_[c.peer] = &c;
  c.request = ++last_request_;
  requests_.emplace (c.request, Request{c.id, *name, now + limits_.decision});
  events_.push_back (JoinRequest{c.request, *name, c.peer});
}

// Null: the sender was told. Only who is in the sender's pool exists for it.
Pools::Client *Pools::target_of (Client &from, const std::optional<std::string> &peer)
{
  const auto at = peer ? peers_.find (*peer) : peers_.end ();
  if (at != peers_.end () && at->second->pool == from.pool && at->second != &from)
    return at->second;
  error (from, "unknown-peer", "There is no such peer in this pool");
  return nullptr;
}

bool Pools::is_description (const Data &d, std::string_view type) const
{
  const auto t = json::string_member (d, "type");
  const auto sdp = json::member (d, "sdp");
  const bool known = t && (*t == "offer" || *t == "answer" || *t == "pranswer" || *t == "rollback");
  return known && (type.empty () || *t == type) &&
         (sdp ? sdp->is (json::Kind::string) : *t == "rollback");
}

void Pools::on_sdp (Client &c, const Data &data, TimePoint)
{
  c.version = Version::v2;
  const auto d = json::member (data, "description");
  if (!d || !is_description (*d))
    return error (c, "malformed", "description has to be one of a session");
  if (Client *to = target_of (c, json::string_member (data, "to")))
    relay_description (c, *to, *d);
}

void Pools::on_offers (Client &c, const Data &data, TimePoint)
{
  c.version = Version::v1;
  std::size_t n = 0;
  for (json::Items i (data); i.next ();) {
    if (++n > limits_.peers)
      return error (c, "malformed", "These are more offers than peers");
    if (!is_description (i.value (), "offer"))
      return error (c, "malformed", "This is no offer");
    if (Client *to = target_of (c, json::string_of (i.name ())))
      relay_description (c, *to, i.value ());
  }
}

void Pools::on_answer (Client &c, const Data &data, TimePoint)
{
  c.version = Version::v1;
  const auto d = json::member (data, "answer");
  if (!d || !is_description (*d, "answer"))
    return error (c, "malformed", "This is no answer");
  if (Client *to = target_of (c, json::string_member (data, "for")))
    relay_description (c, *to, *d);
}

void Pools::relay_description (Client &from, Client &to, const Data &d)
{
  if (!to.node.empty ())
    return say ({Outside::Kind::sdp, from.pool->name, from.peer, to.peer, {}, std::string (d.text),
        to.node});
  const std::string peer = json::quote (from.peer), text (d.text);
  counters_.relayed++;
  if (to.version != Version::v1)
    tell (to, "rtc:sdp", "{\"peer\":" + peer + ",\"description\":" + text + "}");
  if (to.version == Version::v2)
    return;
  if (is_description (d, "offer"))
    tell (to, "rtc:offer", "{\"for\":" + peer + ",\"offer\":" + text + "}");
  else if (is_description (d, "answer"))
    tell (to, "rtc:answer", "{\"for\":" + peer + ",\"answer\":" + text + "}");
}

void Pools::on_candidate (Client &c, const Data &data, TimePoint)
{
  const auto candidate = json::member (data, "candidate");
  if (!candidate || !(candidate->is (json::Kind::object) || candidate->is (json::Kind::null)))
    return error (c, "malformed", "candidate has to be an object or null");
  if (Client *to = target_of (c, json::string_member (data, "for")))
    relay_candidate (c, *to, candidate->text);
}

void Pools::relay_candidate (Client &from, Client &to, std::string_view candidate)
{
  if (!to.node.empty ())
    return say ({Outside::Kind::candidate, from.pool->name, from.peer, to.peer, {},
        std::string (candidate), to.node});
  counters_.relayed++;
  tell (to, "rtc:candidate",
      "{\"candidate\":" + std::string (candidate) + ",\"from\":" + json::quote (from.peer) + "}");
}

void Pools::on_describe (Client &c, const Data &, TimePoint)
{
  error (c, "not-allowed", "Only the server describes");
}

void Pools::tell (Client &to, std::string_view type, std::string_view data)
{
  if (to.over || !to.node.empty ()) // others are told by their own server
    return;
  std::string text;
  text.reserve (to.prefix.size () + type.size () + data.size () + 32);
  if (to.prefix.empty ())
    text.append ("{\"type\":").append (json::quote (type)).append (",\"data\":");
  else
    text.append (to.prefix).append ("[").append (json::quote (type)).append (",");
  text.append (data).append (to.prefix.empty () ? "}" : "]");
  transmits_.push_back ({to.id, std::move (text)});
}

void Pools::error (Client &to, const char *reason, const char *sentence, std::string_view pool)
{
  counters_.errors++;
  std::string data = "{\"message\":" + json::quote (sentence) + ",\"reason\":\"" + reason + '"';
  if (!pool.empty ())
    data += ",\"pool\":" + json::quote (pool);
  tell (to, "rtc:error", data + "}");
}

void Pools::refuse (Client &to, const char *reason, const char *sentence, std::string_view pool)
{
  counters_.refused++;
  error (to, reason, sentence, pool);
}

void Pools::close (Client &c, std::uint16_t code)
{
  if (c.over)
    return;
  c.over = true;
  transmits_.push_back ({c.id, {}, code});
}
} // namespace reach::rtc::pool
