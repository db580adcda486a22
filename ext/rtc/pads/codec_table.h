// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs that have elements of GStreamer.
#pragma once
#include "rtc/proto/media_types.h"
#include <span>
#include <string>
#include <string_view>

namespace reach::rtc {
inline constexpr unsigned start_bitrate_video = 2'000'000, start_bitrate_audio = 64'000;

struct CodecEntry {
  const char *name; // as in rtpmap
  MediaKind kind;
  std::uint8_t payload_type; // that ours leave the pipeline with
  std::uint32_t clock_rate;
  std::uint8_t channels;
  const char *media, *extra; // caps, and further fields of them
  const char *parser;        // nullptr: the payloader needs none
  const char *payloader, *depayloader;
  const char *encoder, *other_encoder; // nullptr: ours does not encode it
  const char *raw_caps;                // of sound, that its encoder and payloader take
};
std::span<const CodecEntry> codec_table ();
const CodecEntry *find_codec (std::string_view name);
bool is_installed (const char *factory);
// The encoder that is installed; empty: none.
std::string encoder_of (const CodecEntry &entry);
} // namespace reach::rtc
