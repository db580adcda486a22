// SPDX-License-Identifier: LGPL-2.1-or-later
#include "web_socket_client.h"
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace reach::rtc {
namespace {
// What is below TLS and libsoup's own streams.
Ref<GSocket> socket_of (GIOStream *stream)
{
  auto s = Ref<GIOStream>::share (stream);
  while (s && !G_IS_SOCKET_CONNECTION (s.get ())) {
    const char *below = nullptr;
    for (const char *name : {"base-iostream", "base-io-stream"})
      if (g_object_class_find_property (G_OBJECT_GET_CLASS (s.get ()), name))
        below = name;
    GIOStream *inner = nullptr;
    if (below)
      g_object_get (s.get (), below, &inner, nullptr);
    s = Ref<GIOStream>::adopt (inner);
  }
  if (!s)
    return {};
  return Ref<GSocket>::share (g_socket_connection_get_socket (G_SOCKET_CONNECTION (s.get ())));
}

// A description can take milliseconds; others of the loop have media to carry.
constexpr unsigned in_a_turn = 8; // messages
constexpr Duration longest_turn = milliseconds (1);

bool is_open (SoupWebsocketConnection *c)
{
  return c && soup_websocket_connection_get_state (c) == SOUP_WEBSOCKET_STATE_OPEN;
}
} // namespace

WebSocketClient::WebSocketClient (Loop &loop, Owner &owner, const Signaller::Config &config,
    const std::string &uri, const Limits &limits)
    : loop_ (loop), owner_ (owner), limits_ (limits), session_ (make_session (config)),
      message_ (make_message ("GET", uri, config)),
      cancel_ (Ref<GCancellable>::adopt (g_cancellable_new ())),
      self_ (std::make_shared<WebSocketClient *> (this)),
      timer_ (loop.timers (), [this] { on_timer (); })
{
  timer_.arm (Clock::now () + (message_ ? limits_.connect : Duration{}));
  if (!message_)
    return;
  late_ = "the server does not answer";
  const std::string protocol = limits_.protocol ? limits_.protocol : "";
  char *protocols[] = {const_cast<char *> (protocol.c_str ()), nullptr};
  soup_session_websocket_connect_async (
      session_.get (), message_.get (), nullptr, limits_.protocol ? protocols : nullptr,
      G_PRIORITY_DEFAULT, cancel_.get (),
      [] (GObject *session, GAsyncResult *result, gpointer user) {
        const std::unique_ptr<std::shared_ptr<WebSocketClient *>> held (
            static_cast<std::shared_ptr<WebSocketClient *> *> (user));
        GError *error = nullptr;
        const auto socket = Ref<SoupWebsocketConnection>::adopt (
            soup_session_websocket_connect_finish (SOUP_SESSION (session), result, &error));
        const ErrorPtr owned (error);
        if (WebSocketClient *self = **held)
          self->on_connected (socket.get (), error);
      },
      new std::shared_ptr<WebSocketClient *> (self_));
}

WebSocketClient::~WebSocketClient ()
{
  forget_calls ();
  drop ();
}

// What libsoup still does, it does for nobody.
void WebSocketClient::forget_calls ()
{
  *self_ = nullptr;
  g_cancellable_cancel (cancel_.get ());
}

// It is let go of outside of its own signals; and its socket is shut down before, or the end of a
// TLS connection to a server that does not read would wait for it.
void WebSocketClient::drop ()
{
  if (!socket_)
    return;
  g_signal_handlers_disconnect_by_data (socket_.get (), this);
  if (const auto s = socket_of (soup_websocket_connection_get_io_stream (socket_.get ())))
    g_socket_shutdown (s.get (), TRUE, TRUE, nullptr);
  loop_.post ([held = std::exchange (socket_, {})] {});
}

WebSocketClient::Failure WebSocketClient::refusal (const GError *error) const
{
  const guint status = soup_message_get_status (message_.get ());
  const std::string number = " (" + std::to_string (status) + ")";
  switch (status) {
  case SOUP_STATUS_BAD_REQUEST:
    return {"the server does not understand the request" + number, true};
  case SOUP_STATUS_UNAUTHORIZED:
    return {"the server wants a token, or another one" + number, true};
  case SOUP_STATUS_FORBIDDEN:
    return {"the server refuses this client" + number, true};
  case SOUP_STATUS_NOT_FOUND:
    return {"the server has nothing at this address" + number, true};
  case SOUP_STATUS_NONE:
  case SOUP_STATUS_SWITCHING_PROTOCOLS:
    return {error->message, g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) != 0};
  default:
    const char *reason = soup_message_get_reason_phrase (message_.get ());
    return {"the server answers " + std::string (reason ? reason : "") + number, false};
  }
}

void WebSocketClient::on_connected (SoupWebsocketConnection *c, const GError *error)
{
  if (!c)
    return over (refusal (error));
  socket_ = Ref<SoupWebsocketConnection>::share (c);
  late_ = "the server is silent";
  alive ();
  soup_websocket_connection_set_max_incoming_payload_size (c, limits_.message);
  soup_websocket_connection_set_keepalive_interval (c, limits_.ping);
  if (const auto s = socket_of (soup_websocket_connection_get_io_stream (c));
      s && limits_.unanswered.count () > 0)
    g_socket_set_option (s.get (), IPPROTO_TCP, TCP_USER_TIMEOUT,
        static_cast<int> (std::chrono::duration_cast<milliseconds> (limits_.unanswered).count ()),
        nullptr);
  g_signal_connect (c, "message",
      G_CALLBACK (+[] (SoupWebsocketConnection *, gint kind, GBytes *bytes, gpointer user) {
        auto &self = *static_cast<WebSocketClient *> (user);
        gsize n = 0;
        const auto *text = static_cast<const char *> (g_bytes_get_data (bytes, &n));
        self.alive ();
        if (kind == SOUP_WEBSOCKET_DATA_TEXT)
          self.on_message ({text, n});
      }),
      this);
  g_signal_connect (c, "pong",
      G_CALLBACK (+[] (SoupWebsocketConnection *, GBytes *, gpointer user) {
        auto &self = *static_cast<WebSocketClient *> (user);
        self.unread_ = 0;
        self.alive ();
      }),
      this);
  g_signal_connect (c, "closed", G_CALLBACK (+[] (SoupWebsocketConnection *, gpointer user) {
    static_cast<WebSocketClient *> (user)->on_closed ();
  }),
      this);
  owner_.on_socket_open (*this);
}

void WebSocketClient::on_closed ()
{
  const gushort code = soup_websocket_connection_get_close_code (socket_.get ());
  const char *why = soup_websocket_connection_get_close_data (socket_.get ());
  Failure f{why && *why ? why : "the connection to the signalling server was lost",
      code == SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION || code == SOUP_WEBSOCKET_CLOSE_PROTOCOL_ERROR};
  if (waiting_.empty ())
    return over (f);
  timer_.cancel ();
  end_ = std::move (f);
}

void WebSocketClient::on_message (std::string_view text)
{
  if (waiting_.size () >= limits_.waiting_messages ||
      waiting_bytes_ + text.size () > limits_.waiting_bytes)
    return over ({"the server sends faster than can be handled", false});
  waiting_.emplace_back (text);
  waiting_bytes_ += text.size ();
  if (!std::exchange (pumping_, true))
    loop_.post ([self = self_] {
      if (*self)
        (*self)->pump ();
    });
}

void WebSocketClient::pump ()
{
  const auto self = self_; // the owner may destroy us
  const TimePoint end = Clock::now () + longest_turn;
  for (unsigned n = 0; n < in_a_turn && !waiting_.empty () && (n == 0 || Clock::now () < end);
       n++) {
    const std::string text = std::move (waiting_.front ());
    waiting_.pop_front ();
    waiting_bytes_ -= text.size ();
    owner_.on_socket_text (*this, text);
    if (!*self)
      return;
  }
  pumping_ = !waiting_.empty ();
  if (pumping_)
    loop_.post ([self] {
      if (*self)
        (*self)->pump ();
    });
  else if (end_)
    over (Failure (*end_));
}

void WebSocketClient::alive ()
{
  if (is_open (socket_.get ())) // once closed, only the other side's close frame counts
    timer_.arm (Clock::now () + limits_.silence);
}

void WebSocketClient::on_timer ()
{
  if (!message_)
    return over ({"this is no address of a server", true});
  over ({late_, false});
}

void WebSocketClient::over (const Failure &f)
{
  timer_.cancel ();
  forget_calls ();
  drop ();
  const Failure said = f; // the owner may destroy us
  owner_.on_socket_over (*this, said);
}

void WebSocketClient::send (const std::string &text)
{
  if (!is_open (socket_.get ()))
    return;
  unread_ += text.size ();
  if (unread_ > limits_.unread) {
    late_ = "the server does not read";
    return timer_.arm (Clock::now ());
  }
  soup_websocket_connection_send_text (socket_.get (), text.c_str ());
}

void WebSocketClient::close ()
{
  late_ = "closed";
  if (!is_open (socket_.get ())) {
    forget_calls ();
    return timer_.arm (Clock::now ());
  }
  soup_websocket_connection_close (socket_.get (), SOUP_WEBSOCKET_CLOSE_NORMAL, nullptr);
  timer_.arm (Clock::now () + limits_.close);
}
} // namespace reach::rtc
