// SPDX-License-Identifier: LGPL-2.1-or-later
#include "key_start.h"
#include "rtc/proto/codec.h"
#include "rtc/proto/rtp_packet.h"

namespace reach::rtc {
namespace {
bool is_key_nal (std::uint8_t header)
{
  const unsigned type = header & 31;
  return type == 5 || type == 7; // IDR, SPS
}

// RFC 6184, 5.6 to 5.8
bool h264 (Bytes p)
{
  if (p.empty ())
    return false;
  const unsigned type = p[0] & 31;
  if (type == 28 || type == 29) // FU: of its first piece
    return p.size () > 1 && (p[1] & 0x80) != 0 && is_key_nal (p[1]);
  if (type != 24)
    return is_key_nal (p[0]);
  for (p = p.subspan (1); p.size () > 2;) {
    if (is_key_nal (p[2]))
      return true;
    const std::size_t size = load_be<std::uint16_t> (&p[0]) + std::size_t{2};
    if (size >= p.size ())
      break;
    p = p.subspan (size);
  }
  return false;
}

// RFC 7741, 4.2 and 4.3
bool vp8 (Bytes p)
{
  if (p.empty () || (p[0] & 0x17) != 0x10) // start of partition 0
    return false;
  std::size_t at = 1;
  if ((p[0] & 0x80) != 0) {
    if (p.size () < 2)
      return false;
    const unsigned x = p[1];
    at++;
    if ((x & 0x80) != 0)
      at += at < p.size () && (p[at] & 0x80) != 0 ? 2 : 1;
    at += ((x & 0x40) != 0 ? 1u : 0u) + ((x & 0x30) != 0 ? 1u : 0u);
  }
  return at < p.size () && (p[at] & 1) == 0;
}

// RFC 9628, 4.2: not predicted from others, a frame's beginning, the lowest layer.
bool vp9 (Bytes p)
{
  if (p.empty () || (p[0] & 0x40) != 0 || (p[0] & 0x08) == 0)
    return false;
  if ((p[0] & 0x20) == 0)
    return true;
  std::size_t at = 1;
  if ((p[0] & 0x80) != 0)
    at += p.size () > 1 && (p[1] & 0x80) != 0 ? 2 : 1;
  return at < p.size () && (p[at] >> 1 & 7) == 0;
}
} // namespace

KeyStart::KeyStart (const Codec &codec)
{
  how_ = is_name (codec, "H264")  ? How::h264
         : is_name (codec, "VP8") ? How::vp8
         : is_name (codec, "VP9") ? How::vp9
         : is_name (codec, "AV1") ? How::av1
                                  : How::none;
}

bool KeyStart::operator() (Bytes rtp_packet) const
{
  if (how_ == How::none)
    return true;
  const auto packet = RtpPacket::parse (rtp_packet);
  if (!packet)
    return false;
  const Bytes p = packet->payload ();
  switch (how_) {
  case How::h264:
    return h264 (p);
  case How::vp8:
    return vp8 (p);
  case How::vp9:
    return vp9 (p);
  case How::av1:
    return !p.empty () && (p[0] & 8) != 0; // N: a coded video sequence begins
  case How::none:
    break;
  }
  return true;
}
} // namespace reach::rtc
