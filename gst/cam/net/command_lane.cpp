// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_lane.h"
#include "cam/proto/command.h"

namespace reach::cam {
namespace {
std::string failure_of (CommandStatus s)
{
  switch (s) {
  case CommandStatus::handled:
    return {};
  case CommandStatus::no_room:
    return "the receiver has no room for more commands";
  case CommandStatus::too_large:
    return "the command is larger than the receiver takes";
  case CommandStatus::malformed:
    return "the receiver cannot read the command";
  }
  return "refused";
}
} // namespace

void CommandLane::push (Delivery d)
{
  if (!queue_.push (std::move (d.command), Clock::now ()))
    events_.on_command_done (receiver_, d.id, "the queue for this receiver is full");
}

void CommandLane::linked (ReceiverName r)
{
  receiver_ = std::move (r);
  queue_.restart (Clock::now ());
}

void CommandLane::acknowledged (Kind kind, Bytes body)
{
  const auto ack = kind == Kind::command_ack ? decode_command_ack (body) : std::nullopt;
  if (ack && queue_.acknowledged (ack->id, Clock::now ()))
    events_.on_command_done (receiver_, ack->id, failure_of (ack->status));
}

void CommandLane::give_up (const std::string &why)
{
  for (const std::uint64_t id : queue_.clear ())
    events_.on_command_done (receiver_, id, why);
}
} // namespace reach::cam
