// SPDX-License-Identifier: LGPL-2.1-or-later
// AVC and HEVC: the records, and of the first SPS what caps need (ITU-T H.264 7.3.2.1.1,
// H.265 7.3.2.2.1).
#include "bits.h"
#include "codec_config.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::uint32_t max_size = 65536; // pixels

// Without the bytes that keep start codes out. What a reader needs is near the beginning.
std::vector<std::uint8_t> unescape (Bytes nal)
{
  nal = nal.first (std::min<std::size_t> (nal.size (), 4096));
  std::vector<std::uint8_t> out;
  out.reserve (nal.size ());
  unsigned zeroes = 0;
  for (const std::uint8_t b : nal) {
    if (zeroes >= 2 && b == 3) {
      zeroes = 0;
      continue;
    }
    zeroes = b == 0 ? zeroes + 1 : 0;
    out.push_back (b);
  }
  return out;
}

struct Crop {
  std::uint64_t left = 0, right = 0, top = 0, bottom = 0;
};

Crop read_crop (BitReader &r)
{
  Crop c;
  c.left = r.ue ();
  c.right = r.ue ();
  c.top = r.ue ();
  c.bottom = r.ue ();
  return c;
}

// False when nothing is left of the picture.
bool set_size (VideoConfig &v, std::uint64_t width, std::uint64_t height, const Crop &crop,
    unsigned unit_x, unsigned unit_y)
{
  const std::uint64_t cut_x = (crop.left + crop.right) * unit_x;
  const std::uint64_t cut_y = (crop.top + crop.bottom) * unit_y;
  if (width == 0 || height == 0 || width > max_size || height > max_size || cut_x >= width ||
      cut_y >= height)
    return false;
  v.width = static_cast<std::uint32_t> (width - cut_x);
  v.height = static_cast<std::uint32_t> (height - cut_y);
  return true;
}

void skip_scaling_lists (BitReader &r, unsigned lists)
{
  for (unsigned i = 0; i < lists && !r.failed (); i++) {
    if (!r.bit ())
      continue;
    std::uint32_t last = 8, next = 8; // unsigned: a difference may be anything
    for (unsigned j = 0; j < (i < 6 ? 16u : 64u) && !r.failed (); j++) {
      if (next != 0)
        next = (last + static_cast<std::uint32_t> (r.se ())) & 0xff;
      last = next == 0 ? last : next;
    }
  }
}

bool has_chroma_format (std::uint8_t profile)
{
  constexpr std::array<std::uint8_t, 13> profiles{
      100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
  return std::find (profiles.begin (), profiles.end (), profile) != profiles.end ();
}

// Chroma format, bit depth and scaling lists, which only the high profiles have.
void read_high_profile (BitReader &r, VideoConfig &v)
{
  v.chroma_format = static_cast<std::uint8_t> (std::min (r.ue (), 255u));
  if (v.chroma_format == 3)
    r.bit (); // separate_colour_plane_flag
  v.bit_depth = static_cast<std::uint8_t> (8 + std::min (r.ue (), 8u));
  r.ue (); // of chroma
  r.bit ();
  if (r.bit ())
    skip_scaling_lists (r, v.chroma_format == 3 ? 12 : 8);
}

void skip_order_count (BitReader &r)
{
  const std::uint32_t type = r.ue ();
  if (type == 0) {
    r.ue ();
  } else if (type == 1) {
    r.bit ();
    r.se ();
    r.se ();
    const std::uint32_t n = r.ue ();
    for (std::uint32_t i = 0; i < n && !r.failed (); i++)
      r.se ();
  }
}

bool read_avc_sps (Bytes nal, VideoConfig &v)
{
  const auto sps = unescape (nal);
  if (sps.size () < 5 || (sps[0] & 0x1f) != 7)
    return false;
  v.profile = sps[1];
  v.level = sps[3];
  v.chroma_format = 1;
  v.bit_depth = 8;
  BitReader r (Bytes (sps).subspan (4));
  r.ue (); // id
  if (has_chroma_format (v.profile))
    read_high_profile (r, v);
  r.ue (); // log2_max_frame_num
  skip_order_count (r);
  r.ue (); // max_num_ref_frames
  r.bit ();
  const std::uint64_t width = (std::uint64_t{r.ue ()} + 1) * 16;
  const std::uint64_t map_height = (std::uint64_t{r.ue ()} + 1) * 16;
  const unsigned fields = r.bit () ? 1 : 2; // frame_mbs_only_flag
  if (fields == 2)
    r.bit ();
  r.bit ();
  const Crop crop = r.bit () ? read_crop (r) : Crop{};
  const unsigned x = v.chroma_format == 1 || v.chroma_format == 2 ? 2 : 1;
  const unsigned y = (v.chroma_format == 1 ? 2 : 1) * fields;
  return !r.failed () && v.chroma_format <= 3 &&
         set_size (v, width, map_height * fields, crop, x, y);
}

// profile_tier_level; general_profile_idc is in the record too.
void skip_profile_tier_level (BitReader &r, unsigned sub_layers)
{
  r.skip (2 + 1 + 5 + 32 + 48 + 8);
  std::array<bool, 8> profile{}, level{};
  for (unsigned i = 0; i < sub_layers; i++) {
    profile[i] = r.bit ();
    level[i] = r.bit ();
  }
  if (sub_layers > 0)
    r.skip (2 * (8 - sub_layers));
  for (unsigned i = 0; i < sub_layers; i++)
    r.skip ((profile[i] ? 88 : 0) + (level[i] ? 8 : 0));
}

bool read_hevc_sps (Bytes nal, VideoConfig &v)
{
  const auto sps = unescape (nal);
  if (sps.size () < 4 || (sps[0] >> 1 & 0x3f) != 33)
    return false;
  BitReader r (Bytes (sps).subspan (2));
  r.skip (4);
  const unsigned sub_layers = r.bits (3);
  r.bit ();
  skip_profile_tier_level (r, sub_layers);
  r.ue (); // id
  const std::uint32_t chroma = r.ue ();
  if (chroma > 3)
    return false;
  v.chroma_format = static_cast<std::uint8_t> (chroma);
  if (chroma == 3)
    r.bit ();
  const std::uint32_t width = r.ue ();
  const std::uint32_t height = r.ue ();
  const Crop crop = r.bit () ? read_crop (r) : Crop{};
  v.bit_depth = static_cast<std::uint8_t> (8 + std::min (r.ue (), 8u));
  return !r.failed () &&
         set_size (v, width, height, crop, chroma == 1 || chroma == 2 ? 2 : 1, chroma == 1 ? 2 : 1);
}

// n NAL units, each behind its 16-bit length. False if one is missing; the first is kept.
bool read_nals (ByteReader &r, unsigned n, Bytes &first)
{
  for (unsigned i = 0; i < n; i++) {
    const std::size_t size = r.u16 ();
    const Bytes nal = r.take (size);
    if (first.empty ())
      first = nal;
  }
  return !r.failed ();
}
} // namespace

std::optional<VideoConfig> parse_avc_config (Bytes avcc)
{
  ByteReader r (avcc);
  VideoConfig v;
  if (r.u8 () != 1)
    return std::nullopt;
  r.take (3);
  v.nal_length_size = static_cast<std::uint8_t> ((r.u8 () & 3) + 1);
  Bytes sps, pps;
  const bool complete = read_nals (r, r.u8 () & 0x1f, sps) && read_nals (r, r.u8 (), pps);
  if (!complete || v.nal_length_size == 3 || !read_avc_sps (sps, v))
    return std::nullopt;
  return v;
}

std::optional<VideoConfig> parse_hevc_config (Bytes hvcc)
{
  ByteReader r (hvcc);
  VideoConfig v;
  // Early muxers wrote version 0.
  if (r.u8 () > 1)
    return std::nullopt;
  v.profile = r.u8 () & 0x1f;
  r.take (10);
  v.level = r.u8 ();
  r.take (8);
  v.nal_length_size = static_cast<std::uint8_t> ((r.u8 () & 3) + 1);
  const unsigned arrays = r.u8 ();
  Bytes sps;
  for (unsigned i = 0; i < arrays && !r.failed (); i++) {
    const unsigned type = r.u8 () & 0x3f;
    const unsigned n = r.u16 ();
    Bytes first;
    if (!read_nals (r, n, first))
      return std::nullopt;
    if (type == 33 && sps.empty ())
      sps = first;
  }
  if (r.failed () || v.nal_length_size == 3 || !read_hevc_sps (sps, v))
    return std::nullopt;
  return v;
}
} // namespace reach::rtmp
