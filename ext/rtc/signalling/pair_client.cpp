// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pair_client.h"
#include "json.h"
#include "pairing.h"
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace reach::rtc {
namespace {
constexpr guint keepalive = 20;                // seconds between pings
constexpr int unanswered = 5000;               // milliseconds, of what was sent by TCP
constexpr std::size_t max_message = 256 << 10; // bytes that come

std::string random_id ()
{
  const CharPtr id (g_uuid_string_random ());
  return id.get ();
}

SignalledCandidate candidate_of (JsonObject *data)
{
  SignalledCandidate c;
  JsonObject *o = object_member (data, "candidate");
  if (!o)
    return c; // null: the end
  c.candidate = string_member (o, "candidate").value_or ("");
  c.mid = string_member (o, "sdpMid").value_or ("");
  c.ufrag = string_member (o, "usernameFragment").value_or ("");
  c.mline = static_cast<int> (json_object_get_int_member_with_default (o, "sdpMLineIndex", -1));
  return c;
}

// When our address has changed TCP would try for a quarter of an hour.
void give_up_soon (SoupWebsocketConnection *c)
{
  auto stream = Ref<GIOStream>::share (soup_websocket_connection_get_io_stream (c));
  for (const char *below : {"base-iostream", "base-io-stream"}) { // libsoup's, and TLS
    GIOStream *base = nullptr;
    if (!g_object_class_find_property (G_OBJECT_GET_CLASS (stream.get ()), below))
      continue;
    g_object_get (stream.get (), below, &base, nullptr);
    stream = Ref<GIOStream>::adopt (base);
  }
  if (stream && G_IS_SOCKET_CONNECTION (stream.get ()))
    g_socket_set_option (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream.get ())),
        IPPROTO_TCP, TCP_USER_TIMEOUT, unanswered, nullptr);
}
} // namespace

PairClient::PairClient (Loop &loop, Owner &owner, const Config &config)
    : owner_ (owner), config_ (config), id_ (random_id ()), session_ (make_session (config)),
      self_ (std::make_shared<PairClient *> (this)),
      cancel_ (Ref<GCancellable>::adopt (g_cancellable_new ())), again_ (loop.timers (), [this] {
        if (!leaving_)
          connect ();
        else if (const auto done = std::exchange (done_, nullptr))
          done ();
      })
{
  again_.arm (Clock::now ());
}

PairClient::~PairClient ()
{
  *self_ = nullptr;
  g_cancellable_cancel (cancel_.get ());
  if (!socket_)
    return;
  g_signal_handlers_disconnect_by_data (socket_.get (), this);
}

void PairClient::goodbye (std::function<void ()> done)
{
  done_ = std::move (done);
  leaving_ = true;
  g_cancellable_cancel (cancel_.get ());
  if (socket_ && soup_websocket_connection_get_state (socket_.get ()) == SOUP_WEBSOCKET_STATE_OPEN)
    return soup_websocket_connection_close (
        socket_.get (), SOUP_WEBSOCKET_CLOSE_NORMAL, nullptr); // "closed" follows
  again_.arm (Clock::now ());
}

void PairClient::connect ()
{
  const std::string uri =
      config_.uri + (config_.uri.find ('?') == std::string::npos ? "?" : "&") + "peer=" + id_;
  message_ = make_message ("GET", uri, config_);
  if (!message_)
    return lost ("\"" + config_.uri + "\" is no address of a WebSocket", true);
  char protocol[] = "reach-pair";
  char *protocols[] = {protocol, nullptr};
  soup_session_websocket_connect_async (
      session_.get (), message_.get (), nullptr, protocols, G_PRIORITY_DEFAULT, cancel_.get (),
      [] (GObject *session, GAsyncResult *result, gpointer user) {
        const std::unique_ptr<std::shared_ptr<PairClient *>> held (
            static_cast<std::shared_ptr<PairClient *> *> (user));
        GError *error = nullptr;
        auto socket = Ref<SoupWebsocketConnection>::adopt (
            soup_session_websocket_connect_finish (SOUP_SESSION (session), result, &error));
        const ErrorPtr owned (error);
        PairClient *self = **held;
        if (!self)
          return;
        if (socket)
          return self->on_connected (socket.get ());
        const guint status = soup_message_get_status (self->message_.get ());
        self->lost (
            error->message, status == SOUP_STATUS_FORBIDDEN || status == SOUP_STATUS_BAD_REQUEST);
      },
      new std::shared_ptr<PairClient *> (self_));
}

void PairClient::on_connected (SoupWebsocketConnection *c)
{
  socket_ = Ref<SoupWebsocketConnection>::share (c);
  backoff_.reset ();
  soup_websocket_connection_set_max_incoming_payload_size (c, max_message);
  soup_websocket_connection_set_keepalive_interval (c, keepalive);
  give_up_soon (c);
  g_signal_connect (c, "message",
      G_CALLBACK (+[] (SoupWebsocketConnection *, gint kind, GBytes *bytes, gpointer self) {
        gsize n = 0;
        const auto *text = static_cast<const char *> (g_bytes_get_data (bytes, &n));
        if (kind == SOUP_WEBSOCKET_DATA_TEXT)
          static_cast<PairClient *> (self)->on_text ({text, n});
      }),
      this);
  g_signal_connect (c, "closed", G_CALLBACK (+[] (SoupWebsocketConnection *socket, gpointer self) {
    const gushort code = soup_websocket_connection_get_close_code (socket);
    const char *why = soup_websocket_connection_get_close_data (socket);
    static_cast<PairClient *> (self)->lost (
        why && *why ? why : "the connection to the signalling server was lost",
        code == SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION ||
            code == SOUP_WEBSOCKET_CLOSE_PROTOCOL_ERROR);
  }),
      this);
}

void PairClient::lost (const std::string &why, bool fatal)
{
  if (socket_)
    g_signal_handlers_disconnect_by_data (socket_.get (), this);
  socket_ = {};
  if (leaving_)
    return again_.arm (Clock::now ());
  if (!fatal)
    again_.arm (Clock::now () + backoff_.next (g_random_int ()));
  owner_.on_signalling_error (why, fatal);
}

void PairClient::on_text (std::string_view text)
{
  const JsonObjectPtr o = parse_json_object (text);
  const auto type = o ? string_member (o.get (), "type") : std::nullopt;
  JsonObject *data = o ? object_member (o.get (), "data") : nullptr;
  if (!type || !data)
    return;
  const auto member = [data] (const char *name) {
    return string_member (data, name).value_or (std::string ());
  };
  if (*type == "peer") {
    const bool polite = json_object_get_boolean_member_with_default (data, "polite", FALSE);
    together_ = true;
    owner_.on_peer (member ("id"), polite, !polite);
  } else if (*type == "description") {
    owner_.on_description (member ("type"), member ("sdp"));
  } else if (*type == "candidate") {
    owner_.on_candidate (candidate_of (data));
  } else if (*type == "message") {
    owner_.on_message (to_text (data));
  } else if (*type == "left") {
    together_ = false;
    owner_.on_peer_left (member ("reason"));
  }
}

void PairClient::send (const std::string &text)
{
  if (socket_ && soup_websocket_connection_get_state (socket_.get ()) == SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_send_text (socket_.get (), text.c_str ());
}

void PairClient::send_description (const std::string &type, const std::string &sdp)
{
  JsonObjectPtr data (json_object_new ());
  json_object_set_string_member (data.get (), "type", type.c_str ());
  json_object_set_string_member (data.get (), "sdp", sdp.c_str ());
  send (envelope ("description", std::move (data)));
}

void PairClient::send_candidate (const SignalledCandidate &c)
{
  JsonObjectPtr data (json_object_new ());
  if (c.candidate.empty ()) {
    json_object_set_null_member (data.get (), "candidate");
    return send (envelope ("candidate", std::move (data)));
  }
  JsonObject *o = json_object_new ();
  json_object_set_string_member (o, "candidate", c.candidate.c_str ());
  if (!c.mid.empty ())
    json_object_set_string_member (o, "sdpMid", c.mid.c_str ());
  if (c.mline >= 0)
    json_object_set_int_member (o, "sdpMLineIndex", c.mline);
  if (!c.ufrag.empty ())
    json_object_set_string_member (o, "usernameFragment", c.ufrag.c_str ());
  json_object_set_object_member (data.get (), "candidate", o);
  send (envelope ("candidate", std::move (data)));
}

bool PairClient::send_message (const std::string &json)
{
  JsonObjectPtr data = parse_json_object (json);
  if (!data || !together_ || !socket_)
    return false;
  send (envelope ("message", std::move (data)));
  return true;
}
} // namespace reach::rtc
