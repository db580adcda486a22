// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pair_client.h"
#include "json.h"
#include "pairing.h"

namespace reach::rtc {
namespace {
// A server that takes connections and ends them at once is not to be asked ever faster.
constexpr Duration lasting = seconds (5);

WebSocketClient::Limits limits ()
{
  WebSocketClient::Limits l;
  l.message = 256 << 10;
  // When our address has changed TCP would try for a quarter of an hour.
  l.unanswered = seconds (5);
  l.protocol = pairing::protocol;
  return l;
}

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
} // namespace

std::string PairClient::check (const std::string &uri)
{
  const Owned<GUri, g_uri_unref> parsed (g_uri_parse (uri.c_str (), G_URI_FLAGS_ENCODED, nullptr));
  if (!parsed)
    return "it is no URI";
  const char *path = g_uri_get_path (parsed.get ());
  return *path == '/' && path[1] ? "" : "it names no channel, as ws://HOST:PORT/CHANNEL does";
}

PairClient::PairClient (Loop &loop, Signaller::Owner &owner, const Config &config)
    : loop_ (loop), owner_ (owner), config_ (config), id_ (random_id ()),
      again_ (loop.timers (), [this] {
        if (!leaving_)
          connect ();
        else if (const auto done = std::exchange (done_, nullptr))
          done ();
      })
{
  again_.arm (Clock::now ());
}

void PairClient::goodbye (std::function<void ()> done)
{
  done_ = std::move (done);
  leaving_ = true;
  if (socket_)
    return socket_->close (); // on_socket_over () follows
  again_.arm (Clock::now ());
}

void PairClient::connect ()
{
  const std::string uri =
      config_.uri + (config_.uri.find ('?') == std::string::npos ? "?" : "&") + "peer=" + id_;
  opened_ = {};
  socket_ = std::unique_ptr<WebSocketClient> (
      new WebSocketClient (loop_, *this, config_, uri, limits ()));
}

void PairClient::on_socket_open (WebSocketClient &)
{
  opened_ = Clock::now ();
}

void PairClient::on_socket_over (WebSocketClient &, const WebSocketClient::Failure &f)
{
  const WebSocketClient::Failure said = f;
  if (opened_ != TimePoint{} && Clock::now () - opened_ >= lasting)
    backoff_.reset ();
  loop_.destroy_later (std::move (socket_));
  if (leaving_)
    return again_.arm (Clock::now ());
  if (!said.fatal)
    again_.arm (Clock::now () + backoff_.next (g_random_int ()));
  owner_.on_signalling_error (said.why, said.fatal);
}

void PairClient::on_socket_text (WebSocketClient &, std::string_view text)
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
  if (socket_)
    socket_->send (text);
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
  if (!data || !together_ || !socket_ || opened_ == TimePoint{})
    return false;
  send (envelope ("message", std::move (data)));
  return true;
}
} // namespace reach::rtc
