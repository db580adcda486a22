// SPDX-License-Identifier: LGPL-2.1-or-later
// Sessions of socket.io on a web server: HTTP long polling and WebSocket, and the way from one to
// the other. Each namespace that a client connects to is a client of the pools. Loop thread only.
#pragma once
#include "common/loop.h"
#include "gate.h"
#include "proto/engine_io.h"
#include "proto/socket_io.h"
#include <map>
#include <unordered_map>

namespace reach::rtc {
class SocketIoServer {
public:
  using Client = std::uint64_t; // a namespace of a session
  class Owner {
  public:
    virtual ~Owner () = default;
    // event_prefix: how what is sent to it begins.
    virtual Client on_client (const std::string &event_prefix) = 0;
    virtual void on_client_event (Client c, const std::string &name, const json::Value &data) = 0;
    virtual void on_client_malformed (Client c) = 0;
    virtual void on_client_gone (Client c, const std::string &reason) = 0;
  };
  struct Limits {
    eio::Limits session;
    std::size_t sessions = 10000;
    std::size_t names = 8;           // namespaces of one session
    Duration connect = seconds (45); // for the first one to be connected to
  };
  static constexpr std::string_view path = "/socket.io";

  SocketIoServer (Loop &loop, Owner &owner, const Gate &gate, const Limits &limits);
  ~SocketIoServer ();

  static bool is_for (const http::Request &r);
  void on_request (WebConnection &c);
  void on_upgrade (WebConnection &c);
  // False: it is none of its own.
  bool on_text (WebConnection &c, std::string_view text);
  bool on_over (WebConnection &c, unsigned code);

  void send (Client c, std::string_view text); // an event with its prefix
  void close (Client c);                       // its namespace, and the session behind the last one
  void let_in (Client c);                      // it does not count as a stranger any more
  std::size_t sessions () const { return sessions_.size (); }

private:
  struct Session {
    Session (
        SocketIoServer &server, std::string id, eio::Session::Transport first, Shares::Place p);
    const std::string sid;
    eio::Session core;
    Timer timer;
    TimePoint connect_by;
    WebConnection *get = nullptr, *socket = nullptr;
    std::map<std::string, Client, std::less<>> names;
    Shares::Place place;  // until it is let in
    bool trusted = false; // its token came with the handshake, or none is needed
    bool stranger = true, draining = false;
  };

  void refuse (WebConnection &c, unsigned status, unsigned code, const char *sentence);
  void respond (WebConnection &c, const std::string &body);
  Session *begin (WebConnection &c, eio::Session::Transport first);
  Session *session_of (Client c);
  void on_get (WebConnection &c, Session *s);
  void on_post (WebConnection &c, Session &s);
  void on_message (Session &s, std::string_view text);
  void on_connect (Session &s, const sio::Packet &p);
  void on_event (Session &s, Client c, const sio::Packet &p);
  void on_timer (Session &s);
  void drain (Session &s);
  bool put_out (Session &s, eio::Output &o);
  void end (Session &s, const std::string &reason);

  Loop &loop_;
  Owner &owner_;
  const Gate &gate_;
  const Limits limits_;
  Shares strangers_;
  std::unordered_map<std::string, std::unique_ptr<Session>> sessions_;
  std::unordered_map<WebConnection *, Session *> connections_; // that wait, or are WebSockets
  std::unordered_map<Client, std::pair<Session *, std::string>> clients_;
};
} // namespace reach::rtc
