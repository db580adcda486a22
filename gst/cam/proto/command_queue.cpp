// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_queue.h"
#include "command.h"
#include <algorithm>

namespace reach::cam {

bool CommandQueue::push (MessageRef command, TimePoint now)
{
  if (commands_.size () >= limits_.max_commands ||
      (!commands_.empty () && bytes_ + command->size () > limits_.max_bytes))
    return false;
  bytes_ += command->size ();
  commands_.push_back ({std::move (command)});
  fill (now);
  return true;
}

void CommandQueue::fill (TimePoint now)
{
  for (; under_way_ < commands_.size () && under_way_ < limits_.window; under_way_++) {
    Entry &e = commands_[under_way_];
    if (!out_.push (e.command, now))
      return;
    e.sent = now;
  }
}

void CommandQueue::restart (TimePoint now)
{
  out_.clear ();
  under_way_ = 0;
  fill (now);
}

void CommandQueue::pause ()
{
  out_.clear ();
  under_way_ = 0;
}

void CommandQueue::erase (std::size_t at)
{
  bytes_ -= commands_[at].command->size ();
  commands_.erase (commands_.begin () + static_cast<std::ptrdiff_t> (at));
  under_way_ -= at < under_way_;
}

std::size_t CommandQueue::find (std::uint64_t id, std::size_t among) const
{
  std::size_t i = 0;
  while (i < among && command_id (commands_[i].command->body ()) != id)
    i++;
  return i;
}

bool CommandQueue::acknowledged (std::uint64_t id, TimePoint now)
{
  const std::size_t at = find (id, under_way_);
  if (at == under_way_)
    return false;
  acknowledged_ = now;
  erase (at);
  fill (now);
  return true;
}

bool CommandQueue::remove (std::uint64_t id)
{
  const std::size_t at = find (id, commands_.size ());
  if (at == commands_.size ())
    return false;
  erase (at);
  return true;
}

TimePoint CommandQueue::poll_timeout () const
{
  if (under_way_ == 0 || limits_.patience == Duration::max ())
    return TimePoint::max ();
  return std::max (commands_.front ().sent, acknowledged_) + limits_.patience;
}

std::vector<std::uint64_t> CommandQueue::timeout (TimePoint now)
{
  std::vector<std::uint64_t> ids;
  while (now >= poll_timeout ()) {
    ids.push_back (command_id (commands_.front ().command->body ()));
    erase (0);
  }
  if (!ids.empty ())
    fill (now);
  return ids;
}

std::vector<std::uint64_t> CommandQueue::clear ()
{
  std::vector<std::uint64_t> ids;
  for (const Entry &e : commands_)
    ids.push_back (command_id (e.command->body ()));
  commands_.clear ();
  out_.clear ();
  bytes_ = under_way_ = 0;
  return ids;
}
} // namespace reach::cam
