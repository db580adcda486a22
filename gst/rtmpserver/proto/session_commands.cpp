// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands of the connection.
#include "amf0.h"
#include "session.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
const Value nothing;

// What a message of type 17 is beyond the AMF0 of type 20: a format byte. Some leave it out.
Bytes command_body (const Message &m)
{
  const Bytes b = m.payload.bytes;
  return m.type == MessageType::command_amf3 && !b.empty () && b.front () == 0 ? b.subspan (1) : b;
}
} // namespace

const Value &Session::Command::at (std::size_t i) const
{
  return i < values.size () ? values[i] : nothing;
}

Session::Handler Session::handler_of (std::string_view name)
{
  static constexpr std::pair<std::string_view, Handler> handlers[] = {
      {"connect", &Session::on_connect},
      {"createStream", &Session::on_create_stream},
      {"releaseStream", &Session::on_release_stream},
      {"FCPublish", &Session::on_fc_publish},
      {"FCUnpublish", &Session::on_fc_unpublish},
      {"FCSubscribe", &Session::on_fc_subscribe},
      {"_checkbw", &Session::on_check_bandwidth},
      {"getStreamLength", &Session::on_stream_length},
      {"_result", &Session::on_result},
      {"_error", &Session::on_result},
      {"onStatus", &Session::on_status},
      {"publish", &Session::on_publish},
      {"play", &Session::on_play},
      {"play2", &Session::on_play2},
      {"pause", &Session::on_pause},
      {"pauseRaw", &Session::on_pause},
      {"pauseraw", &Session::on_pause},
      {"seek", &Session::on_seek},
      {"receiveAudio", &Session::on_receive_audio},
      {"receiveVideo", &Session::on_receive_video},
      {"closeStream", &Session::on_close_stream},
      {"deleteStream", &Session::on_delete_stream},
  };
  for (const auto &[known, handler] : handlers)
    if (known == name)
      return handler;
  return &Session::on_call;
}

void Session::receive_command (const Message &m)
{
  Decoded d = decode_amf0 (command_body (m), config_.limits);
  if (!d.ok ())
    return end (d.fault == Decoded::Fault::truncated || d.fault == Decoded::Fault::malformed
                    ? EndReason::malformed
                    : EndReason::too_much,
        fault_name (d.fault));
  if (d.at (0).string ().empty ()) {
    stats_.ignored++;
    return;
  }
  Command c{m.stream, std::string (d.at (0).string ()), d.at (1).number_or (0),
      std::move (d.values), d.memory};
  if (phase_ == Phase::connect && d.memory > config_.limits.before_publish)
    return end (EndReason::too_much, "a large command before it is let in");
  if (!has_to_wait (c))
    return run (std::move (c));
  held_bytes_ += d.memory;
  if (held_.size () >= config_.limits.transactions || held_bytes_ > config_.limits.before_publish)
    return end (EndReason::too_much, "too many commands in front of an answer");
  held_.push_back (std::move (c));
}

// For the verdict on connect, or on the stream that it is for: some clients wait for neither.
bool Session::has_to_wait (const Command &c) const
{
  if (phase_ == Phase::deciding)
    return c.name != "connect";
  return creating_ > 0 && c.stream != 0 && !streams_.contains (c.stream);
}

// After a verdict.
void Session::run_held ()
{
  for (Command &c : std::exchange (held_, {})) {
    if (has_to_wait (c))
      held_.push_back (std::move (c));
    else if (!ended ())
      run (std::move (c));
  }
  if (held_.empty ())
    held_bytes_ = 0;
}

void Session::run (Command c)
{
  const Handler h = handler_of (c.name);
  if (phase_ == Phase::connect && h != &Session::on_connect) {
    stats_.ignored++;
    return refuse ({Kind::call, c.transaction, 0, {}, false},
        {code::call_failed, "connect comes first", true});
  }
  (this->*h) (c);
  check_replies ();
}

void Session::on_connect (Command &c)
{
  if (phase_ != Phase::connect)
    return refuse (
        {Kind::call, c.transaction, 0, {}, false}, {code::call_failed, "connected already", true});
  const double transaction = c.transaction;
  peer_ = parse_connect (std::move (c.values));
  phase_ = Phase::deciding;
  if (const RequestId id = add_request ({Kind::connect, transaction, 0, {}, false}))
    events_.emplace_back (ConnectRequest{id, peer_});
}

void Session::on_create_stream (Command &c)
{
  const Request r{Kind::create, c.transaction, 0, {}, false};
  if (streams_.size () + creating_ >= config_.limits.net_streams)
    return refuse (r, {code::call_failed, "too many streams", true});
  if (const RequestId id = add_request (r)) {
    creating_++;
    events_.emplace_back (StreamRequest{id});
  }
}

void Session::on_release_stream (Command &c)
{
  reply (c.transaction, true, {Value ()});
}

// FMLE and OBS tell the name here first. The decision is on publish, and so is onFCPublish: a
// client that is told too early that it publishes begins again and again.
void Session::on_fc_publish (Command &c)
{
  fc_publish_ = true;
  reply (c.transaction, true, {Value ()});
}

void Session::on_fc_unpublish (Command &c)
{
  reply (c.transaction, true, {Value ()});
  send_command (0, {"onFCUnpublish", 0.0, Null{},
                       Status{code::unpublish_success, std::string (c.at (3).string ())}.value ()});
}

void Session::on_fc_subscribe (Command &c)
{
  send_command (0, {"onFCSubscribe", 0.0, Null{},
                       Status{code::play_start, std::string (c.at (3).string ())}.value ()});
}

// The bandwidth test of old players: over before it begins.
void Session::on_check_bandwidth (Command &c)
{
  reply (c.transaction, true, {Value ()});
  send_command (0, {"onBWDone", 0.0, Null{}});
}

void Session::on_stream_length (Command &c)
{
  reply (c.transaction, true, {0.0}); // live
}

void Session::on_result (Command &c)
{
  const double t = c.transaction;
  const auto transaction = t >= 1 && t <= UINT32_MAX ? static_cast<std::uint32_t> (t) : 0;
  if (calls_.erase (transaction) == 0) {
    stats_.ignored++;
    return;
  }
  CallResult r{transaction, c.name == "_result", {}};
  for (std::size_t i = 2; i < c.values.size (); i++)
    r.values.push_back (std::move (c.values[i]));
  events_.emplace_back (std::move (r));
}

void Session::on_call (Command &c)
{
  RequestId id = 0;
  if (c.transaction != 0 &&
      !(id = add_request ({Kind::call, c.transaction, c.stream, c.name, false})))
    return;
  CallRequest call{id, c.stream, c.name, c.at (2), {}, c.memory};
  for (std::size_t i = 3; i < c.values.size (); i++)
    call.arguments.push_back (std::move (c.values[i]));
  events_.emplace_back (std::move (call));
}
} // namespace reach::rtmp
