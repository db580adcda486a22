// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_reassembly.h"

namespace reach::cam {

Reassembly::Result Reassembly::add (
    const FragmentHeader &f, Bytes payload, TimePoint deadline, TimePoint previous)
{
  const std::uint64_t n = unwrap32 (ring_.base (), f.message);
  if (static_cast<std::int64_t> (n - ring_.base ()) < 0)
    return Result::late;
  const bool limited = most_ != std::numeric_limits<std::size_t>::max ();
  if (n - ring_.base () >= (limited ? limited_window : config_.max_window))
    return Result::no_room;
  if (f.total > std::min<std::size_t> (config_.max_message, most_))
    return Result::too_big;
  while (ring_.end () <= n)
    ring_.push ();
  Slot &s = ring_[n];
  if (!s.storage) {
    const Result r = open (s, f, deadline, previous);
    if (r != Result::ok)
      return r;
    first_known_ = std::min (first_known_, n);
  }
  if (f.total != s.total || f.reliable != s.reliable)
    return Result::bad;
  const Result r = insert (s, f);
  if (r == Result::ok)
    std::memcpy (s.storage->bytes ().data () + f.offset, payload.data (), payload.size ());
  return r;
}

Reassembly::Result Reassembly::open (
    Slot &s, const FragmentHeader &f, TimePoint deadline, TimePoint previous)
{
  if (held_ + f.total > std::min<std::size_t> (config_.max_incomplete_bytes, most_))
    return Result::no_room;
  s.storage = source_.allocate (f.total);
  if (!s.storage || s.storage->bytes ().size () < f.total) {
    s.storage.reset ();
    return Result::storage;
  }
  held_ += f.total;
  s.total = f.total;
  s.prefix = 0;
  s.reliable_before = f.reliable_before;
  s.reliable = f.reliable;
  s.deadline = deadline;
  s.previous = previous;
  return Result::ok;
}

// Notes the fragment's bytes as received. In order, no list is touched.
Reassembly::Result Reassembly::insert (Slot &s, const FragmentHeader &f)
{
  Interval n{f.offset, f.offset + f.length};
  if (n.to <= s.prefix)
    return Result::duplicate;
  auto at = s.apart.begin ();
  while (at != s.apart.end () && at->to < n.from)
    ++at;
  if (at != s.apart.end () && at->from <= n.from && at->to >= n.to)
    return Result::duplicate;
  auto behind = at; // [at, behind) touch the new piece
  for (; behind != s.apart.end () && behind->from <= n.to; ++behind) {
    n.from = std::min (n.from, behind->from);
    n.to = std::max (n.to, behind->to);
  }
  if (n.from <= s.prefix) {
    s.prefix = n.to;
    s.apart.erase (s.apart.begin (), behind);
    return Result::ok;
  }
  if (at != behind) {
    *at = n;
    s.apart.erase (at + 1, behind);
  } else if (s.apart.size () < config_.max_intervals) {
    s.apart.insert (at, n);
  } else {
    return Result::no_room;
  }
  return Result::ok;
}

void Reassembly::pop ()
{
  Slot &s = ring_.front ();
  if (s.storage)
    held_ -= s.total;
  s.storage.reset ();
  s.apart.clear ();
  s.total = s.prefix = 0;
  ring_.pop_front ();
}

void Reassembly::deliver ()
{
  report_lost ();
  DatagramEvent e{DatagramEvent::Kind::message};
  held_ -= ring_.front ().total;
  e.message.storage = std::move (ring_.front ().storage);
  delivered_++;
  events_.push_back (std::move (e));
  pop ();
}

void Reassembly::skip_front ()
{
  unreported_++;
  pop ();
}

void Reassembly::forward (std::uint32_t oldest)
{
  const std::uint64_t n = unwrap32 (ring_.base (), oldest);
  if (static_cast<std::int64_t> (n - ring_.base ()) <= 0)
    return;
  while (ring_.base () != n && !ring_.empty ()) {
    if (ring_.front ().complete ())
      deliver ();
    else
      skip_front ();
  }
  // Of the rest nothing was ever seen.
  unreported_ += n - ring_.base ();
  if (ring_.base () != n)
    ring_.restart (n);
}

// One step forward, or timeout_ says when the next can be tried.
bool Reassembly::step (TimePoint now)
{
  if (ring_.empty ())
    return false;
  Slot &front = ring_.front ();
  if (front.complete ()) {
    deliver ();
    return true;
  }
  first_known_ = std::max (first_known_, ring_.base ());
  while (first_known_ != ring_.end () && !ring_[first_known_].storage)
    first_known_++;
  const std::uint64_t known = first_known_;
  if (known == ring_.end ())
    return false; // opened, then refused: nothing is known beyond
  const Slot &s = ring_[known];
  if (known == ring_.base () && s.reliable)
    return false;
  // The newest reliable message before the known one is among the missing: wait for it.
  if (known != ring_.base () && s.reliable_before != 0 &&
      s.reliable_before <= known - ring_.base ())
    return false;
  timeout_ = known == ring_.base () ? s.deadline : std::min (s.previous, s.deadline);
  if (now < timeout_)
    return false;
  timeout_ = TimePoint::max ();
  const std::uint64_t until = std::max (known, ring_.base () + 1);
  while (ring_.base () != until)
    skip_front ();
  return true;
}

void Reassembly::report_lost ()
{
  if (unreported_ == 0)
    return;
  DatagramEvent e{DatagramEvent::Kind::messages_lost};
  e.value = unreported_;
  lost_ += unreported_;
  unreported_ = 0;
  events_.push_back (std::move (e));
}

bool Reassembly::advance (TimePoint now)
{
  timeout_ = TimePoint::max ();
  bool moved = false;
  while (step (now))
    moved = true;
  report_lost ();
  return moved;
}
} // namespace reach::cam
