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
  case CommandStatus::no_receiver:
    return "the media server has no receiver for the command";
  }
  return "refused";
}
} // namespace

CommandLane::CommandLane (Timers &timers, MediaQueue &out, DeliveryEvents &events,
    std::function<void ()> pump, Duration patience, std::uint64_t &timed_out)
    : queue_ (out, {.patience = patience}), events_ (events), pump_ (std::move (pump)),
      timed_out_ (timed_out), timer_ (timers, [this] { on_timeout (); })
{
}

void CommandLane::push (Delivery d)
{
  if (!queue_.push (std::move (d.command), Clock::now ()))
    events_.on_command_done (receiver_, d.id, "the queue for this receiver is full");
  arm ();
}

// Like a link's timer it is not put off on each acknowledgement.
void CommandLane::arm ()
{
  const TimePoint t = linked_ ? queue_.poll_timeout () : TimePoint::max ();
  if (t != TimePoint::max () && (!timer_.armed () || t < timer_.when ()))
    timer_.arm (t);
}

void CommandLane::on_timeout ()
{
  const auto ids = linked_ ? queue_.timeout (Clock::now ()) : std::vector<std::uint64_t> ();
  timed_out_ += ids.size ();
  for (const std::uint64_t id : ids)
    events_.on_command_done (receiver_, id, "the receiver has not acknowledged it in time");
  arm ();
  if (!ids.empty ())
    pump_ ();
}

void CommandLane::unlinked ()
{
  linked_ = false;
  queue_.pause ();
  timer_.cancel ();
}

void CommandLane::linked (ReceiverName r)
{
  receiver_ = std::move (r);
  linked_ = true;
  queue_.restart (Clock::now ());
  arm ();
}

void CommandLane::acknowledged (Kind kind, Bytes body)
{
  const auto ack = kind == Kind::command_ack ? decode_command_ack (body) : std::nullopt;
  if (ack && queue_.acknowledged (ack->id, Clock::now ()))
    events_.on_command_done (receiver_, ack->id, failure_of (ack->status));
  arm ();
}

void CommandLane::give_up (const std::string &why)
{
  timer_.cancel ();
  for (const std::uint64_t id : queue_.clear ())
    events_.on_command_done (receiver_, id, why);
}
} // namespace reach::cam
