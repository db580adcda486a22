// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtcp_packet.h"

namespace reach::rtc {
namespace {
constexpr std::size_t head = 4;

std::size_t whole_size (Bytes in)
{
  return head + load_be<std::uint16_t> (in.data () + 2) * std::size_t{4};
}

// Without its padding; nothing if that is wrong.
std::optional<RtcpPacket> read (Bytes packet)
{
  RtcpPacket p;
  p.type = static_cast<RtcpType> (packet[1]);
  p.count = packet[0] & 31;
  p.body = packet.subspan (head);
  if (packet[0] & 0x20) {
    const std::size_t n = p.body.empty () ? 0 : p.body.back ();
    if (n == 0 || n % 4 != 0 || n > p.body.size ())
      return {};
    p.body = p.body.first (p.body.size () - n);
  }
  return p;
}
} // namespace

std::optional<RtcpReader> RtcpReader::parse (Bytes datagram, unsigned max)
{
  unsigned n = 0;
  for (Bytes in = datagram; !in.empty (); in = in.subspan (whole_size (in)), n++) {
    if (in.size () < head || in[0] >> 6 != 2 || whole_size (in) > in.size () || n >= max)
      return {};
    const bool last = whole_size (in) == in.size ();
    // RFC 3550, 6.4.1: padding is for the last one.
    if (((in[0] & 0x20) && !last) || !read (in.first (whole_size (in))))
      return {};
  }
  if (n == 0)
    return {};
  return RtcpReader (datagram);
}

std::optional<RtcpPacket> RtcpReader::next ()
{
  if (in_.empty ())
    return {};
  const std::size_t n = whole_size (in_);
  const auto p = read (in_.first (n));
  in_ = in_.subspan (n);
  return p;
}

std::uint8_t *RtcpWriter::add (RtcpType type, std::uint8_t count, std::size_t size)
{
  if (room () < head + size || size % 4 != 0 || size / 4 > 0xffff || count > 31)
    return nullptr;
  std::uint8_t *to = to_.data () + size_;
  to[0] = static_cast<std::uint8_t> (0x80 | count);
  to[1] = static_cast<std::uint8_t> (type);
  store_be (to + 2, static_cast<std::uint16_t> (size / 4));
  size_ += head + size;
  return to + head;
}
} // namespace reach::rtc
