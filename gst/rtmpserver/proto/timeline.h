// SPDX-License-Identifier: LGPL-2.1-or-later
// Timestamps of a NetStream's messages, serial numbers of 32 bits in milliseconds, to times of 64
// bits that never go back within a track.
#pragma once
#include "common/proto/time.h"
#include <cstdint>
#include <map>
#include <optional>

namespace reach::rtmp {
// A track's timestamps follow from its last one, those of a new track from another track. When
// what comes out is not near to the stream's newest time, the sender has begun anew: the track
// goes on as others that did, else with the time that has passed since the newest message came.
class Timeline {
public:
  struct Tolerance {
    milliseconds back{3000};     // how far tracks may be interleaved
    milliseconds forward{10000}; // of a gap, beyond the time that it took
  };
  struct Stamp {
    nanoseconds time{0};        // 0 is the first message; before it, down to -back, is possible
    bool discontinuity = false; // the sender began anew in this track
  };
  // What messages are told apart by: their kind and track id. Data messages are a track too.
  enum class Kind : std::uint8_t { audio, video, data };

  Timeline () = default;
  explicit Timeline (Tolerance t) : tolerance_ (t) {}

  // `nano_offset` is 0 … 999999. `arrival` does not go back.
  Stamp map (Kind kind, std::uint8_t track, std::uint32_t timestamp, std::uint32_t nano_offset,
      TimePoint arrival);

private:
  struct Track {
    std::uint32_t timestamp = 0; // the last one
    std::int64_t ms = 0;         // where it is
    nanoseconds last{0};
    TimePoint arrival{};
  };
  std::optional<std::int64_t> follow (
      const Track &t, std::uint32_t timestamp, TimePoint arrival) const;
  std::optional<std::int64_t> follow_others (std::uint32_t timestamp, TimePoint arrival) const;
  std::int64_t passed (TimePoint arrival) const;

  Tolerance tolerance_;
  std::int64_t newest_ms_ = 0;
  TimePoint newest_arrival_{};
  // At most 3 × 256.
  std::map<std::uint16_t, Track> tracks_;
};
} // namespace reach::rtmp
