// SPDX-License-Identifier: LGPL-2.1-or-later
// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1).
#pragma once
#include "common/proto/time.h"
#include "rtcp_packet.h"

namespace reach::rtc {
inline constexpr microseconds twcc_tick{250}, twcc_reference{64000};

struct TwccStatus {
  std::uint16_t number = 0;
  bool received = false;
  // On the receiver's clock, since the feedback's reference time. May go back.
  microseconds arrival{};
};

class TwccFeedback {
public:
  // Nothing when chunks or deltas are fewer than its packets need, or those are more than `max`.
  static std::optional<TwccFeedback> parse (const RtcpPacket &p, std::uint16_t max = 8192);

  std::uint32_t sender_ssrc = 0, media_ssrc = 0;
  std::uint16_t first = 0, packets = 0;
  std::int32_t reference = 0; // units of 64 ms, 24 bits with sign; wraps
  std::uint8_t number = 0;    // of the feedback packet

  // In the order of their numbers.
  class Cursor {
  public:
    std::optional<TwccStatus> next ();
    bool failed () const { return failed_; }

  private:
    friend class TwccFeedback;
    unsigned symbol ();

    Bytes chunks_, deltas_;
    std::uint16_t number_ = 0, left_ = 0;
    std::uint16_t chunk_ = 0, in_chunk_ = 0; // the open chunk; symbols that it still has
    microseconds time_{};
    bool failed_ = false;
  };
  Cursor statuses () const;

private:
  Bytes chunks_, deltas_;
};

// An arrival for the builder, in the order of numbers, each once.
struct TwccArrival {
  std::int64_t number = 0; // unwrapped
  TimePoint time{};
};
// One packet, up to the last arrival that fits `to`, 2 KiB and the format; returns how many it
// covers. `first`: where the report begins, at most 1000 before the first arrival: what is between
// them is reported as not received, as are gaps; behind a gap of more than 1000 begins another
// report.
std::size_t write_twcc (RtcpWriter &to, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
    std::uint8_t number, std::int64_t first, std::span<const TwccArrival> arrivals);
} // namespace reach::rtc
