// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_exchange.h"
#include <algorithm>

namespace reach::cam {

FileExchange::FileExchange (
    const Config &config, const FileBegin &begin, std::size_t receivers, TimePoint now)
    : config_ (config), begin_ (begin), receivers_ (receivers)
{
  config_.max_held = std::clamp (config.max_held, min_held, file_window);
  for (std::size_t i = 0; i < receivers; i++) {
    receivers_[i].have = begin.offset;
    ask (i, now);
  }
}

void FileExchange::put (
    std::optional<std::size_t> receiver, Kind kind, std::vector<std::uint8_t> body, TimePoint now)
{
  out_.push_back ({receiver, Message::control (kind, MediaType::file, 0, std::move (body), now)});
}

std::optional<FileExchange::Out> FileExchange::poll_transmit ()
{
  if (out_.empty ())
    return {};
  Out o = std::move (out_.front ());
  out_.pop_front ();
  return o;
}

void FileExchange::ask (std::size_t receiver, TimePoint now)
{
  Receiver &r = receivers_[receiver];
  r.state = State::asked;
  r.since = now;
  FileBegin b = begin_;
  b.id = config_.id;
  b.offset = r.have;
  put (receiver, Kind::file_begin, encode (b), now);
}

// ---- the sender

void FileExchange::data (const FileData &d, Slice payload, TimePoint now)
{
  if (over_ || payload.size () == 0)
    return;
  const std::uint64_t end = position_ + payload.size ();
  const bool fits = started_ && !end_ && d.position == position_ && end <= begin_.size &&
                    end <= told_ + file_window + slack;
  if (!fits || held_.size () >= config_.max_messages)
    return finish (FileStatus::malformed, now);
  held_.push_back ({position_, payload, Message::file_data (config_.id, position_, payload, now)});
  held_bytes_ += payload.size ();
  position_ = end;
  heard_at_ = now;
  for (std::size_t i = 0; i < receivers_.size (); i++)
    feed (i, now);
  update (now); // perhaps nobody lacks it
}

void FileExchange::end (const FileEnd &e, TimePoint now)
{
  if (over_)
    return;
  if (!started_ || end_ || position_ != begin_.size)
    return finish (FileStatus::malformed, now);
  end_ = FileEnd{config_.id, e.sum};
  for (std::size_t i = 0; i < receivers_.size (); i++)
    feed (i, now);
}

// What this receiver lacks of what is here.
void FileExchange::feed (std::size_t receiver, TimePoint now)
{
  Receiver &r = receivers_[receiver];
  if (r.state != State::sending)
    return;
  const bool owed = r.owes ();
  auto m = std::ranges::partition_point (held_, [&] (const Held &h) { return h.end () <= r.sent; });
  for (; m != held_.end (); ++m) {
    MessageRef whole = m->message;
    if (const std::uint64_t over = r.sent - m->position; over > 0) // it had a part of this before
      whole = Message::file_data (
          config_.id, r.sent, m->payload.sub (over, m->payload.size () - over), now);
    out_.push_back ({receiver, std::move (whole)});
    r.sent = m->end ();
  }
  if (end_ && r.sent == begin_.size) {
    r.state = State::ended;
    put (receiver, Kind::file_end, encode (*end_), now);
  }
  if (!owed)
    r.since = now;
}

void FileExchange::abandon (TimePoint now)
{
  if (std::exchange (over_, true))
    return;
  for (std::size_t i = 0; i < receivers_.size (); i++)
    if (receivers_[i].active () && receivers_[i].state != State::away)
      put (i, Kind::file_abandon, encode (FileAbandon{config_.id}), now);
  held_.clear ();
  held_bytes_ = 0;
}

void FileExchange::finish (FileStatus s, TimePoint now)
{
  if (over_)
    return;
  put ({}, Kind::file_ack,
      encode (FileAck{begin_.id, s, s == FileStatus::complete ? begin_.size : 0}), now);
  abandon (now);
}

// ---- the receivers

void FileExchange::linked (std::size_t receiver, TimePoint now)
{
  if (!over_ && receivers_[receiver].active ())
    ask (receiver, now);
}

void FileExchange::unlinked (std::size_t receiver, TimePoint now)
{
  Receiver &r = receivers_[receiver];
  if (over_ || !r.active ())
    return;
  r.state = State::away;
  r.since = now;
}

void FileExchange::acknowledged (std::size_t receiver, const FileAck &ack, TimePoint now)
{
  Receiver &r = receivers_[receiver];
  if (over_ || !r.active () || r.state == State::away)
    return;
  switch (ack.status) {
  case FileStatus::going_on:
    on_going_on (receiver, ack.bytes, now);
    break;
  case FileStatus::complete:
    // Also the answer to a begin, when the first answer did not come through.
    if (r.state == State::sending)
      fail (receiver, FileStatus::malformed);
    else
      r.state = State::complete;
    break;
  case FileStatus::busy:
  case FileStatus::bad_hash:
    return finish (ack.status, now); // the sender begins again, and who has it says so
  default:
    fail (receiver, ack.status);
  }
  update (now);
}

void FileExchange::on_going_on (std::size_t receiver, std::uint64_t bytes, TimePoint now)
{
  Receiver &r = receivers_[receiver];
  r.since = now;
  if (r.state == State::asked) {
    // What is no longer here cannot be had again.
    const std::uint64_t first = held_.empty () ? position_ : held_.front ().position;
    if (bytes > begin_.size || (started_ && bytes < first))
      return fail (receiver, FileStatus::malformed);
    r.state = State::sending;
    r.have = r.sent = bytes;
    if (started_)
      feed (receiver, now);
  } else if (bytes > r.sent) {
    fail (receiver, FileStatus::malformed);
  } else {
    r.have = std::max (r.have, bytes);
  }
}

// The others go on without it.
void FileExchange::fail (std::size_t receiver, FileStatus why)
{
  receivers_[receiver].state = State::failed;
  if (!failure_)
    failure_ = why;
}

// What follows of what has changed with the receivers.
void FileExchange::update (TimePoint now)
{
  if (over_)
    return;
  std::uint64_t least = UINT64_MAX;
  bool active = false, asked = false;
  for (const Receiver &r : receivers_) {
    if (!r.active ())
      continue;
    active = true;
    least = std::min (least, r.have);
    // Before the start who is away has not said what it has either.
    asked = asked || r.state == State::asked || r.state == State::away;
  }
  if (!active)
    return finish (failure_.value_or (FileStatus::complete), now);
  if (!started_ && asked)
    return;
  if (!std::exchange (started_, true)) {
    start_ = position_ = told_ = least;
    heard_at_ = now;
    return tell (now);
  }
  release (least);
  const std::uint64_t lag = file_window - config_.max_held;
  least = std::min (least, position_);
  least = std::max (start_, least > lag ? least - lag : 0);
  if (least > told_) {
    if (!may_go_on ())
      heard_at_ = now;
    told_ = least;
    tell (now);
  }
}

void FileExchange::tell (TimePoint now)
{
  told_at_ = now;
  put ({}, Kind::file_ack, encode (FileAck{begin_.id, FileStatus::going_on, told_}), now);
}

void FileExchange::release (std::uint64_t position)
{
  while (!held_.empty () && held_.front ().end () <= position) {
    held_bytes_ -= held_.front ().payload.size ();
    held_.pop_front ();
  }
}

// ---- time

TimePoint FileExchange::deadline (const Receiver &r) const
{
  if (r.state != State::away && !r.owes ())
    return TimePoint::max ();
  const Duration d = started_ ? config_.patience : config_.start;
  return d == Duration::max () ? TimePoint::max () : r.since + d;
}

TimePoint FileExchange::poll_timeout () const
{
  if (over_)
    return TimePoint::max ();
  TimePoint t = started_ ? told_at_ + config_.repeat : TimePoint::max ();
  if (may_go_on ())
    t = std::min (t, heard_at_ + config_.silence);
  for (const Receiver &r : receivers_)
    if (r.active ())
      t = std::min (t, deadline (r));
  return t;
}

void FileExchange::timeout (TimePoint now)
{
  if (over_)
    return;
  // It would keep a place of each receiver for nothing.
  if (may_go_on () && now >= heard_at_ + config_.silence)
    return finish (FileStatus::busy, now);
  bool failed = false;
  for (std::size_t i = 0; i < receivers_.size (); i++) {
    Receiver &r = receivers_[i];
    if (!r.active () || now < deadline (r))
      continue;
    if (r.state != State::away)
      put (i, Kind::file_abandon, encode (FileAbandon{config_.id}), now);
    fail (i, FileStatus::timed_out);
    failed = true;
  }
  if (failed)
    update (now);
  // The sender gives up whoever says nothing for long.
  if (!over_ && started_ && now >= told_at_ + config_.repeat)
    tell (now);
}
} // namespace reach::cam
