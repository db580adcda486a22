// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timeline.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
// The difference of two serial numbers of `bits` bits.
std::int64_t serial_difference (std::uint32_t to, std::uint32_t from, unsigned bits)
{
  const unsigned unused = 32 - bits;
  return static_cast<std::int32_t> ((to - from) << unused) >> unused;
}
} // namespace

std::int64_t Timeline::passed (TimePoint arrival) const
{
  return std::chrono::duration_cast<milliseconds> (arrival - newest_arrival_).count ();
}

// Some senders lose the sign bit or FLV's extension byte: their numbers wrap at 31 or 24 bits.
std::optional<std::int64_t> Timeline::follow (
    const Track &t, std::uint32_t timestamp, TimePoint arrival) const
{
  const std::int64_t first = newest_ms_ - tolerance_.back.count ();
  const std::int64_t last = newest_ms_ + tolerance_.forward.count () + passed (arrival);
  for (const unsigned bits : {32u, 31u, 24u}) {
    if (bits < 32 && (timestamp >> bits != 0 || t.timestamp >> bits != 0))
      break;
    const std::int64_t ms = t.ms + serial_difference (timestamp, t.timestamp, bits);
    if (ms >= first && ms <= last)
      return ms;
  }
  return std::nullopt;
}

// Of those that it could follow, the one that was heard last.
std::optional<std::int64_t> Timeline::follow_others (
    std::uint32_t timestamp, TimePoint arrival) const
{
  std::optional<std::int64_t> found;
  TimePoint heard{};
  for (const auto &[key, track] : tracks_)
    if (const auto ms = follow (track, timestamp, arrival);
        ms && (!found || track.arrival > heard)) {
      found = ms;
      heard = track.arrival;
    }
  return found;
}

Timeline::Stamp Timeline::map (Kind kind, std::uint8_t track, std::uint32_t timestamp,
    std::uint32_t nano_offset, TimePoint arrival)
{
  if (tracks_.empty ())
    newest_arrival_ = arrival;
  const auto key = static_cast<std::uint16_t> (static_cast<unsigned> (kind) << 8 | track);
  const auto it = tracks_.find (key);
  const bool known = it != tracks_.end ();
  Stamp out;
  std::optional<std::int64_t> ms = known ? follow (it->second, timestamp, arrival) : std::nullopt;
  out.discontinuity = known && !ms;
  if (!ms)
    ms = follow_others (timestamp, arrival);
  if (!ms)
    ms = newest_ms_ + passed (arrival);
  out.time = milliseconds (*ms) + nanoseconds (nano_offset);
  if (known)
    out.time = std::max (out.time, it->second.last);
  tracks_[key] = {timestamp, *ms, out.time, arrival};
  if (*ms >= newest_ms_) {
    newest_ms_ = *ms;
    newest_arrival_ = arrival;
  }
  return out;
}
} // namespace reach::rtmp
