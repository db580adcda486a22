// SPDX-License-Identifier: LGPL-2.1-or-later
// Engine.IO 4 and Socket.IO 5 at the client's end, over a WebSocket: one namespace of one session.
// Sans-IO: say what texts came, and take outputs until there are none. That a server is silent is
// noticed by the WebSocket's own pings.
#pragma once
#include "socket_io.h"
#include <deque>
#include <variant>

namespace reach::rtc::sio {
class Client {
public:
  struct Send {
    std::string text; // of a WebSocket message
  };
  struct Connected {}; // to the namespace; events pass from here on
  struct Came {
    std::string type, data; // data: JSON of the first argument; null when there is none
  };
  struct Over {      // the last output
    std::string why; // in words
    bool refused;    // the server does not want this client
  };
  using Output = std::variant<Send, Connected, Came, Over>;

  // name_space: "/" or "/name". auth: JSON of an object that goes with CONNECT; empty: none.
  Client (std::string name_space, std::string auth);

  void input (std::string_view text);
  std::optional<Output> poll_output ();

  // The text of an event; data: JSON.
  std::string event (std::string_view type, std::string_view data) const;

private:
  void on_packet (std::string_view message);
  void over (std::string why, bool refused);

  const std::string name_, auth_;
  bool open_ = false, connected_ = false, over_ = false;
  std::deque<Output> outputs_;
};
} // namespace reach::rtc::sio
