// SPDX-License-Identifier: LGPL-2.1-or-later
// A session of Engine.IO with requests, frames and time that passes, and packets of socket.io. The
// input is a list of steps: {what, length, bytes}.
#include "rtc/signalling/proto/engine_io.h"
#include "rtc/signalling/proto/socket_io.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

// What the layer above keeps.
struct Shell {
  Shell (const eio::Limits &l, eio::Session::Transport t)
      : session (l, "e1", t, now), waiting (t == eio::Session::Transport::polling),
        socket (t == eio::Session::Transport::web_socket)
  {
  }
  void drain ()
  {
    while (auto o = session.poll_output ()) {
      require (!closed);
      if (auto *r = std::get_if<eio::Respond> (&*o)) {
        require (waiting && eio::parse_body (r->body, 100000).has_value ());
        waiting = false;
      } else if (std::holds_alternative<eio::SocketText> (*o)) {
        require (socket);
      } else if (std::holds_alternative<eio::SocketClose> (*o)) {
        require (socket);
        socket = false;
      } else if (auto *m = std::get_if<eio::Message> (&*o)) {
        on_message (m->text);
      } else {
        closed = true;
      }
    }
    require (closed == session.over ());
    require (!closed || (!waiting && !socket));
  }
  void on_message (const std::string &text)
  {
    const auto p = sio::parse (text);
    if (!p)
      return;
    const auto e = sio::parse_event (p->payload, 8);
    if (e)
      require (json::parse (e->data.text).has_value ());
    require (p->name.find (',') == std::string::npos);
    if (text.find (eio::separator) == std::string::npos) // it came by WebSocket
      session.send (sio::text_of (p->type, p->name, p->payload));
  }
  void step (std::uint8_t what, std::string_view bytes)
  {
    switch (what % 9) {
    case 0:
      if (waiting)
        return; // the layer above refuses it
      waiting = true;
      if (!session.get ())
        waiting = false; // answered with 400
      break;
    case 1:
      session.post (bytes, now);
      break;
    case 2:
      if (!socket && session.attach (now))
        socket = true;
      break;
    case 3:
      if (socket)
        session.socket_text (bytes, now);
      break;
    case 4:
      if (socket) {
        socket = false;
        session.socket_gone (bytes.empty ());
      }
      break;
    case 5:
      if (waiting) {
        waiting = false;
        session.get_gone ();
      }
      break;
    case 6:
      if (bytes.find (eio::separator) == bytes.npos) // no JSON has one
        session.send (std::string ("4").append (bytes.substr (0, 100)));
      break;
    case 7:
      now += seconds (bytes.size ());
      session.timeout (now);
      break;
    default:
      session.close (now);
    }
  }

  TimePoint now{};
  eio::Session session;
  bool waiting, socket, closed = false;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  eio::Limits l;
  l.payload = 200;
  l.unread = 1000;
  l.packets = 10;
  Shell s (l, data[0] & 1 ? eio::Session::Transport::polling : eio::Session::Transport::web_socket);
  s.drain ();
  std::string_view in (reinterpret_cast<const char *> (data + 1), size - 1);
  while (in.size () >= 2) {
    const auto what = static_cast<std::uint8_t> (in[0]);
    const std::size_t n = std::min<std::size_t> (static_cast<std::uint8_t> (in[1]), in.size () - 2);
    const std::string bytes (in.substr (2, n));
    in.remove_prefix (2 + n);
    s.step (what, bytes);
    s.drain ();
  }
  // Left alone, it ends by itself.
  for (int i = 0; i < 4; i++) {
    s.now += seconds (60);
    s.session.timeout (s.now);
    s.drain ();
  }
  require (s.closed);
  return 0;
}
