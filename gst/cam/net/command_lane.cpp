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
  case CommandStatus::denied:
    return "the receiver or the group takes no commands of this client";
  case CommandStatus::gave_up:
    return "a receiver has not acknowledged it to the media server in time";
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
  if (linked_ && for_nobody (d.id, d.envelope))
    return;
  if (!queue_.push (std::move (d.command), Clock::now ()))
    events_.on_command_done (receiver_, d.id, "the queue for this receiver is full");
  else if (!linked_ && !(d.envelope.to.empty () && d.envelope.group.empty ()))
    addresses_[d.id] = std::move (d.envelope);
  arm ();
}

bool CommandLane::for_nobody (std::uint64_t id, const Envelope &e)
{
  const char *why = not_for (receiver_, e);
  if (why)
    events_.on_command_done (receiver_, id, why);
  return why != nullptr;
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
  for (const auto &[id, envelope] : std::exchange (addresses_, {}))
    if (for_nobody (id, envelope))
      queue_.remove (id);
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
  addresses_.clear ();
  for (const std::uint64_t id : queue_.clear ())
    events_.on_command_done (receiver_, id, why);
}
} // namespace reach::cam
