// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_received.h"

namespace reach::cam {
namespace {
constexpr Duration trouble_memory = seconds (30);
constexpr Duration gap_ack_spacing = milliseconds (2);
constexpr Duration repeat_after = milliseconds (4);
constexpr unsigned ack_every = 128; // packets: 1 % of them at most, however fast they come
constexpr std::uint64_t widest_run = 0xffff;
} // namespace

bool ReceivedNumbers::known (std::uint64_t number) const
{
  if (number < floor_)
    return true;
  for (auto r = ranges_.rbegin (); r != ranges_.rend () && number <= r->last; ++r)
    if (number >= r->first)
      return true;
  return false;
}

// True when the number did not just extend the newest run.
bool ReceivedNumbers::insert (std::uint64_t number)
{
  if (ranges_.empty ()) {
    ranges_.push_back ({number, number});
    return number > floor_;
  }
  if (number == ranges_.back ().last + 1) {
    ranges_.back ().last = number;
    return false;
  }
  auto at = ranges_.end (); // the first run behind the number
  while (at != ranges_.begin () && number < std::prev (at)->first)
    --at;
  const bool joins_before = at != ranges_.begin () && std::prev (at)->last + 1 == number;
  const bool joins_after = at != ranges_.end () && number + 1 == at->first;
  if (joins_before && joins_after) {
    std::prev (at)->last = at->last;
    ranges_.erase (at);
  } else if (joins_before) {
    std::prev (at)->last = number;
  } else if (joins_after) {
    at->first = number;
  } else {
    ranges_.insert (at, {number, number});
  }
  if (ranges_.size () > max_ranges_) {
    floor_ = ranges_.front ().last + 1;
    ranges_.erase (ranges_.begin ());
  }
  return true;
}

void ReceivedNumbers::add (std::uint64_t number, bool eliciting, TimePoint now)
{
  const bool first = empty ();
  if (first || number > largest ())
    largest_at_ = now;
  const bool gap = insert (number);
  if (!eliciting)
    return;
  if (repeat_)
    due_ = TimePoint::max ();
  repeat_ = false;
  if (gap && !first)
    trouble (now);
  if (unacked_++ == 0)
    first_unacked_ = now;
  // Each acknowledgement wakes both sides up: while nothing is lost they are few, and rather go
  // when packets come than by a timer of their own.
  const bool calm = !trouble_ || now - *trouble_ > trouble_memory;
  TimePoint due = now + (calm ? calm_delay_ : least_ack_delay);
  if (unacked_ >= ack_every || (calm && now - first_unacked_ >= calm_delay_ * 3 / 4))
    due = now;
  else if (gap)
    due = std::max (now, last_ack_ + gap_ack_spacing);
  due_ = std::min (due_, due);
}

void ReceivedNumbers::want_ack (TimePoint now)
{
  if (!empty ())
    due_ = std::min (due_, std::max (now, last_ack_ + gap_ack_spacing));
}

AckFrame ReceivedNumbers::take (std::uint32_t next_message, TimePoint now)
{
  AckFrame a;
  const auto delay = std::chrono::duration_cast<microseconds> (now - largest_at_).count ();
  a.delay_us = static_cast<std::uint32_t> (std::clamp<std::int64_t> (delay, 0, UINT32_MAX));
  a.next_message = next_message;
  for (auto r = ranges_.rbegin (); r != ranges_.rend () && a.count < AckFrame::max_ranges; ++r) {
    if (a.count > 0 && a.ranges[a.count - 1].first - r->last - 2 > widest_run)
      break;
    // What a run is cut to was told before.
    a.ranges[a.count++] = {
        r->last - r->first > widest_run ? r->last - widest_run : r->first, r->last};
    if (a.ranges[a.count - 1].first != r->first)
      break;
  }
  // On a path that loses packets the last acknowledgement of a burst is repeated once.
  repeat_ = a.count > 1 && unacked_ > 0;
  unacked_ = 0;
  last_ack_ = now;
  due_ = repeat_ ? now + repeat_after : TimePoint::max ();
  return a;
}
} // namespace reach::cam
