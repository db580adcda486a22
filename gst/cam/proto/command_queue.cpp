// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_queue.h"
#include "command.h"

namespace reach::cam {

bool CommandQueue::push (MessageRef command, TimePoint now)
{
  if (commands_.size () >= limits_.max_commands ||
      (!commands_.empty () && bytes_ + command->size () > limits_.max_bytes))
    return false;
  bytes_ += command->size ();
  commands_.push_back (std::move (command));
  fill (now);
  return true;
}

void CommandQueue::fill (TimePoint now)
{
  while (under_way_ < commands_.size () && under_way_ < limits_.window &&
         out_.push (commands_[under_way_], now))
    under_way_++;
}

void CommandQueue::restart (TimePoint now)
{
  out_.clear ();
  under_way_ = 0;
  fill (now);
}

bool CommandQueue::acknowledged (std::uint64_t id, TimePoint now)
{
  for (std::size_t i = 0; i < under_way_; i++) {
    if (command_id (commands_[i]->body ()) != id)
      continue;
    bytes_ -= commands_[i]->size ();
    commands_.erase (commands_.begin () + static_cast<std::ptrdiff_t> (i));
    under_way_--;
    fill (now);
    return true;
  }
  return false;
}

std::vector<std::uint64_t> CommandQueue::clear ()
{
  std::vector<std::uint64_t> ids;
  for (const MessageRef &m : commands_)
    ids.push_back (command_id (m->body ()));
  commands_.clear ();
  out_.clear ();
  bytes_ = under_way_ = 0;
  return ids;
}
} // namespace reach::cam
