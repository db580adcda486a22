// SPDX-License-Identifier: LGPL-2.1-or-later
#include "impair.h"
#include <algorithm>

namespace reach::impair {

void Counters::add (const Counters &c)
{
  packets_in += c.packets_in;
  bytes_in += c.bytes_in;
  packets_out += c.packets_out;
  bytes_out += c.bytes_out;
  lost += c.lost;
  queue_dropped += c.queue_dropped;
  duplicated += c.duplicated;
  reordered += c.reordered;
}

nanoseconds time_on_line (std::size_t size, std::uint64_t rate)
{
  if (rate == 0)
    return {};
  return nanoseconds (
      static_cast<std::int64_t> (8e9 * static_cast<double> (size) / static_cast<double> (rate)));
}

Link::Link (const Profile &profile, std::uint64_t seed) : profile_ (profile), random_ (seed) {}

// SplitMix64: the same numbers with every compiler and library, which std:: distributions do not
// promise.
double Link::chance ()
{
  random_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = random_;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<double> (z >> 11) * 0x1p-53 * 100;
}

bool Link::later (const Held &a, const Held &b)
{
  return a.due != b.due ? a.due > b.due : a.order > b.order;
}

bool Link::admit (std::size_t size, TimePoint now, TimePoint &departs)
{
  const auto begins = std::max (now, line_free_);
  // The whole backlog is still in the queue; its time on the line says how many bytes that is.
  if (profile_.rate != 0 && begins - now + time_on_line (size, profile_.rate) >
                                time_on_line (profile_.queue, profile_.rate))
    return false;
  if (size > profile_.max_held - std::min (held_, profile_.max_held))
    return false;
  line_free_ = departs = begins + time_on_line (size, profile_.rate);
  return true;
}

void Link::hold (Bytes packet, TimePoint due)
{
  held_ += packet.size ();
  heap_.push_back ({due, order_++, {packet.begin (), packet.end ()}});
  std::push_heap (heap_.begin (), heap_.end (), later);
}

void Link::input (Bytes packet, TimePoint now)
{
  // Always four numbers a packet, so that one option does not change what another one decides.
  const bool lose = chance () < profile_.loss, twice = chance () < profile_.duplicate,
             back = chance () < profile_.reorder;
  const nanoseconds jitter (
      static_cast<std::int64_t> (static_cast<double> (profile_.jitter.count ()) * chance () / 100));
  counters_.packets_in++;
  counters_.bytes_in += packet.size ();
  TimePoint departs;
  if (lose) {
    counters_.lost++;
    return;
  }
  if (!admit (packet.size (), now, departs)) {
    counters_.queue_dropped++;
    return;
  }
  auto due = std::max (departs + profile_.delay + jitter, newest_due_);
  if (back) {
    counters_.reordered++;
    due += profile_.hold;
  } else {
    newest_due_ = due;
  }
  hold (packet, due);
  if (twice && admit (packet.size (), now, departs)) {
    counters_.duplicated++;
    hold (packet, due);
  }
}

std::optional<std::vector<std::uint8_t>> Link::poll_transmit (TimePoint now)
{
  if (heap_.empty () || heap_.front ().due > now)
    return std::nullopt;
  std::pop_heap (heap_.begin (), heap_.end (), later);
  auto bytes = std::move (heap_.back ().bytes);
  heap_.pop_back ();
  held_ -= bytes.size ();
  counters_.packets_out++;
  counters_.bytes_out += bytes.size ();
  return bytes;
}

std::optional<TimePoint> Link::poll_timeout () const
{
  if (heap_.empty ())
    return std::nullopt;
  return heap_.front ().due;
}
} // namespace reach::impair
