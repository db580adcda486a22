// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_statistics.h"
#include "rtp_time.h"
#include <algorithm>
#include <cstdlib>

namespace reach::rtc {
bool SeenWindow::add (std::int64_t number)
{
  if (number < 0 || (highest_ >= 0 && number <= highest_ - size))
    return false;
  if (highest_ < 0 || number >= highest_ + size)
    bits_.fill (0);
  else
    for (std::int64_t n = highest_ + 1; n < number; n++)
      word (n) &= ~bit (n);
  if (number > highest_) {
    highest_ = number;
    word (number) |= bit (number);
    return true;
  }
  const bool was = (word (number) & bit (number)) != 0;
  word (number) |= bit (number);
  return !was;
}

bool SeenWindow::has (std::int64_t number) const
{
  if (number < 0 || number > highest_ || number <= highest_ - size)
    return false;
  return (bits_[static_cast<std::uint64_t> (number % size) / 64] & bit (number)) != 0;
}

void ReceiveStatistics::start (std::uint16_t sequence)
{
  unwrapper_.reset ();
  seen_.reset ();
  // The cycles on the wire begin with zero; inside, numbers before the first are not negative.
  first_ = highest_ = number_ = unwrapper_.unwrap (sequence);
  seen_.add (number_);
  received_ = 1;
  expected_before_ = received_before_ = 0;
  after_strange_ = -1;
  jitter_ = 0;
}

void ReceiveStatistics::reset ()
{
  unwrapper_.reset ();
  last_sr_ = 0;
  received_ = 0;
}

ReceiveStatistics::Verdict ReceiveStatistics::input (
    std::uint16_t sequence, std::uint32_t timestamp, TimePoint now)
{
  const bool first = !unwrapper_.started ();
  if (first)
    start (sequence);
  else {
    const std::int64_t step = unwrapper_.peek (sequence) - highest_;
    if (step >= limits_.dropout || step <= -std::int64_t{limits_.misorder}) {
      if (after_strange_ != sequence) {
        after_strange_ = static_cast<std::uint16_t> (sequence + 1);
        return Verdict::strange;
      }
      start (sequence);
      last_arrival_ = now;
      last_timestamp_ = timestamp;
      return Verdict::restart;
    }
    number_ = unwrapper_.peek (sequence);
    if (!seen_.add (number_))
      return Verdict::duplicate;
    received_++;
    if (number_ > highest_)
      highest_ = unwrapper_.unwrap (sequence);
  }
  after_strange_ = -1;
  if (!first)
    note_jitter (timestamp, now);
  last_arrival_ = now;
  last_timestamp_ = timestamp;
  return Verdict::fresh;
}

void ReceiveStatistics::note_jitter (std::uint32_t timestamp, TimePoint now)
{
  const std::int64_t passed = to_ticks (now - last_arrival_, rate_);
  const auto sent = static_cast<std::int32_t> (timestamp - last_timestamp_);
  const std::int64_t d = std::abs (passed - sent);
  // What a pause or another source leaves is no jitter.
  if (d < std::int64_t{rate_} * 5)
    jitter_ += d - ((jitter_ + 8) >> 4);
}

void ReceiveStatistics::sender_report (std::uint64_t ntp, TimePoint now)
{
  last_sr_ = ntp_middle (ntp);
  sr_at_ = now;
}

std::int64_t ReceiveStatistics::lost () const
{
  return started () ? highest_ - first_ + 1 - static_cast<std::int64_t> (received_) : 0;
}

Duration ReceiveStatistics::jitter () const
{
  return from_ticks (jitter_ >> 4, rate_);
}

ReportBlock ReceiveStatistics::report (std::uint32_t ssrc, TimePoint now)
{
  ReportBlock b;
  b.ssrc = ssrc;
  const std::int64_t expected = highest_ - first_ + 1;
  const auto received = static_cast<std::int64_t> (received_);
  const std::int64_t expected_now = expected - expected_before_;
  const std::int64_t lost_now = expected_now - (received - received_before_);
  expected_before_ = expected;
  received_before_ = received;
  if (expected_now > 0 && lost_now > 0)
    b.fraction_lost =
        static_cast<std::uint8_t> (std::min<std::int64_t> (lost_now * 256 / expected_now, 255));
  b.total_lost =
      static_cast<std::int32_t> (std::clamp<std::int64_t> (lost (), -0x800000, 0x7fffff));
  b.highest = static_cast<std::uint32_t> (highest_ - 0x10000);
  b.jitter = static_cast<std::uint32_t> (std::min<std::int64_t> (jitter_ >> 4, 0xffffffff));
  if (last_sr_ != 0) {
    b.last_sr = last_sr_;
    b.delay = to_ntp_middle (now - sr_at_);
  }
  return b;
}
} // namespace reach::rtc
