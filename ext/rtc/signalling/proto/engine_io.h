// SPDX-License-Identifier: LGPL-2.1-or-later
// Engine.IO, protocol 4, at the server's end: one session of a client, which begins with HTTP long
// polling or with a WebSocket and may change from the first to the second. Sans-IO: say what
// requests and frames came and what time it is, and take outputs until there are none.
#pragma once
#include "common/proto/time.h"
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace reach::rtc::eio {
enum class Type : char {
  open = '0',
  close = '1',
  ping = '2',
  pong = '3',
  message = '4',
  upgrade = '5',
  noop = '6'
};
struct Packet {
  Type type;
  std::string_view data;
};
constexpr char separator = 0x1e; // between the packets of an HTTP body

// Nothing for what is none; binary data is not taken.
std::optional<Packet> parse (std::string_view text);
// The packets of an HTTP body, at least one.
std::optional<std::vector<Packet>> parse_body (std::string_view body, std::size_t max_packets);

struct Limits {
  Duration interval = seconds (20); // between heartbeats
  Duration timeout = seconds (20);  // for an answer to one
  Duration upgrade = seconds (10);  // from a second transport's probe to its use
  Duration linger = seconds (5);    // for a client that polls to hear of the end
  std::size_t payload = 256 << 10;  // bytes of one HTTP body, which the client is told
  std::size_t unread = 1 << 20; // bytes for a client that does not fetch them; then it is cut off
  std::size_t packets = 1000;   // of one HTTP body
};

// Answers the GET that waits; the last one of a session, too.
struct Respond {
  std::string body;
};
struct SocketText {
  std::string text;
};
struct SocketClose {};
struct Message {
  std::string text;
};
struct Closed {       // the last output
  std::string reason; // closed, lost
};
using Output = std::variant<Respond, SocketText, SocketClose, Message, Closed>;

class Session {
public:
  enum class Transport : std::uint8_t { polling, web_socket };
  // sid: unguessable, nothing that JSON escapes. It begins with the request that created it: a
  // GET that waits, or an accepted WebSocket.
  Session (const Limits &limits, const std::string &sid, Transport first, TimePoint now);

  // A further GET. False: answer 400, this is none of the protocol, and the session has ended.
  bool get ();
  void get_gone (); // its connection was lost before it was answered
  // A POST. False: answer 400.
  bool post (std::string_view body, TimePoint now);
  // A WebSocket of this session that was accepted. False: it has one; close the new one.
  bool attach (TimePoint now);
  void socket_text (std::string_view text, TimePoint now);
  void socket_gone (bool orderly);

  void send (std::string_view message); // with its type in front, '4'
  void close (TimePoint now);
  void timeout (TimePoint now);
  TimePoint poll_timeout () const;
  std::optional<Output> poll_output ();

  bool waiting () const { return waiting_; } // a GET
  bool over () const { return over_; }

private:
  void on_packet (const Packet &p, TimePoint now);
  void on_probe (std::string_view text, TimePoint now);
  void put (std::string packet);
  void flush ();
  void end (const char *reason);

  const Limits limits_;
  Transport transport_;
  bool waiting_ = false, closing_ = false, over_ = false;
  enum class Second : std::uint8_t { none, attached, probed } second_ = Second::none;
  bool pinged_ = false, socket_ = true; // socket_: not lost
  TimePoint heartbeat_;                 // the next ping, or the end of the wait for its answer
  TimePoint upgrade_by_;
  std::deque<std::string> unread_;
  std::size_t unread_bytes_ = 0;
  std::deque<Output> outputs_;
};
} // namespace reach::rtc::eio
