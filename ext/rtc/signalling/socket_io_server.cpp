// SPDX-License-Identifier: LGPL-2.1-or-later
#include "socket_io_server.h"
#include "common/proto/http1_text.h"
#include "random_id.h"

namespace reach::rtc {
using Transport = eio::Session::Transport;

SocketIoServer::Session::Session (
    SocketIoServer &server, std::string id, Transport first, Shares::Place p)
    : sid (std::move (id)), core (server.limits_.session, sid, first, Clock::now ()),
      timer (server.loop_.timers (), [this, &server] { server.on_timer (*this); }),
      connect_by (Clock::now () + server.limits_.connect), place (std::move (p))
{
}

SocketIoServer::SocketIoServer (Loop &loop, Owner &owner, const Gate &gate, const Limits &limits)
    : loop_ (loop), owner_ (owner), gate_ (gate), limits_ (limits), strangers_ (limits.sessions)
{
}

SocketIoServer::~SocketIoServer () = default;

bool SocketIoServer::is_for (const http::Request &r)
{
  return r.path == path || (r.path.starts_with (path) && r.path.substr (path.size ()) == "/");
}

// As Engine.IO's own server says it, so that clients know the code.
void SocketIoServer::refuse (WebConnection &c, unsigned status, unsigned code, const char *sentence)
{
  const std::string origin = gate_.allow_origin (c.request ());
  WebConnection::Headers headers;
  if (!origin.empty ())
    headers.emplace_back ("Access-Control-Allow-Origin", origin);
  if (status == 401)
    headers.emplace_back ("WWW-Authenticate", "Bearer");
  c.respond (status, "application/json",
      "{\"code\":" + std::to_string (code) + ",\"message\":" + json::quote (sentence) + "}",
      headers);
}

void SocketIoServer::respond (WebConnection &c, const std::string &body)
{
  const std::string origin = gate_.allow_origin (c.request ());
  WebConnection::Headers headers{{"Cache-Control", "no-store"}};
  if (!origin.empty ())
    headers.emplace_back ("Access-Control-Allow-Origin", origin);
  c.respond (200, "text/plain; charset=UTF-8", body, headers);
}

// Null: it was answered.
SocketIoServer::Session *SocketIoServer::begin (WebConnection &c, Transport first)
{
  // With a token that comes with CONNECT the handshake is open; nothing else is.
  const auto query = http::Query::parse (c.request ().query);
  const bool said = c.request ().header ("authorization") || (query && query->get ("token"));
  if (said && !gate_.has_token (c.request ()))
    return refuse (c, 401, 4, "This token is not the right one"), nullptr;
  Shares::Place place = strangers_.take (network_of (c.peer_address ().text ()));
  if (!place || sessions_.size () >= limits_.sessions)
    return refuse (c, 503, 4, "There are too many sessions"), nullptr;
  const std::string sid = random_id ();
  auto owned = std::make_unique<Session> (*this, sid, first, std::move (place));
  Session *s = owned.get ();
  s->trusted = gate_.open () || said;
  sessions_.emplace (sid, std::move (owned));
  connections_[&c] = s;
  return s;
}

void SocketIoServer::on_request (WebConnection &c)
{
  const http::Request &r = c.request ();
  if (!gate_.knows_origin (r))
    return refuse (c, 403, 4, "Pages of this origin are not served here");
  if (r.method == "OPTIONS")
    return c.respond (204, "", "",
        {{"Access-Control-Allow-Origin", gate_.allow_origin (r)},
            {"Access-Control-Allow-Methods", "GET, POST"},
            {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
            {"Access-Control-Max-Age", "600"}});
  const auto query = http::Query::parse (r.query);
  const auto get = [&] (const char *name) {
    const std::string *v = query ? query->get (name) : nullptr;
    return v ? *v : std::string ();
  };
  if (get ("EIO") != "4")
    return refuse (c, 400, 5, "Unsupported protocol version");
  if (get ("transport") != "polling")
    return refuse (c, 400, 0, "Transport unknown");
  const std::string sid = get ("sid");
  const auto at = sessions_.find (sid);
  if (!sid.empty () && at == sessions_.end ())
    return refuse (c, 400, 1, "Session ID unknown");
  Session *s = sid.empty () ? nullptr : at->second.get ();
  if (s && !s->stranger)
    c.let_in ();
  if (r.method == "GET")
    return on_get (c, s);
  if (!s || r.method != "POST")
    return refuse (c, 400, 2, "Bad handshake method");
  on_post (c, *s);
}

void SocketIoServer::on_get (WebConnection &c, Session *s)
{
  if (!s) {
    s = begin (c, Transport::polling);
    if (!s)
      return;
    s->get = &c;
    return drain (*s);
  }
  if (s->core.over () || s->core.waiting ()) {
    s->core.get (); // a second one at a time ends the session
    refuse (c, 400, 3, "Bad request");
    return drain (*s);
  }
  s->get = &c;
  connections_[&c] = s;
  if (!s->core.get ()) {
    s->get = nullptr;
    connections_.erase (&c);
    refuse (c, 400, 3, "Bad request");
  }
  drain (*s);
}

void SocketIoServer::on_post (WebConnection &c, Session &s)
{
  const std::string_view body (
      reinterpret_cast<const char *> (c.body ().data ()), c.body ().size ());
  if (s.core.post (body, Clock::now ()))
    respond (c, "ok");
  else
    refuse (c, 400, 3, "Bad request");
  drain (s);
}

void SocketIoServer::on_upgrade (WebConnection &c)
{
  const auto query = http::Query::parse (c.request ().query);
  const std::string *version = query ? query->get ("EIO") : nullptr;
  const std::string *transport = query ? query->get ("transport") : nullptr;
  const std::string *sid = query ? query->get ("sid") : nullptr;
  if (!gate_.knows_origin (c.request ()))
    return refuse (c, 403, 4, "Pages of this origin are not served here");
  if (!version || *version != "4")
    return refuse (c, 400, 5, "Unsupported protocol version");
  if (!transport || *transport != "websocket")
    return refuse (c, 400, 0, "Transport unknown");
  if (!sid || sid->empty ()) {
    Session *s = begin (c, Transport::web_socket);
    if (!s)
      return;
    s->socket = &c;
    c.accept ({});
    return drain (*s);
  }
  const auto at = sessions_.find (*sid);
  if (at == sessions_.end ())
    return refuse (c, 400, 1, "Session ID unknown");
  Session &s = *at->second;
  if (s.socket || !s.core.attach (Clock::now ()))
    return refuse (c, 400, 3, "Bad request");
  s.socket = &c;
  connections_[&c] = &s;
  if (!s.stranger)
    c.let_in ();
  c.accept ({});
  drain (s);
}

bool SocketIoServer::on_text (WebConnection &c, std::string_view text)
{
  const auto at = connections_.find (&c);
  if (at == connections_.end ())
    return false;
  Session &s = *at->second;
  s.core.socket_text (text, Clock::now ());
  drain (s);
  return true;
}

bool SocketIoServer::on_over (WebConnection &c, unsigned code)
{
  const auto at = connections_.find (&c);
  if (at == connections_.end ())
    return false;
  Session &s = *at->second;
  connections_.erase (at);
  if (s.get == &c) {
    s.get = nullptr;
    s.core.get_gone ();
  } else if (s.socket == &c) {
    s.socket = nullptr;
    s.core.socket_gone (code == WebSocket::normal || code == WebSocket::going_away || code == 1005);
  }
  drain (s);
  return true;
}

void SocketIoServer::on_timer (Session &s)
{
  const TimePoint now = Clock::now ();
  if (now >= s.connect_by) {
    s.connect_by = TimePoint::max ();
    s.core.close (Clock::now ());
  }
  s.core.timeout (now);
  drain (s);
}

// What is put out can make more: the first caller does all of it.
void SocketIoServer::drain (Session &s)
{
  if (s.draining)
    return;
  s.draining = true;
  while (auto o = s.core.poll_output ())
    if (!put_out (s, *o))
      return;
  s.draining = false;
  s.timer.arm (std::min (s.core.poll_timeout (), s.connect_by));
}

// False: it was the last one.
bool SocketIoServer::put_out (Session &s, eio::Output &o)
{
  if (auto *m = std::get_if<eio::Message> (&o)) {
    on_message (s, m->text);
  } else if (auto *r = std::get_if<eio::Respond> (&o)) {
    if (WebConnection *c = std::exchange (s.get, nullptr)) {
      connections_.erase (c);
      respond (*c, r->body);
    }
  } else if (auto *t = std::get_if<eio::SocketText> (&o)) {
    if (s.socket)
      s.socket->send (t->text);
  } else if (std::holds_alternative<eio::SocketClose> (o)) {
    if (WebConnection *c = std::exchange (s.socket, nullptr)) {
      connections_.erase (c);
      c->close (WebSocket::normal);
    }
  } else {
    end (s, std::get<eio::Closed> (o).reason);
    return false;
  }
  return true;
}

void SocketIoServer::end (Session &s, const std::string &reason)
{
  for (auto &[name, client] : std::exchange (s.names, {})) {
    clients_.erase (client);
    owner_.on_client_gone (client, reason);
  }
  for (WebConnection *c : {s.get, s.socket})
    connections_.erase (c);
  s.timer.cancel ();
  auto node = sessions_.extract (s.sid);
  loop_.destroy_later (std::move (node.mapped ())); // it may be its caller
}

void SocketIoServer::on_message (Session &s, std::string_view text)
{
  const auto p = sio::parse (text);
  if (!p)
    return s.core.close (Clock::now ());
  if (p->type == sio::Type::connect)
    return on_connect (s, *p);
  const auto at = s.names.find (p->name);
  if (at == s.names.end ())
    return; // it was closed while this was on its way
  const Client c = at->second;
  if (p->type == sio::Type::event)
    return on_event (s, c, *p);
  if (p->type != sio::Type::disconnect)
    return; // nothing was asked
  s.names.erase (at);
  clients_.erase (c);
  owner_.on_client_gone (c, "closed");
}

void SocketIoServer::on_connect (Session &s, const sio::Packet &p)
{
  const auto refused = [&] (const char *why) {
    s.core.send (
        sio::text_of (sio::Type::connect_error, p.name, "{\"message\":" + json::quote (why) + "}"));
  };
  const auto auth = json::parse (p.payload);
  const auto token = auth ? json::string_member (*auth, "token") : std::nullopt;
  if (!s.trusted && !(token && gate_.is_token (*token)))
    return refused (token ? "This token is not the right one"
                          : "A token is needed: in auth, in the query, or Authorization: Bearer");
  if (s.names.contains (p.name))
    return s.core.close (Clock::now ());
  if (s.names.size () >= limits_.names)
    return refused ("There are too many namespaces");
  const Client c = owner_.on_client (sio::event_prefix (p.name));
  s.connect_by = TimePoint::max ();
  s.names.emplace (p.name, c);
  clients_.emplace (c, std::make_pair (&s, p.name));
  s.core.send (sio::text_of (sio::Type::connect, p.name, "{\"sid\":\"" + random_id () + "\"}"));
}

void SocketIoServer::on_event (Session &s, Client c, const sio::Packet &p)
{
  const auto e = sio::parse_event (p.payload, json::max_depth);
  if (!p.ack.empty ())
    s.core.send (sio::text_of (sio::Type::ack, p.name, p.ack + "[]"));
  if (e)
    owner_.on_client_event (c, e->name, e->data);
  else
    owner_.on_client_malformed (c);
}

SocketIoServer::Session *SocketIoServer::session_of (Client c)
{
  const auto at = clients_.find (c);
  return at == clients_.end () ? nullptr : at->second.first;
}

void SocketIoServer::send (Client c, std::string_view text)
{
  Session *s = session_of (c);
  if (!s)
    return;
  s->core.send (text);
  drain (*s);
}

void SocketIoServer::let_in (Client c)
{
  Session *s = session_of (c);
  if (!s)
    return;
  s->stranger = false;
  s->place = {};
  if (s->socket)
    s->socket->let_in ();
}

void SocketIoServer::close (Client c)
{
  const auto at = clients_.find (c);
  if (at == clients_.end ())
    return;
  auto [s, name] = at->second;
  clients_.erase (at);
  s->names.erase (name);
  s->core.send (sio::text_of (sio::Type::disconnect, name));
  owner_.on_client_gone (c, "closed");
  if (s->names.empty ())
    s->core.close (Clock::now ());
  drain (*s);
}
} // namespace reach::rtc
