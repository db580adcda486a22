// SPDX-License-Identifier: LGPL-2.1-or-later
// NTP times of RTCP and 24-bit times of header extensions, from the core's clock.
#pragma once
#include "common/proto/time.h"
#include <cstdint>

namespace reach::rtc {
// What NTP time a moment has: 32 bits of seconds since 1900 and 32 of their fraction. The pair
// comes from outside; it need not be exact, only stay the same.
struct NtpClock {
  TimePoint moment{};
  std::uint64_t ntp = 0;

  std::uint64_t at (TimePoint t) const
  {
    const std::int64_t ns = std::chrono::nanoseconds (t - moment).count ();
    const std::int64_t s = ns / 1'000'000'000, rest = ns % 1'000'000'000;
    // A negative rest borrows from the seconds by itself.
    const std::int64_t fraction = rest * (std::int64_t (1) << 32) / 1'000'000'000;
    return ntp + (static_cast<std::uint64_t> (s) << 32) + static_cast<std::uint64_t> (fraction);
  }
};

// The middle 32 bits, as LSR and DLSR have them: 1/65536 s.
constexpr std::uint32_t ntp_middle (std::uint64_t ntp)
{
  return static_cast<std::uint32_t> (ntp >> 16);
}
constexpr Duration from_ntp_middle (std::uint32_t d)
{
  return std::chrono::nanoseconds (std::int64_t (d) * 1'000'000'000 / 65536);
}
constexpr std::uint32_t to_ntp_middle (Duration d)
{
  const std::int64_t us = std::chrono::duration_cast<microseconds> (d).count ();
  return us <= 0 ? 0 : static_cast<std::uint32_t> (us * 65536 / 1'000'000);
}
// Of two NTP times, b − a; any order.
inline Duration ntp_between (std::uint64_t a, std::uint64_t b)
{
  const auto d = static_cast<std::int64_t> (b - a);
  const std::int64_t s = d >> 32;
  const auto fraction = static_cast<std::int64_t> (static_cast<std::uint32_t> (d));
  return seconds (s) + nanoseconds (fraction * 1'000'000'000 >> 32);
}

// abs-send-time: 6 bits of seconds, 18 of their fraction, of any clock.
constexpr std::uint32_t abs_send_time (TimePoint t)
{
  const std::int64_t us = std::chrono::duration_cast<microseconds> (t.time_since_epoch ()).count ();
  const std::int64_t s = us / 1'000'000 % 64, rest = us % 1'000'000;
  return static_cast<std::uint32_t> (s << 18 | rest * (1 << 18) / 1'000'000) & 0xffffff;
}

// A length of time in ticks of an RTP clock.
constexpr std::int64_t to_ticks (Duration d, std::uint32_t rate)
{
  const std::int64_t us = std::chrono::duration_cast<microseconds> (d).count ();
  return us / 1'000'000 * rate + us % 1'000'000 * rate / 1'000'000;
}
constexpr Duration from_ticks (std::int64_t ticks, std::uint32_t rate)
{
  return seconds (ticks / rate) + nanoseconds (ticks % rate * 1'000'000'000 / rate);
}
} // namespace reach::rtc
