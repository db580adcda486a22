// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_rtx.h"

namespace reach::rtc {
std::optional<std::uint16_t> original_number (const RtpPacket &rtx)
{
  const Bytes payload = rtx.payload ();
  if (payload.size () < 2)
    return {};
  return load_be<std::uint16_t> (payload.data ());
}

std::optional<std::span<std::uint8_t>> restore_original (
    std::span<std::uint8_t> rtx, std::uint32_t media_ssrc, std::uint8_t payload_type)
{
  const auto p = RtpPacket::parse (rtx);
  const auto number = p ? original_number (*p) : std::nullopt;
  if (!number)
    return {};
  const std::size_t header = p->header_size ();
  std::memmove (rtx.data () + 2, rtx.data (), header);
  const auto original = rtx.subspan (2);
  original[1] = static_cast<std::uint8_t> ((original[1] & 0x80) | (payload_type & 0x7f));
  store_be (&original[2], *number);
  store_be (&original[8], media_ssrc);
  return original;
}
} // namespace reach::rtc
