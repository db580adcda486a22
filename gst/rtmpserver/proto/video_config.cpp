// SPDX-License-Identifier: LGPL-2.1-or-later
// VP8 and VP9 records; sizes that frames say.
#include "bits.h"
#include "codec_config.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
// Adobe's screen video: block size and picture size in each frame.
std::optional<FrameSize> screen_size (Bytes b)
{
  ByteReader r (b);
  FrameSize s;
  s.width = r.u16 () & 0x0fff;
  s.height = r.u16 () & 0x0fff;
  return r.failed () ? std::nullopt : std::optional (s);
}

std::optional<FrameSize> sorenson_size (Bytes b)
{
  BitReader r (b);
  if (r.bits (17) != 1 || r.bits (5) > 1)
    return std::nullopt;
  r.skip (8);
  constexpr std::array<FrameSize, 5> sizes{
      {{352, 288}, {176, 144}, {128, 96}, {320, 240}, {160, 120}}};
  const unsigned kind = r.bits (3);
  FrameSize s;
  if (kind < 2) {
    s.width = r.bits (kind == 0 ? 8 : 16);
    s.height = r.bits (kind == 0 ? 8 : 16);
  } else if (kind < 7) {
    s = sizes[kind - 2];
  }
  return r.failed () ? std::nullopt : std::optional (s);
}

// A VP6 key frame says its size in blocks of 16; what is too much is in the tag's header.
std::optional<FrameSize> vp6_size (const TrackPacket &p)
{
  ByteReader r (p.payload.bytes);
  if (p.codec == Codec::vp6a)
    r.take (3); // where the alpha plane begins
  const std::uint8_t first = r.u8 ();
  const std::uint8_t second = r.u8 ();
  if ((first & 0x80) != 0)
    return std::nullopt;
  if ((first & 1) != 0 || (second & 6) == 0)
    r.u16 ();
  FrameSize s;
  s.height = r.u8 () * 16u;
  s.width = r.u8 () * 16u;
  if (r.failed () || s.width == 0 || s.height == 0)
    return std::nullopt;
  s.width -= p.vp6_adjust >> 4;
  s.height -= p.vp6_adjust & 0x0f;
  return s;
}

// RFC 6386, 9.1.
std::optional<FrameSize> vp8_size (Bytes b)
{
  if (b.size () < 10 || (b[0] & 1) != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a)
    return std::nullopt;
  return FrameSize{static_cast<std::uint32_t> ((b[6] | b[7] << 8) & 0x3fff),
      static_cast<std::uint32_t> ((b[8] | b[9] << 8) & 0x3fff)};
}
} // namespace

std::optional<VideoConfig> parse_vp_config (Bytes vpcc)
{
  // A record cannot begin so: its third byte has the bit depth.
  constexpr std::array<std::uint8_t, 4> box{1, 0, 0, 0};
  if (vpcc.size () >= 12 && std::equal (box.begin (), box.end (), vpcc.begin ()))
    vpcc = vpcc.subspan (4);
  ByteReader r (vpcc);
  VideoConfig v;
  v.profile = r.u8 ();
  v.level = r.u8 ();
  const std::uint8_t format = r.u8 ();
  r.take (3); // colour
  r.take (r.u16 ());
  v.bit_depth = format >> 4;
  const unsigned chroma = format >> 1 & 7;
  v.chroma_format = static_cast<std::uint8_t> (chroma < 2 ? 1 : chroma); // 0: left, 1: colocated
  if (r.failed () || v.profile > 3 || chroma > 3 ||
      (v.bit_depth != 8 && v.bit_depth != 10 && v.bit_depth != 12))
    return std::nullopt;
  return v;
}

std::vector<std::uint8_t> build_vp_config (const VideoConfig &v)
{
  ByteWriter w;
  w.u8 (v.profile);
  w.u8 (v.level);
  w.u8 (
      static_cast<std::uint8_t> (v.bit_depth << 4 | std::min<unsigned> (v.chroma_format, 3) << 1));
  for (int i = 0; i < 3; i++)
    w.u8 (2); // unspecified
  w.u16 (0);
  return w.take ();
}

std::optional<VideoConfig> parse_video_config (Codec codec, Bytes record)
{
  switch (codec) {
  case Codec::avc:
    return parse_avc_config (record);
  case Codec::hevc:
    return parse_hevc_config (record);
  case Codec::av1:
    return parse_av1_config (record);
  case Codec::vp8:
  case Codec::vp9:
    return parse_vp_config (record);
  default:
    return VideoConfig{};
  }
}

std::optional<FrameSize> parse_frame_size (const TrackPacket &frame)
{
  std::optional<FrameSize> s;
  if (frame.codec == Codec::screen || frame.codec == Codec::screen2)
    s = screen_size (frame.payload.bytes);
  else if (frame.codec == Codec::sorenson && frame.key)
    s = sorenson_size (frame.payload.bytes);
  else if ((frame.codec == Codec::vp6 || frame.codec == Codec::vp6a) && frame.key)
    s = vp6_size (frame);
  else if (frame.codec == Codec::vp8)
    s = vp8_size (frame.payload.bytes);
  return s && s->width > 0 && s->height > 0 ? s : std::nullopt;
}
} // namespace reach::rtmp
