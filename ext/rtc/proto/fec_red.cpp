// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fec_red.h"

namespace reach::rtc {
std::optional<std::size_t> parse_red (Bytes payload, std::span<RedBlock> to)
{
  ByteReader heads (payload);
  std::size_t n = 0, sizes[32], all = 0;
  for (;; n++) {
    if (n >= to.size () || n >= std::size (sizes) || heads.left () == 0)
      return {};
    const std::uint8_t first = heads.u8 ();
    to[n] = {static_cast<std::uint8_t> (first & 0x7f), 0, {}};
    if ((first & 0x80) == 0)
      break;
    const unsigned rest = unsigned{heads.u8 ()} << 16 | heads.u16 (); // 14 bits and 10
    to[n].timestamp_offset = static_cast<std::uint16_t> (rest >> 10);
    sizes[n] = rest & 0x3ff;
    all += sizes[n];
    if (heads.failed ())
      return {};
  }
  if (all > heads.left ())
    return {};
  for (std::size_t i = 0; i < n; i++)
    to[i].payload = heads.take (sizes[i]);
  to[n].payload = heads.take (heads.left ());
  return n + 1;
}

std::optional<std::span<std::uint8_t>> restore_primary (std::span<std::uint8_t> red)
{
  const auto p = RtpPacket::parse (red);
  if (!p || p->payload ().empty () || (p->payload ()[0] & 0x80) != 0)
    return {};
  const std::uint8_t type = p->payload ()[0];
  std::memmove (red.data () + 1, red.data (), p->header_size ());
  const auto primary = red.subspan (1);
  primary[1] = static_cast<std::uint8_t> ((primary[1] & 0x80) | type);
  return primary;
}

std::size_t wrap_primary (std::span<std::uint8_t> room, std::size_t size, std::uint8_t red)
{
  const auto p = RtpPacket::parse (room.first (size));
  if (!p || size == room.size ())
    return 0;
  const std::size_t head = p->header_size ();
  const std::uint8_t type = p->payload_type ();
  std::memmove (&room[head + 1], &room[head], size - head);
  room[head] = type;
  room[1] = static_cast<std::uint8_t> ((room[1] & 0x80) | red);
  return size + 1;
}
} // namespace reach::rtc
