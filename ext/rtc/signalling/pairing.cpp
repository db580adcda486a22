// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pairing.h"
#include "common/proto/http1_text.h"
#include "json.h"
#include <glib.h>

namespace reach::rtc {
namespace {
bool is_name (const std::string &s, std::size_t most)
{
  return !s.empty () && s.size () <= most &&
         g_utf8_validate (s.data (), gssize (s.size ()), nullptr);
}

std::string message (
    const char *type, std::initializer_list<std::pair<const char *, std::string>> m)
{
  JsonObjectPtr data (json_object_new ());
  for (const auto &[name, value] : m)
    json_object_set_string_member (data.get (), name, value.c_str ());
  return envelope (type, std::move (data));
}
} // namespace

Pairing::~Pairing () = default;

std::optional<Pairing::Wish> Pairing::wish_of (const http::Request &r, const Limits &limits)
{
  Wish w;
  const auto channel = http::percent_decode (std::string_view (r.path).substr (1));
  const auto query = http::Query::parse (r.query);
  if (!channel || !query || !is_name (*channel, limits.name))
    return {};
  w.channel = *channel;
  if (const std::string *p = query->get ("peer"))
    w.peer = *p;
  if (!w.peer.empty () && !is_name (w.peer, limits.name))
    return {};
  if (w.peer.empty ()) {
    gchar *id = g_uuid_string_random ();
    w.peer = id;
    g_free (id);
  }
  return w;
}

Pairing::Member *Pairing::other (const Member &m)
{
  const Channel &c = channels_.find (m.channel)->second;
  return c.first == &m ? c.second : c.first;
}

void Pairing::tell_peer (Member &m, bool polite, const std::string &peer)
{
  JsonObjectPtr data (json_object_new ());
  json_object_set_string_member (data.get (), "id", peer.c_str ());
  json_object_set_boolean_member (data.get (), "polite", polite);
  m.connection->send (envelope ("peer", std::move (data)));
}

void Pairing::refuse (
    WebConnection &c, const char *code, const char *sentence, WebSocket::Code close)
{
  c.send (message ("error", {{"code", code}, {"message", sentence}}));
  c.close (close, sentence);
}

// A client that comes again while its old connection is not known to be dead.
void Pairing::replace (const Wish &w)
{
  const auto at = channels_.find (w.channel);
  if (at == channels_.end ())
    return;
  for (Member *m : {at->second.first, at->second.second}) {
    if (!m || m->peer != w.peer)
      continue;
    WebConnection *old = m->connection;
    leave (*m, "replaced");
    old->close (WebSocket::policy, "replaced by another connection of this peer");
    return;
  }
}

void Pairing::join (WebConnection &c, const Wish &w)
{
  if (c.over ())
    return;
  replace (w);
  auto at = channels_.find (w.channel);
  if (at == channels_.end ()) {
    if (channels_.size () >= limits_.channels)
      return refuse (c, "limit", "There are too many channels", WebSocket::try_again);
    at = channels_.emplace (w.channel, Channel{}).first;
  }
  Channel &channel = at->second;
  if (channel.first && channel.second)
    return refuse (c, "full", "There are two in this channel already", WebSocket::policy);
  auto member = std::make_unique<Member> (Member{&c, w.channel, w.peer, {}});
  Member *m = member.get ();
  members_.emplace (&c, std::move (member));
  (channel.first ? channel.second : channel.first) = m;
  c.let_in ();
  owner_.on_pair_joined (w.channel, w.peer);
  if (Member *o = other (*m)) { // who comes later is polite
    tell_peer (*m, true, o->peer);
    tell_peer (*o, false, m->peer);
  }
}

void Pairing::on_text (WebConnection &c, std::string_view text)
{
  const auto at = members_.find (&c);
  if (at == members_.end ())
    return;
  Member &m = *at->second;
  if (!m.messages.take (limits_.messages, 1, Clock::now ()))
    return refuse (c, "rate", "Too many messages", WebSocket::policy);
  const JsonObjectPtr o = parse_json_object (text);
  const auto type = o ? string_member (o.get (), "type") : std::nullopt;
  if (!type || !object_member (o.get (), "data"))
    return refuse (c, "malformed", "This is no message", WebSocket::protocol_error);
  if (*type != "description" && *type != "candidate" && *type != "message")
    return; // of a later version
  if (Member *peer = other (m))
    peer->connection->send (text);
  else
    c.send (message ("error", {{"code", "alone"}, {"message", "Nobody else is in this channel"}}));
}

void Pairing::leave (Member &m, const std::string &reason)
{
  Member *o = other (m);
  const auto at = channels_.find (m.channel);
  (at->second.first == &m ? at->second.first : at->second.second) = nullptr;
  if (!at->second.first && !at->second.second)
    channels_.erase (at);
  const std::string channel = m.channel, peer = m.peer;
  members_.erase (m.connection);
  if (o)
    o->connection->send (message ("left", {{"id", peer}, {"reason", reason}}));
  owner_.on_pair_left (channel, peer, reason);
}

void Pairing::on_over (WebConnection &c, unsigned code)
{
  const auto at = members_.find (&c);
  if (at != members_.end ())
    leave (*at->second,
        code == WebSocket::normal || code == WebSocket::going_away ? "closed" : "lost");
}
} // namespace reach::rtc
