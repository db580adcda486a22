// SPDX-License-Identifier: LGPL-2.1-or-later
// The frames of one WebSocket (RFC 6455) at the server's end, by wslay, over a socket that is
// somebody else's. Loop thread only.
#pragma once
#include "common/stream_socket.h"
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

struct wslay_event_context;

namespace reach::rtc {
class WebSocket {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_text (std::string_view text) = 0; // UTF-8, whole
    virtual void on_alive () = 0;                     // anything came
    // The last call: our close frame has left, or the peer broke the protocol. code: the peer's,
    // or 1006 when it gave none.
    virtual void on_socket_over (unsigned code) = 0;
  };
  enum Code : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported = 1003, // binary frames
    policy = 1008,
    too_big = 1009,
    try_again = 1013,
  };

  // max_message: bytes of one message that comes, 1 to 16 MiB.
  WebSocket (StreamSocket &socket, Owner &owner, std::size_t max_message);
  ~WebSocket ();
  WebSocket (const WebSocket &) = delete;
  WebSocket &operator= (const WebSocket &) = delete;

  void input (Bytes bytes);
  // It leaves with flush (), or with what is sent next. Nothing after close ().
  void send (std::string_view text);
  std::size_t unsent () const { return out_.size (); } // bytes that wait for flush ()
  void ping ();
  void close (Code code, std::string_view reason = {});
  bool closing () const { return closing_; }
  void flush ();

private:
  struct Calls; // wslay's, into this
  void queue (std::uint8_t opcode, std::string_view payload);
  void queue_out ();
  void check_over ();

  StreamSocket &socket_;
  Owner &owner_;
  wslay_event_context *context_ = nullptr;
  Bytes in_;
  std::vector<std::uint8_t> out_; // whole frames
  unsigned peer_code_ = 1006;
  bool closing_ = false, over_ = false, inside_ = false;
};
} // namespace reach::rtc
