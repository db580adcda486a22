// SPDX-License-Identifier: LGPL-2.1-or-later
// Bodies of the messages that only a media server's links have (docs/protocol-cam-server.md): its
// sources, and asks with their answers and notices.
//
// Extensible like hello.h: bytes behind what is known here are ignored; a body that is shorter,
// over a limit, or says something impossible gives nullopt. encode () always gives what decode
// accepts: texts are cut at their limit, streams that do not fit are left out.
#pragma once
#include "command.h"
#include "hello.h"

namespace reach::cam {

enum class SourceState : std::uint8_t {
  live = 0,
  quiet = 1,  // it said bye(idle)
  broken = 2, // its links are lost; it may come back
  gone = 3,   // also what an unknown state decodes to
};

// server → receiver: one sender whose media the receiver gets. It replaces what was said before of
// that number.
struct Source {
  std::uint32_t number = 0; // the server's, not 0
  SourceState state = SourceState::live;
  std::uint64_t run_id = 0, session_key = 0; // the sender's own
  std::int64_t running_time = no_time;       // the sender's now
  std::int64_t latency = 0;                  // its declared delay until sending, ns
  std::uint32_t epoch = 0;                   // as in Ping
  std::string guid;                          // empty: it has none
  std::string group;                         // through which it comes, or empty
  StreamList streams;                        // numbered by the server

  bool operator== (const Source &) const = default;
};

// server → receiver: a clock sample of a source, passed on at once.
struct SourceClock {
  std::uint32_t number = 0;
  std::int64_t running_time = no_time, latency = 0;
  std::uint32_t epoch = 0;

  bool operator== (const SourceClock &) const = default;
};

// client → server. What can be asked is in router.h.
struct Ask {
  std::uint32_t id = 0; // the client's choice, unique on its link while unanswered; not 0
  Command what;         // its id is 0

  bool operator== (const Ask &) const = default;
};

enum class AskStatus : std::uint16_t {
  ok = 0,
  unknown_ask = 1,
  malformed = 2,      // a parameter is missing, of another type or out of its limits
  not_served = 3,     // this server does not answer that
  no_such_client = 4, // never seen, or forgotten
  no_such_group = 5,
  wrong_password = 6,
  not_allowed = 7, // to this client
  limit = 8,       // a table is full, or a value is too large
  exists = 9,      // it is so already
  not_found = 10,  // not in that list, not a member
  offline = 11,    // the other client is not there now
  too_fast = 12,   // another try makes sense a little later
};
const char *ask_status_text (AskStatus s); // for people; never null

// server → client: exactly one for each ask, or the link's end.
struct Answer {
  std::uint32_t id = 0;
  AskStatus status = AskStatus::ok; // newer servers may know more
  std::string text;                 // for people, up to max_string
  Command result;                   // its id is 0, its name the ask's

  bool operator== (const Answer &) const = default;
};

std::vector<std::uint8_t> encode (const Source &s);
std::vector<std::uint8_t> encode (const SourceClock &c);
// Empty when the Command breaks its limits (command.h).
std::optional<std::vector<std::uint8_t>> encode (const Ask &a);
// A result that breaks its limits is left out, and an ok becomes `limit`.
std::vector<std::uint8_t> encode (const Answer &a);
// A notice is a Command with id 0 and nothing else.
std::optional<std::vector<std::uint8_t>> encode_notice (const Command &what);

std::optional<Source> decode_source (Bytes in);
std::optional<SourceClock> decode_source_clock (Bytes in);
std::optional<Ask> decode_ask (Bytes in);
std::optional<Answer> decode_answer (Bytes in);
std::optional<Command> decode_notice (Bytes in);

// A list in an answer is a parameter of type bytes: strings behind their 16-bit length, one after
// the other.
std::vector<std::uint8_t> encode_strings (std::span<const std::string> strings);
std::optional<std::vector<std::string>> decode_strings (Bytes in);
} // namespace reach::cam
