// SPDX-License-Identifier: LGPL-2.1-or-later
// Verdicts, and what is told to the client.
#include "amf0.h"
#include "session.h"

namespace reach::rtmp {

RequestId Session::add_request (Request r)
{
  if (requests_.size () >= config_.limits.transactions) {
    refuse (r, {code::call_failed, "too many requests are waiting", true});
    return 0;
  }
  requests_.emplace (++last_request_, std::move (r));
  return last_request_;
}

std::optional<Session::Request> Session::take_request (RequestId id)
{
  const auto at = requests_.find (id);
  if (at == requests_.end ())
    return std::nullopt;
  Request r = std::move (at->second);
  requests_.erase (at);
  if (r.kind == Kind::create)
    creating_--;
  return r;
}

void Session::accept (RequestId id, TimePoint now)
{
  const auto r = take_request (id);
  if (!r)
    return;
  switch (r->kind) {
  case Kind::connect:
    return accept_connect (*r, now);
  case Kind::create:
    return accept_create (*r);
  case Kind::publish:
    return accept_publish (*r);
  case Kind::play:
    return accept_play (*r);
  case Kind::pause:
    return accept_pause (*r);
  case Kind::seek:
    status (r->stream, {code::seek_notify, "seeking"});
    return status (r->stream, {code::play_start, "playing " + r->name});
  case Kind::call:
    return reply (r->transaction, true, {Value ()});
  }
}

void Session::reject (RequestId id, const Status &why)
{
  if (const auto r = take_request (id))
    refuse (*r, why);
}

void Session::answer (RequestId id, bool good, const std::vector<Value> &values)
{
  if (const auto r = take_request (id))
    reply (r->transaction, good, values);
}

// What has a transaction but no stream gets _error, a stream onStatus.
void Session::refuse (const Request &r, const Status &why)
{
  Status s = why;
  s.error = true;
  const bool of_stream = r.kind == Kind::publish || r.kind == Kind::play || r.kind == Kind::pause ||
                         r.kind == Kind::seek;
  if (!of_stream) {
    reply (r.transaction, false, {s.value ()});
  } else {
    status (r.stream, s);
    // librtmp 2.4 knows no other refusal of publish, and waits.
    if (r.kind == Kind::publish)
      status (r.stream, {code::failed, s.description, true});
    if (const auto at = streams_.find (r.stream);
        at != streams_.end () && (r.kind == Kind::publish || r.kind == Kind::play))
      at->second = {};
  }
  if (r.kind == Kind::connect)
    end (EndReason::rejected, s.code);
  if (r.kind == Kind::create)
    run_held ();
}

void Session::accept_connect (const Request &r, TimePoint now)
{
  phase_ = Phase::connected;
  pinged_ = now;
  ByteWriter window, bandwidth, size;
  window.u32 (window_told_ = config_.window);
  send_control (MessageType::window_ack_size, std::move (window));
  bandwidth.u32 (config_.peer_bandwidth);
  bandwidth.u8 (2); // dynamic
  send_control (MessageType::set_peer_bandwidth, std::move (bandwidth));
  size.u32 (config_.chunk_size);
  send_control (MessageType::set_chunk_size, std::move (size));
  writer_.set_chunk_size (config_.chunk_size);

  Object properties;
  properties.members = {{"fmsVer", config_.server_version}, {"capabilities", 31.0}, {"mode", 1.0}};
  Status s{code::connect_success, "Connection succeeded."};
  s.more = {{"objectEncoding", static_cast<double> (peer_.object_encoding)}};
  // Clients look for it in either of the two.
  Object extended;
  if (peer_.capabilities.any ())
    config_.capabilities.write (extended);
  properties.members.insert (
      properties.members.end (), extended.members.begin (), extended.members.end ());
  s.more.insert (s.more.end (), extended.members.begin (), extended.members.end ());
  send_command (0, {"_result", r.transaction, std::move (properties), s.value ()});

  run_held ();
}

void Session::accept_create (const Request &r)
{
  reply (r.transaction, true, {static_cast<double> (new_stream ())});
  run_held ();
}

void Session::begin_stream (std::uint32_t stream)
{
  ByteWriter w;
  w.u16 (static_cast<std::uint16_t> (UserControl::stream_begin));
  w.u32 (stream);
  send_control (MessageType::user_control, std::move (w));
}

void Session::accept_publish (const Request &r)
{
  NetStream &s = streams_[r.stream];
  begin_stream (r.stream);
  const Status start{code::publish_start, r.name + " is now published"};
  if (fc_publish_)
    send_command (0, {"onFCPublish", 0.0, Null{}, start.value ()});
  status (r.stream, start);
  s.use = Use::publishing;
  reader_.limit (SIZE_MAX);
  s.held_bytes = 0;
  for (Message &m : std::exchange (s.held, {}))
    events_.emplace_back (Received{std::move (m)});
}

void Session::accept_play (const Request &r)
{
  NetStream &s = streams_[r.stream];
  s.use = Use::playing;
  if (!s.audio || !s.video) // it has said so before
    events_.emplace_back (ReceiveChanged{r.stream, s.audio, s.video});
  begin_stream (r.stream);
  if (r.flag)
    status (r.stream, {code::play_reset, "playing and resetting " + r.name});
  status (r.stream, {code::play_start, "started playing " + r.name});
  // Lets Flash players look at the samples.
  ByteWriter to;
  Message m{MessageType::data_amf0, 3, r.stream, 0,
      slice_of (encode_amf0 ({"|RtmpSampleAccess", true, true}))};
  writer_.write (3, m, to);
  out_.control (to.take ());
}

void Session::accept_pause (const Request &r)
{
  streams_[r.stream].paused = r.flag;
  if (r.flag)
    send_user_control (UserControl::stream_eof, r.stream);
  else
    begin_stream (r.stream);
  send_status (r.stream,
      r.flag ? Status{code::pause_notify, "paused"} : Status{code::unpause_notify, "goes on"});
}

void Session::send_command (std::uint32_t stream, const std::vector<Value> &values)
{
  if (ended ())
    return;
  ByteWriter to;
  writer_.write (3, {MessageType::command_amf0, 3, stream, 0, slice_of (encode_amf0 (values))}, to);
  out_.control (to.take ());
}

// A client that gave no transaction wants no answer.
void Session::reply (double transaction, bool good, const std::vector<Value> &values)
{
  if (transaction == 0)
    return;
  std::vector<Value> all{good ? "_result" : "_error", transaction, Null{}};
  all.insert (all.end (), values.begin (), values.end ());
  send_command (0, all);
}

void Session::status (std::uint32_t stream, const Status &s)
{
  send_command (stream, {"onStatus", 0.0, Null{}, s.value ()});
}

void Session::send_status (std::uint32_t stream, const Status &s)
{
  if (!ended ())
    out_.in_order (SharedChunksRef::make (MessageType::command_amf0, 0u,
        slice_of (encode_amf0 ({"onStatus", 0.0, Null{}, s.value ()})), stream,
        writer_.chunk_size (), chunk_stream_of (MessageType::data_amf0, stream)));
}

std::uint32_t Session::call (std::uint32_t stream, const std::string &name,
    const std::vector<Value> &arguments, bool wants_answer)
{
  if (ended () || (wants_answer && calls_.size () >= config_.limits.transactions))
    return 0;
  const std::uint32_t transaction = wants_answer ? ++last_call_ : 0;
  if (wants_answer)
    calls_.emplace (transaction, true);
  std::vector<Value> all{name, static_cast<double> (transaction), Null{}};
  all.insert (all.end (), arguments.begin (), arguments.end ());
  send_command (stream, all);
  return transaction;
}

bool Session::request_reconnect (const std::string &tc_url, const std::string &description)
{
  if (!connected () || !(peer_.capabilities.extensions & Capabilities::reconnect))
    return false;
  Status s{code::connect_reconnect, description};
  if (!tc_url.empty ())
    s.more = {{"tcUrl", tc_url}};
  status (0, s);
  return true;
}
} // namespace reach::rtmp
