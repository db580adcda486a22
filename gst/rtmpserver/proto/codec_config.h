// SPDX-License-Identifier: LGPL-2.1-or-later
// Configuration records of codecs, as sequence headers carry them: the parameters that caps need.
// Each parser takes what a hostile peer may send, reads within it and returns nothing when it is
// not such a record or its values cannot be.
#pragma once
#include "tag.h"
#include <array>

namespace reach::rtmp {
// What is 0 is not known.
struct VideoConfig {
  std::uint32_t width = 0; // pixels, as displayed (cropped)
  std::uint32_t height = 0;
  std::uint8_t profile = 0; // the codec's own numbers
  std::uint8_t level = 0;
  std::uint8_t bit_depth = 0;
  std::uint8_t chroma_format =
      0; // H.26x chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4
  std::uint8_t nal_length_size = 0;

  bool operator== (const VideoConfig &) const = default;
};

// ISO/IEC 14496-15: AVCDecoderConfigurationRecord, HEVCDecoderConfigurationRecord. At least one
// SPS is needed, of which width and height are.
std::optional<VideoConfig> parse_avc_config (Bytes avcc);
std::optional<VideoConfig> parse_hevc_config (Bytes hvcc);
// AV1CodecConfigurationRecord; width and height only if it has a sequence header OBU.
std::optional<VideoConfig> parse_av1_config (Bytes av1c);
// One for a temporal unit that begins with a sequence header, as key frames do.
std::optional<std::vector<std::uint8_t>> build_av1_config (Bytes temporal_unit);
// VPCodecConfigurationRecord, with and without the version and flags of a `vpcC` box before it.
std::optional<VideoConfig> parse_vp_config (Bytes vpcc);
// Profile, bit depth and chroma format; the level is 0, unknown, the colours unspecified.
std::vector<std::uint8_t> build_vp_config (const VideoConfig &);
// The one for `codec`; an empty VideoConfig for codecs without such a record.
std::optional<VideoConfig> parse_video_config (Codec codec, Bytes record);

// Width and height that a frame itself says: screen video, Sorenson, VP6, VP8; the last three in
// key frames only.
struct FrameSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;

  bool operator== (const FrameSize &) const = default;
};
std::optional<FrameSize> parse_frame_size (const TrackPacket &frame);

struct AudioConfig {
  std::uint32_t rate = 0;    // Hz, of the decoded sound where that is known
  std::uint8_t channels = 0; // 0: see the stream
  std::uint8_t bits = 0;
  std::uint8_t profile = 0; // AAC: audio object type. MP3: MPEG version 1, 2 or 3 (2.5)
  std::uint8_t layer = 0;   // MPEG audio
  std::uint16_t frame_samples = 0;
  bool sbr = false;
  bool ps = false;

  bool operator== (const AudioConfig &) const = default;
};

// ISO/IEC 14496-3 AudioSpecificConfig. rate and channels are those of the core coder; with `sbr`
// the decoded rate is the doubled one.
std::optional<AudioConfig> parse_aac_config (Bytes asc);
// Frames that describe themselves.
std::optional<AudioConfig> parse_mp3_frame (Bytes frame);
std::optional<AudioConfig> parse_ac3_frame (Bytes frame); // AC-3 and E-AC-3

// RFC 7845, 5.1.
struct OpusHead {
  std::uint8_t channels = 0;  // 1 … 255
  std::uint16_t pre_skip = 0; // samples of 48 kHz
  std::uint32_t rate = 0;     // of the source, 0: unknown
  std::int16_t gain = 0;      // dB / 256
  std::uint8_t family = 0;
  std::uint8_t streams = 1;
  std::uint8_t coupled = 0;
  std::vector<std::uint8_t> mapping; // one per channel; empty with family 0

  bool operator== (const OpusHead &) const = default;
};
std::optional<OpusHead> parse_opus_head (Bytes head);
std::vector<std::uint8_t> build_opus_head (const OpusHead &);

struct FlacInfo {
  std::uint16_t min_block = 0, max_block = 0; // samples
  std::uint32_t rate = 0;
  std::uint8_t channels = 0;
  std::uint8_t bits = 0;
  Bytes stream_info; // the 34 bytes, within the input

  AudioConfig audio () const;
};
// STREAMINFO alone, with its block header, or after the `fLaC` marker: all three are sent.
std::optional<FlacInfo> parse_flac_config (Bytes record);

// PacketType::multichannel_config: which speaker a channel is for.
struct MultichannelConfig {
  enum class Order : std::uint8_t { unspecified, native, custom };
  Order order = Order::unspecified;
  std::uint8_t channels = 0;
  std::uint32_t mask = 0;            // native: bits are speakers as the Enhanced RTMP enum has them
  std::vector<std::uint8_t> mapping; // custom: one speaker per channel; 0xfe unused, 0xff unknown

  bool operator== (const MultichannelConfig &) const = default;
};
std::optional<MultichannelConfig> parse_multichannel (Bytes payload);
std::vector<std::uint8_t> build_multichannel (const MultichannelConfig &);
} // namespace reach::rtmp
