// SPDX-License-Identifier: LGPL-2.1-or-later
// What is in a retransmission packet (RFC 4588, 4).
#pragma once
#include "rtp_packet.h"

namespace reach::rtc {
// Makes of an RTX packet the packet that it repeats, in its place: the header moves over the
// original number, the payload stays. `media_ssrc` and `payload_type` (the apt) are the original's.
// The result is a part of `rtx`. Nothing when it has no original number, as padding alone has none.
std::optional<std::span<std::uint8_t>> restore_original (
    std::span<std::uint8_t> rtx, std::uint32_t media_ssrc, std::uint8_t payload_type);
// The number of the packet that it repeats.
std::optional<std::uint16_t> original_number (const RtpPacket &rtx);
} // namespace reach::rtc
