// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets of Socket.IO, protocol 5, as Engine.IO messages carry them. Sans-IO.
#pragma once
#include "json_text.h"

namespace reach::rtc::sio {
enum class Type : char {
  connect = '0',
  disconnect = '1',
  event = '2',
  ack = '3',
  connect_error = '4'
};
constexpr std::size_t max_name = 128; // bytes of a namespace

struct Packet {
  Type type = Type::event;
  std::string name = "/";   // of the namespace, without a query
  std::string ack;          // digits of the id, when the sender wants an answer
  std::string_view payload; // JSON that was not read yet; empty: there is none
};

// Nothing for what is none. Binary packets are not taken.
std::optional<Packet> parse (std::string_view text);

// An event's name and its one argument; null when there is none. Nothing for what is no event.
struct Event {
  std::string name;
  json::Value data;
};
std::optional<Event> parse_event (std::string_view payload, unsigned depth);

// With Engine.IO's type of a message in front. payload: JSON, or empty.
std::string text_of (Type type, std::string_view name_space, std::string_view payload = {});
// How events of a namespace begin, up to their array.
inline std::string event_prefix (std::string_view name_space)
{
  return text_of (Type::event, name_space);
}
} // namespace reach::rtc::sio
