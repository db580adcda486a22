// SPDX-License-Identifier: LGPL-2.1-or-later
#include "twcc_sender.h"
#include <algorithm>
#include <bit>

namespace reach::rtc {
TwccSender::TwccSender (std::size_t max)
    : max_ (std::bit_ceil (std::clamp<std::size_t> (max, 64, 32768))), ring_ (64)
{
}

std::int64_t TwccSender::first () const
{
  return std::max (kept_, next_ - static_cast<std::int64_t> (ring_.size ()));
}

// While the oldest is still on its way there is a place for it, up to the limit.
void TwccSender::grow ()
{
  std::vector<Entry> larger (ring_.size () * 2);
  kept_ = first ();
  for (std::int64_t n = kept_; n < next_; n++)
    larger[static_cast<std::size_t> (n) & (larger.size () - 1)] = entry (n);
  ring_ = std::move (larger);
}

TimePoint TwccSender::sent_at (const Entry &e) const
{
  return last_sent_ - microseconds (static_cast<std::int32_t> (ticks (last_sent_) - e.sent));
}

std::uint16_t TwccSender::sent (std::size_t size, TimePoint now, std::uint16_t cluster)
{
  const auto full = [this] {
    return next_ - first () == static_cast<std::int64_t> (ring_.size ());
  };
  // Feedback may be late, and tell of one again: a second is enough.
  if (full () && ring_.size () < max_ && now - sent_at (entry (next_)) < seconds (1))
    grow ();
  Entry &e = entry (next_);
  if (full () && first () >= covered_ && e.is (State::flying))
    in_flight_ -= e.size;
  e = {ticks (now), static_cast<std::uint16_t> (std::min<std::size_t> (size, 0xffff)),
      std::min (cluster, max_cluster), 0};
  in_flight_ += e.size;
  last_sent_ = now;
  return static_cast<std::uint16_t> (next_++);
}

// All before this one are no longer on their way, whether a feedback told of them or got lost.
void TwccSender::pass (std::int64_t number)
{
  covered_ = std::max (covered_, first ());
  for (; covered_ < number; covered_++)
    in_flight_ -= entry (covered_).size;
}

void TwccSender::note (std::int64_t number, const TwccStatus &s, microseconds reference)
{
  if (number < first ()) {
    unknown_++;
    return;
  }
  Entry &e = entry (number);
  const bool was_lost = e.is (State::lost);
  if (e.is (State::received) || (was_lost && !s.received))
    return;
  e.state = static_cast<std::uint16_t> (s.received ? State::received : State::lost);
  results_.push_back (
      {number, sent_at (e), reference + s.arrival, e.size, e.cluster, s.received, was_lost});
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
