// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stream is protected by (RFC 5109): parity packets behind the frames that they are about.
// Nothing is protected twice.
#pragma once
#include "fec_ulp.h"

namespace reach::rtc {
class FecSender {
public:
  // percentage: parity packets for 100 of media, 1 to 100.
  explicit FecSender (unsigned percentage) : percentage_ (percentage) {}

  // A packet as the peer gets it, without RED; in the order of their numbers.
  void media (const RtpPacket &p);
  bool due () const { return made_ < due_; }
  // The next parity packet's payload, when a frame is whole, or enough packets are there; 0: none
  // yet, or no room. To be taken before the next packet of media, or it is lost.
  std::size_t poll (std::span<std::uint8_t> to);

private:
  static constexpr std::size_t most = 32; // numbers that one parity packet is about, and its reach

  const unsigned percentage_;
  std::vector<std::vector<std::uint8_t>> kept_; // memory is used again
  std::size_t count_ = 0;                       // of kept_, since the last ones were protected
  unsigned credit_ = 0;                         // hundredths of a parity packet
  std::size_t due_ = 0, made_ = 0;
};
} // namespace reach::rtc
