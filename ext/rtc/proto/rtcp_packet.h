// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP: the packets of a datagram, compound (RFC 3550, 6) or reduced-size (RFC 5506), as views.
#pragma once
#include "common/proto/bytes.h"
#include <optional>

namespace reach::rtc {
enum class RtcpType : std::uint8_t {
  sender_report = 200,
  receiver_report = 201,
  sdes = 202,
  bye = 203,
  app = 204,
  transport_feedback = 205, // RFC 4585: NACK 1; transport-wide feedback 15
  payload_feedback = 206,   // PLI 1, FIR 4, application 15 (REMB)
  extended_report = 207,
};
inline constexpr std::uint8_t fmt_nack = 1, fmt_transport_wide = 15;
inline constexpr std::uint8_t fmt_pli = 1, fmt_fir = 4, fmt_application = 15;

struct RtcpPacket {
  RtcpType type{};
  std::uint8_t count = 0; // reports, chunks, sources; of feedback the format
  Bytes body;             // behind the first four bytes, without padding

  // Of feedback and reports; 0 when it is too short.
  std::uint32_t sender_ssrc () const
  {
    return body.size () < 4 ? 0 : load_be<std::uint32_t> (body.data ());
  }
};

class RtcpReader {
public:
  // Nothing of a datagram is given unless the lengths of all its packets are right and none has
  // another version, and there are at most `max` of them. It outlives the reader.
  static std::optional<RtcpReader> parse (Bytes datagram, unsigned max = 64);
  std::optional<RtcpPacket> next ();

private:
  explicit RtcpReader (Bytes in) : in_ (in) {}
  Bytes in_;
};

// Appends packets to the caller's buffer. One that does not fit leaves nothing behind, returns
// false, and the next may.
class RtcpWriter {
public:
  explicit RtcpWriter (std::span<std::uint8_t> to) : to_ (to) {}

  // A packet with a body of `size` bytes, a multiple of 4; the body's place, or null.
  std::uint8_t *add (RtcpType type, std::uint8_t count, std::size_t size);
  std::size_t room () const { return to_.size () - size_; }
  std::size_t size () const { return size_; }
  Bytes datagram () const { return to_.first (size_); }

private:
  std::span<std::uint8_t> to_;
  std::size_t size_ = 0;
};
} // namespace reach::rtc
