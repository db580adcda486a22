// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers of the headers that tag.cpp reads and tag_build.cpp writes.
#pragma once
#include "tag.h"
#include <array>

namespace reach::rtmp {
enum class FrameType : std::uint8_t {
  key = 1,
  inter = 2,
  disposable = 3,
  generated_key = 4,
  command = 5
};

inline constexpr std::uint8_t ex_video_bit = 0x80;
inline constexpr std::uint8_t ex_sound_format = 9;
inline constexpr std::uint8_t mp3_8k_format = 14;
inline constexpr std::uint8_t aac_format = 10;
// Packet types of both, and those that differ.
inline constexpr std::uint8_t wire_coded_frames_x = 3;
inline constexpr std::uint8_t wire_mod_ex = 7;
inline constexpr std::uint8_t wire_metadata = 4;
inline constexpr std::uint8_t video_multitrack = 6;
inline constexpr std::uint8_t audio_multitrack = 5;
inline constexpr std::uint8_t mod_ex_nano_offset = 0;
inline constexpr std::size_t max_tracks = 256;
inline constexpr std::uint32_t max_nano_offset = 999'999;

// Rates of a legacy audio header by its two bits.
inline constexpr std::array<std::uint32_t, 4> sound_rates{5512, 11025, 22050, 44100};

// Whether coded frames of the codec begin with a composition time in an enhanced header.
inline bool has_composition_time (Codec c)
{
  return c == Codec::avc || c == Codec::hevc || c == Codec::vvc;
}
// Whether the legacy header has a packet type and a composition time, as AVC's.
inline bool is_nal_codec (Codec c)
{
  return c == Codec::avc || c == Codec::hevc;
}
} // namespace reach::rtmp
