// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client wants and does, as a session tells it. A `request` is answered with a verdict, now
// or later; until then the client waits.
#pragma once
#include "connect.h"
#include "message.h"
#include <variant>

namespace reach::rtmp {
using RequestId = std::uint64_t; // never 0, never used again in a session

struct ConnectRequest {
  RequestId request;
  ConnectInfo info;
};
struct StreamRequest { // createStream
  RequestId request;
};
struct PublishRequest {
  RequestId request;
  std::uint32_t stream;
  Name name;        // empty when the client gave none, see ConnectInfo::path
  std::string type; // "live", "record", "append", or what the client says
};
struct PlayRequest {
  RequestId request;
  std::uint32_t stream;
  Name name;
  double start = -2;    // seconds; -2: live, else recorded; -1: live only
  double duration = -1; // seconds; -1: to the end
};
struct PauseRequest {
  RequestId request;
  std::uint32_t stream;
  bool pause;
  double position; // ms
};
struct SeekRequest {
  RequestId request;
  std::uint32_t stream;
  double position; // ms
};
struct CallRequest { // any command that RTMP does not define
  RequestId request; // 0: no answer is wanted
  std::uint32_t stream;
  std::string name;
  Value object; // the command object, mostly null
  std::vector<Value> arguments;
  std::size_t memory = 0; // that these take, roughly
};
struct CallResult { // of Session::call
  std::uint32_t transaction;
  bool good; // _result; else _error
  std::vector<Value> values;
};
struct Received {  // media or data of a stream that is published
  Message message; // audio, video or data_amf0, also where it came as AMF3 or in an aggregate
};
struct ReceiveChanged { // receiveAudio, receiveVideo
  std::uint32_t stream;
  bool audio, video; // what the player wants now
};
struct BufferLength { // of a player
  std::uint32_t stream;
  std::uint32_t milliseconds;
};
enum class Use : std::uint8_t { idle, asked_publish, publishing, asked_play, playing };
struct StreamEnded { // by the client; requests of it are answered no more
  std::uint32_t stream;
  Use use;      // what it was
  bool deleted; // the stream id is free again
};
enum class EndReason : std::uint8_t {
  not_rtmp,
  malformed, // chunks, AMF or commands against the rules
  too_much,  // more than the limits allow
  handshake_timeout,
  idle,
  rejected, // by the verdict on connect
  closed,   // by Session::close
};
// The last event. What poll_transmit () still gives should be sent, then the connection closed.
struct Ended {
  EndReason reason;
  std::string detail; // for a log
};

using Event = std::variant<ConnectRequest, StreamRequest, PublishRequest, PlayRequest, PauseRequest,
    SeekRequest, CallRequest, CallResult, Received, ReceiveChanged, BufferLength, StreamEnded,
    Ended>;
const char *end_reason_name (EndReason r);
} // namespace reach::rtmp
