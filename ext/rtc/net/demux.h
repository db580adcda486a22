// SPDX-License-Identifier: LGPL-2.1-or-later
// What a datagram of a peer is, by its first bytes (RFC 7983 as updated by RFC 9443; RFC 5761).
#pragma once
#include "common/proto/bytes.h"

namespace reach::rtc {
enum class PacketKind : std::uint8_t { stun, zrtp, dtls, turn_channel, rtp, rtcp, unknown };

inline PacketKind kind_of (Bytes datagram)
{
  if (datagram.empty ())
    return PacketKind::unknown;
  const std::uint8_t first = datagram[0];
  if (first <= 3)
    return PacketKind::stun;
  if (first >= 16 && first <= 19)
    return PacketKind::zrtp;
  if (first >= 20 && first <= 63)
    return PacketKind::dtls;
  if (first >= 64 && first <= 79)
    return PacketKind::turn_channel;
  if (first < 128 || first > 191 || datagram.size () < 2)
    return PacketKind::unknown; // 80 to 127 would be QUIC
  return datagram[1] >= 192 && datagram[1] <= 223 ? PacketKind::rtcp : PacketKind::rtp;
}
} // namespace reach::rtc
