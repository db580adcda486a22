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
  // It is others who decide how many come.
  if (c.allowed > 0) {
    c.allowed--;
    return &c;
  }
  if (c.pair ()) {
    refuse_pair (c, "rate", "Too many messages", policy);
    leave (c, "lost");
    return nullptr;
  }
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
  if (c->pair ())
    return pair_input (*c, text);
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto [type, data] =
      json::members<2> (v.value_or (json::Value{}), {std::string_view ("type"), "data"});
  if (!type || !type->is (json::Kind::string) || !data)
    return error (*c, "malformed", "A message is an object of type and data");
  if (const auto plain = json::plain_string (*type))
    dispatch (*c, *plain, *data, now);
  else
    dispatch (*c, *json::string_of (*type), *data, now);
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

Pools::Client *Pools::peer_of (const json::Value &id)
{
  const auto plain = json::plain_string (id);
  const auto at = plain ? peers_.find (*plain) : peers_.find (json::string_of (id).value_or (""));
  return at == peers_.end () ? nullptr : at->second;
}

// Null: the sender was told. Only who is in the sender's pool exists for it.
Pools::Client *Pools::target_of (Client &from, const std::optional<json::Value> &peer)
{
  Client *to = peer ? peer_of (*peer) : nullptr;
  if (to && to->pool == from.pool && to != &from)
    return to;
  error (from, "unknown-peer", "There is no such peer in this pool");
  return nullptr;
}

bool Pools::is_description (const Data &d, std::string_view type) const
{
  const auto [t, sdp] = json::members<2> (d, {std::string_view ("type"), "sdp"});
  const std::string_view text = t ? json::plain_string (*t).value_or ("") : "";
  const bool known =
      text == "offer" || text == "answer" || text == "pranswer" || text == "rollback";
  return known && (type.empty () || text == type) &&
         (sdp ? sdp->is (json::Kind::string) : text == "rollback");
}

void Pools::on_sdp (Client &c, const Data &data, TimePoint)
{
  c.version = Version::v2;
  const auto [d, peer] = json::members<2> (data, {std::string_view ("description"), "to"});
  if (!d || !is_description (*d))
    return error (c, "malformed", "description has to be one of a session");
  if (Client *to = target_of (c, peer))
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
    if (Client *to = target_of (c, i.name ()))
      relay_description (c, *to, i.value ());
  }
}

void Pools::on_answer (Client &c, const Data &data, TimePoint)
{
  c.version = Version::v1;
  const auto [d, peer] = json::members<2> (data, {std::string_view ("answer"), "for"});
  if (!d || !is_description (*d, "answer"))
    return error (c, "malformed", "This is no answer");
  if (Client *to = target_of (c, peer))
    relay_description (c, *to, *d);
}

void Pools::relay_description (Client &from, Client &to, const Data &d)
{
  if (!to.node.empty ())
    return say ({Outside::Kind::sdp, from.pool->name, from.peer, to.peer, {}, std::string (d.text),
        to.node});
  counters_.relayed++;
  if (to.version != Version::v1)
    tell (to, "rtc:sdp", {"{\"peer\":\"", from.peer, "\",\"description\":", d.text, "}"});
  if (to.version == Version::v2)
    return;
  if (is_description (d, "offer"))
    tell (to, "rtc:offer", {"{\"for\":\"", from.peer, "\",\"offer\":", d.text, "}"});
  else if (is_description (d, "answer"))
    tell (to, "rtc:answer", {"{\"for\":\"", from.peer, "\",\"answer\":", d.text, "}"});
}

void Pools::on_candidate (Client &c, const Data &data, TimePoint)
{
  const auto [candidate, peer] = json::members<2> (data, {std::string_view ("candidate"), "for"});
  if (!candidate || !(candidate->is (json::Kind::object) || candidate->is (json::Kind::null)))
    return error (c, "malformed", "candidate has to be an object or null");
  if (Client *to = target_of (c, peer))
    relay_candidate (c, *to, candidate->text);
}

void Pools::relay_candidate (Client &from, Client &to, std::string_view candidate)
{
  if (!to.node.empty ())
    return say ({Outside::Kind::candidate, from.pool->name, from.peer, to.peer, {},
        std::string (candidate), to.node});
  counters_.relayed++;
  tell (to, "rtc:candidate", {"{\"candidate\":", candidate, ",\"from\":\"", from.peer, "\"}"});
}

void Pools::on_describe (Client &c, const Data &, TimePoint)
{
  error (c, "not-allowed", "Only the server describes");
}

void Pools::tell (Client &to, std::string_view type, Pieces data)
{
  if (to.over || !to.node.empty ()) // others are told by their own server
    return;
  const std::string quoted =
      is_ours (type) ? std::string () : json::quote (type); // of ours nothing has to be escaped
  std::size_t size = to.prefix.size () + type.size () + quoted.size () + 24;
  for (const std::string_view d : data)
    size += d.size ();
  std::string text;
  text.reserve (size);
  if (to.prefix.empty ())
    text += "{\"type\":";
  else
    text.append (to.prefix).append ("[");
  if (quoted.empty ())
    text.append ("\"").append (type).append ("\"");
  else
    text += quoted;
  text += to.prefix.empty () ? ",\"data\":" : ",";
  for (const std::string_view d : data)
    text += d;
  text += to.prefix.empty () ? '}' : ']';
  transmits_.push_back ({to.id, std::move (text)});
}

void Pools::error (Client &to, const char *reason, const char *sentence, std::string_view pool)
{
  counters_.errors++;
  std::string data = "{\"message\":" + json::quote (sentence) + ",\"reason\":\"" + reason + '"';
  if (!pool.empty ())
    data += ",\"pool\":" + json::quote (pool);
  tell (to, "rtc:error", {data, "}"});
}

void Pools::refuse (Client &to, const char *reason, const char *sentence, std::string_view pool)
{
  counters_.refused++;
  error (to, reason, sentence, pool);
}

void Pools::close (Client &c, std::uint16_t code, std::string_view why)
{
  if (c.over)
    return;
  c.over = true;
  transmits_.push_back ({c.id, {}, code, why});
}
} // namespace reach::rtc::pool
