// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands on the wire (docs/protocol-cam-commands.md): a name and typed parameters, and the answer
// that it has been handled.
#pragma once
#include "envelope.h"
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace reach::cam {
constexpr std::size_t max_command = 64u << 10; // encoded
constexpr std::size_t max_parameters = 64;
constexpr std::size_t max_command_name = 255; // of the command, and of each parameter

// The index is the type's number on the wire. The first is a string that is not there.
using CommandValue = std::variant<std::monostate, bool, std::int32_t, std::uint32_t, std::int64_t,
    std::uint64_t, double, std::string, std::vector<std::uint8_t>>;

struct Parameter {
  std::string name;
  CommandValue value;
  bool operator== (const Parameter &) const = default;
};

struct Command {
  std::uint64_t id = 0; // grows with each command of a run
  std::string name;
  std::vector<Parameter> parameters;
  Envelope envelope;
  bool operator== (const Command &) const = default;
};

// Empty when it breaks a limit, or a text is not UTF-8 or holds a NUL.
std::optional<std::vector<std::uint8_t>> encode (const Command &c);
std::optional<Command> decode_command (Bytes in, std::size_t limit = max_command);
// The same in asks, answers and notices: the id means nothing, it is 0, and there is no envelope.
std::optional<Command> decode_bare_command (Bytes in, std::size_t limit = max_command);
// The id alone, of a command or an acknowledgement; 0 when there is none.
std::uint64_t command_id (Bytes in);

enum class CommandStatus : std::uint8_t {
  handled = 0,
  no_room = 1,   // too many commands wait for the receiver's application
  too_large = 2, // for this receiver
  malformed = 3,
  // Of a media server alone:
  no_receiver = 4, // nobody that it is for is there
  denied = 5,      // whom it is for takes no commands of this client
  gave_up = 6,     // a receiver has not acknowledged it in time
};
struct CommandAck {
  std::uint64_t id = 0;
  CommandStatus status = CommandStatus::handled;
  bool operator== (const CommandAck &) const = default;
};
std::vector<std::uint8_t> encode (const CommandAck &a);
std::optional<CommandAck> decode_command_ack (Bytes in);
} // namespace reach::cam
