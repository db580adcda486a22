// SPDX-License-Identifier: LGPL-2.1-or-later
#include "twcc_sender.h"
#include <algorithm>
#include <bit>

namespace reach::rtc {
TwccSender::TwccSender (std::size_t max)
    : max_ (std::bit_ceil (std::clamp<std::size_t> (max, 64, 32768))), ring_ (64)
{
}

// While the oldest is still on its way there is a place for it, up to the limit.
void TwccSender::grow ()
{
  std::vector<Entry> larger (ring_.size () * 2);
  for (const Entry &e : ring_)
    if (e.number >= 0)
      larger[static_cast<std::size_t> (e.number) & (larger.size () - 1)] = e;
  ring_ = std::move (larger);
}

std::uint16_t TwccSender::sent (std::size_t size, TimePoint now, std::uint16_t cluster)
{
  if (ring_.size () < max_) {
    const Entry &old = entry (next_);
    // Feedback may be late, and tell of one again: a second is enough.
    if (old.number >= 0 && now - old.sent < seconds (1))
      grow ();
  }
  Entry &e = entry (next_);
  if (e.number >= covered_ && e.state == Entry::State::flying)
    in_flight_ -= e.size;
  e = {next_, now, static_cast<std::uint32_t> (size), cluster, Entry::State::flying};
  in_flight_ += size;
  last_sent_ = now;
  return static_cast<std::uint16_t> (next_++);
}

// All before this one are no longer on their way, whether a feedback told of them or got lost.
void TwccSender::pass (std::int64_t number)
{
  covered_ = std::max (covered_, next_ - static_cast<std::int64_t> (ring_.size ()));
  for (; covered_ < number; covered_++) {
    const Entry &e = entry (covered_);
    if (e.number == covered_)
      in_flight_ -= e.size;
  }
}

void TwccSender::note (std::int64_t number, const TwccStatus &s, microseconds reference)
{
  Entry &e = entry (number);
  if (e.number != number) {
    unknown_++;
    return;
  }
  using State = Entry::State;
  if (e.state == State::received || (e.state == State::lost && !s.received))
    return;
  const bool was_lost = e.state == State::lost;
  e.state = s.received ? State::received : State::lost;
  results_.push_back (
      {number, e.sent, reference + s.arrival, e.size, e.cluster, s.received, was_lost});
}

std::span<const PacketResult> TwccSender::feedback (const TwccFeedback &f)
{
  results_.clear ();
  // 24 bits with sign, that wrap.
  const auto step =
      static_cast<std::int32_t> (static_cast<std::uint32_t> (f.reference - last_reference_) << 8) >>
      8;
  reference_ = started_ ? reference_ + step : 0;
  last_reference_ = f.reference;
  started_ = true;
  // Nearest to what was sent last, never ahead of it.
  const auto back = static_cast<std::uint16_t> (static_cast<std::uint16_t> (next_) - f.first);
  std::int64_t number = next_ - back;
  if (back == 0)
    number -= 0x10000;
  const microseconds reference = reference_ * twcc_reference;
  std::int64_t end = covered_;
  for (auto c = f.statuses (); const auto s = c.next (); number++) {
    if (number >= next_ || number < 0) {
      unknown_++;
      continue;
    }
    note (number, *s, reference);
    end = number + 1;
  }
  // `end` of one of long ago says nothing.
  pass (std::min (end, next_));
  return results_;
}
} // namespace reach::rtc
