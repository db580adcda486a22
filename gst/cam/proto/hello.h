// SPDX-License-Identifier: LGPL-2.1-or-later
// Bodies of the handshake and link-keeping messages (docs/protocol-cam.md, "Handshake"). All
// integers big-endian, strings behind a 16-bit length.
//
// Extensible: bytes behind what is known here are ignored, in each body and in each stream entry. A
// body that is shorter, over a limit, or says something impossible gives nullopt. encode () always
// gives what decode accepts: texts are cut at their limit, and a stream that does not fit (see fits
// ()) is left out.
#pragma once
#include "message.h"
#include <string>
#include <vector>

namespace reach::cam {

constexpr std::uint32_t hello_magic = 0x52434d31; // "RCM1"
constexpr std::uint16_t hello_version = 1;
constexpr std::size_t max_string = 255; // unless said otherwise
constexpr std::size_t max_guid = 64;
constexpr std::size_t max_caps = 16u << 10;
constexpr std::size_t max_tags = 16u << 10;
constexpr std::size_t max_streams = 256;
constexpr std::size_t max_token = 255;
constexpr std::size_t max_hello = (256u << 10) - MessageHeader::size; // the whole body
// What an acceptor reads of a peer that it has not let in: one message of so many bytes. What does
// not fit into an initiator's hello follows its welcome.
constexpr std::size_t max_unaccepted = 16u << 10;

enum class LinkRole : std::uint8_t { sender = 0, receiver = 1 }; // what the hello's author is

struct StreamInfo {
  std::uint16_t id = 0; // MessageHeader::stream; unique in its list
  MediaType type = MediaType::video;
  std::uint16_t index = 0; // media channel index
  std::string stream_id, caps;
  std::vector<std::uint8_t> tags; // of this stream
  bool sparse = false, eos = false;
  std::vector<std::uint8_t> global_tags = {}; // of the whole medium

  bool operator== (const StreamInfo &) const = default;
};
// Within the limits of one stream.
bool fits (const StreamInfo &s);

// The body of a streams message, and part of a hello.
struct StreamList {
  bool list_complete = false; // no further stream is going to be announced
  std::vector<StreamInfo> streams;

  bool operator== (const StreamList &) const = default;
};

struct Hello {
  // Another version than ours decodes to this field alone; the answer is a refusal.
  std::uint16_t version = hello_version;
  LinkRole role = LinkRole::sender;
  MediaType type = MediaType::video; // of this link
  std::uint8_t media_types = 0;      // all the session's
  std::uint64_t run_id = 0, session_key = 0, link_key = 0;
  std::string guid, guid_to, guid_group;
  std::int64_t running_time = no_time; // the sender's now
  std::int64_t latency = 0;            // its declared delay until sending, ns
  std::uint32_t latency_ms = 0;        // the receiver's recovery budget (UDP)
  // The author's timeout for this type, 0 = none: its peer sends something at least three times
  // within.
  std::uint32_t timeout_ms = 0;
  bool list_complete = false; // from a sender, like streams
  // From a receiver that can neither ask nor answer (a plain HTTP client): send all, expect
  // nothing.
  bool unlimited = false;
  // From an initiator: a secret that a media server may ask for. Never shown, never in a welcome.
  std::string token;
  bool relay = false; // a media server's welcome: the link carries streams of many senders
  // The author made its guid up for this run: nobody is known again by it.
  bool temporary_guid = false;
  std::vector<StreamInfo> streams;

  bool operator== (const Hello &) const = default;
};
using Welcome = Hello; // the same fields from the accepting side

struct Refuse {
  enum Code : std::uint16_t {
    version = 1,
    not_addressed,    // guid-to is not us
    not_accepted,     // by the accept list or the application
    type_not_offered, // no such media here
    limit,            // too many links or channels
    busy,
    wrong_role, // two senders or two receivers met
    bad_message,
  };
  std::uint16_t code = 0; // newer peers may know more
  std::string text;

  bool operator== (const Refuse &) const = default;
};
using RefuseCode = Refuse::Code;

struct Ping {
  std::uint64_t id = 0;
  std::int64_t running_time = no_time, latency = 0; // from a sender
  std::uint32_t epoch = 0; // changes when the sender's running time starts anew within a run

  bool operator== (const Ping &) const = default;
};

struct Pong {
  std::uint64_t id = 0;
  bool operator== (const Pong &) const = default;
};

struct Request {
  std::uint32_t bytes = 0; // may be sent beyond what was requested before
  bool operator== (const Request &) const = default;
};

enum class ByeReason : std::uint8_t {
  idle = 0,
  eos = 1,
  stopping = 2,
  closed_by_application = 3,
  replaced = 4, // a media server: another client has come with this guid
};
struct Bye {
  ByeReason reason = ByeReason::stopping; // also what an unknown reason decodes to
  bool operator== (const Bye &) const = default;
};

// The list as part of another body, within max_hello bytes altogether.
void put_stream_list (ByteWriter &w, const StreamList &l);
bool get_stream_list (ByteReader &r, StreamList &l);

// Within `most` bytes: streams are left out where the list would be longer, and then it is not
// complete.
std::vector<std::uint8_t> encode (const Hello &h, std::size_t most = max_hello);
std::vector<std::uint8_t> encode (const StreamList &l);
std::vector<std::uint8_t> encode (const Refuse &r);
std::vector<std::uint8_t> encode (const Ping &p);
std::vector<std::uint8_t> encode (const Pong &p);
std::vector<std::uint8_t> encode (const Request &r);
std::vector<std::uint8_t> encode (const Bye &b);

std::optional<Hello> decode_hello (Bytes in);
inline std::optional<Welcome> decode_welcome (Bytes in)
{
  return decode_hello (in);
}
std::optional<StreamList> decode_streams (Bytes in);
std::optional<Refuse> decode_refuse (Bytes in);
std::optional<Ping> decode_ping (Bytes in);
std::optional<Pong> decode_pong (Bytes in);
std::optional<Request> decode_request (Bytes in);
std::optional<Bye> decode_bye (Bytes in);
} // namespace reach::cam
