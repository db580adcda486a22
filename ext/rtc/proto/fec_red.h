// SPDX-License-Identifier: LGPL-2.1-or-later
// RED (RFC 2198): several payloads in one packet. WebRTC's video puts one in each, of media or of
// FEC; audio repeats what was sent before.
#pragma once
#include "rtp_packet.h"

namespace reach::rtc {
struct RedBlock {
  std::uint8_t payload_type = 0;
  std::uint16_t timestamp_offset = 0; // ticks before the packet's; of the last block 0
  Bytes payload;
};
// The blocks of an RTP payload; the last is the primary one. Nothing when lengths reach over the
// end, or there are more than fit `to`. Returns how many.
std::optional<std::size_t> parse_red (Bytes payload, std::span<RedBlock> to);

// Of a packet with one block: the packet that it was before, in its place. The header moves over
// the block's head; the result is a part of `red`.
std::optional<std::span<std::uint8_t>> restore_primary (std::span<std::uint8_t> red);
// The other way: a packet of `size` bytes as the one block of RED of that payload type, in its
// place. Returns its new size; 0: no room for a byte more, or no packet.
std::size_t wrap_primary (std::span<std::uint8_t> room, std::size_t size, std::uint8_t red);
} // namespace reach::rtc
