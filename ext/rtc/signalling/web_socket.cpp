// SPDX-License-Identifier: LGPL-2.1-or-later
#include "web_socket.h"
#include <algorithm>
#include <cstring>
#include <wslay/wslay.h>

namespace reach::rtc {
struct WebSocket::Calls {
  static WebSocket &self (void *p) { return *static_cast<WebSocket *> (p); }

  static ssize_t receive (
      wslay_event_context_ptr ctx, std::uint8_t *out, std::size_t room, int, void *user)
  {
    Bytes &in = self (user).in_;
    if (in.empty ()) {
      wslay_event_set_error (ctx, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t n = std::min (room, in.size ());
    std::memcpy (out, in.data (), n);
    in = in.subspan (n);
    return static_cast<ssize_t> (n);
  }
  static ssize_t send (
      wslay_event_context_ptr, const std::uint8_t *data, std::size_t n, int, void *user)
  {
    self (user).socket_.queue (slice_of ({data, data + n}));
    return static_cast<ssize_t> (n);
  }
  static void message (wslay_event_context_ptr, const wslay_event_on_msg_recv_arg *m, void *user)
  {
    WebSocket &w = self (user);
    if (m->opcode == WSLAY_CONNECTION_CLOSE) {
      w.peer_code_ = m->status_code ? m->status_code : 1005;
      w.closing_ = true; // wslay answers by itself
    } else if (m->opcode == WSLAY_TEXT_FRAME && !w.closing_) {
      w.owner_.on_text ({reinterpret_cast<const char *> (m->msg), m->msg_length});
    } else if (m->opcode == WSLAY_BINARY_FRAME) {
      w.close (unsupported, "text only");
    }
  }
};

WebSocket::WebSocket (StreamSocket &socket, Owner &owner, std::size_t max_message)
    : socket_ (socket), owner_ (owner)
{
  static constexpr wslay_event_callbacks calls = {
      Calls::receive, Calls::send, nullptr, nullptr, nullptr, nullptr, Calls::message};
  if (wslay_event_context_server_init (&context_, &calls, this) != 0)
    throw std::bad_alloc ();
  wslay_event_config_set_max_recv_msg_length (context_, max_message);
}

WebSocket::~WebSocket ()
{
  wslay_event_context_free (context_);
}

void WebSocket::input (Bytes bytes)
{
  if (over_)
    return;
  in_ = bytes;
  inside_ = true;
  owner_.on_alive ();
  if (wslay_event_recv (context_) != 0)
    closing_ = true; // out of memory alone: what the peer does wrong is answered by a close frame
  inside_ = false;
  in_ = {};
  flush ();
}

void WebSocket::queue (std::uint8_t opcode, std::string_view payload)
{
  const wslay_event_msg m{
      opcode, reinterpret_cast<const std::uint8_t *> (payload.data ()), payload.size ()};
  if (!closing_ && !over_)
    wslay_event_queue_msg (context_, &m);
}

// Messages of one round are put together here, which is one write and one piece of memory; what a
// frame of a server's begins with is two to ten bytes (RFC 6455, 5.2). Control frames are wslay's.
void WebSocket::send (std::string_view text)
{
  if (closing_ || over_)
    return;
  std::uint8_t head[10] = {0x81};
  std::size_t n = 2;
  if (text.size () < 126) {
    head[1] = static_cast<std::uint8_t> (text.size ());
  } else if (text.size () < 65536) {
    head[1] = 126;
    store_be (head + 2, static_cast<std::uint16_t> (text.size ()));
    n = 4;
  } else {
    head[1] = 127;
    store_be (head + 2, std::uint64_t{text.size ()});
    n = 10;
  }
  out_.insert (out_.end (), head, head + n);
  out_.insert (out_.end (), text.begin (), text.end ());
}

void WebSocket::queue_out ()
{
  if (!out_.empty ())
    socket_.queue (slice_of (std::exchange (out_, {})));
}

void WebSocket::ping ()
{
  queue (WSLAY_PING, {});
  if (!inside_)
    flush ();
}

void WebSocket::close (Code code, std::string_view reason)
{
  if (closing_ || over_)
    return;
  reason = reason.substr (0, 123);
  queue_out ();
  wslay_event_send (context_); // or the close frame would leave before what is queued
  wslay_event_queue_close (
      context_, code, reinterpret_cast<const std::uint8_t *> (reason.data ()), reason.size ());
  closing_ = true;
  if (!inside_)
    flush ();
}

void WebSocket::flush ()
{
  if (over_)
    return;
  queue_out ();
  wslay_event_send (context_);
  socket_.flush ();
  check_over ();
}

// The peer need not be waited for: what it still sends is read and thrown away by the socket.
void WebSocket::check_over ()
{
  if (!wslay_event_get_close_sent (context_))
    return;
  over_ = true;
  owner_.on_socket_over (peer_code_);
}
} // namespace reach::rtc
