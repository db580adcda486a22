// SPDX-License-Identifier: LGPL-2.1-or-later
// Bodies of audio and video messages: the FLV tag headers and those of Enhanced RTMP v1 and v2. A
// body holds packets of one or more tracks; parsing yields them with their payload by reference,
// building gives the header bytes that go before a payload. No state: each body is complete.
#pragma once
#include "common/proto/slice.h"
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace reach::rtmp {
enum class Codec : std::uint8_t {
  unknown, // see TrackPacket::fourcc
  sorenson,
  screen,
  screen2,
  vp6,
  vp6a,
  avc,
  hevc,
  vvc,
  av1,
  vp8,
  vp9,
  pcm,
  adpcm,
  mp3,
  nellymoser,
  alaw,
  mulaw,
  aac,
  speex,
  opus,
  flac,
  ac3,
  eac3,
};
bool is_audio (Codec);

// A FourCC as Enhanced RTMP and onMetaData count it: the first character is the highest byte.
constexpr std::uint32_t fourcc (std::string_view s)
{
  std::uint32_t v = 0;
  for (const char c : s.substr (0, 4))
    v = v << 8 | static_cast<std::uint8_t> (c);
  return v;
}
// Codec::unknown for what is not listed; 0 for codecs without FourCC.
Codec video_codec_of (std::uint32_t fourcc);
Codec audio_codec_of (std::uint32_t fourcc);
std::uint32_t fourcc_of (Codec);

enum class PacketType : std::uint8_t {
  sequence_start,         // payload: the codec's configuration record; may be empty
  coded_frames,           // payload: one frame
  sequence_end,           // no payload
  metadata,               // video, payload: AMF0 name and value, see ColorInfo
  mpeg2ts_sequence_start, // video, payload: a descriptor as in MPEG-2 TS
  multichannel_config,    // audio, payload: see MultichannelConfig
  command,                // video: TrackPacket::command
};

// How the header is written. `many_…` bodies have one packet type and several tracks.
enum class Framing : std::uint8_t { legacy, enhanced, one_track, many_tracks, many_codecs };

// What a legacy audio header says. AAC and Speex headers say 44.1 kHz stereo or 11 kHz whatever
// the stream has; the codec's own configuration counts.
struct Sound {
  std::uint32_t rate = 0; // Hz
  std::uint8_t bits = 0;
  std::uint8_t channels = 0;

  bool operator== (const Sound &) const = default;
};
// Whether a legacy header can say this sound of the codec as it is. Raw sound needs one of its
// four rates; other codecs say more than it can themselves.
bool has_sound_header (Codec codec, const Sound &sound);

struct TrackPacket {
  Codec codec = Codec::unknown;
  std::uint32_t fourcc = 0; // as received; 0 in a legacy header
  Framing framing = Framing::legacy;
  PacketType type = PacketType::coded_frames;
  std::uint8_t track = 0;          // 0 is the default track
  bool key = false;                // video
  bool disposable = false;         // video, Sorenson: nothing depends on it
  std::uint8_t command = 0;        // video: 0 seeking begins, 1 ends
  std::uint8_t vp6_adjust = 0;     // VP6: what is cut off, high nibble width, low nibble height
  std::int32_t composition_ms = 0; // PTS - DTS, -0x800000 … 0x7fffff
  std::uint32_t nano_offset = 0;   // ns after the message's timestamp, 0 … 999999
  Sound sound;                     // legacy audio
  Slice payload;
};

enum class TagResult : std::uint8_t {
  ok,          // all packets are known good; none, if the body is empty
  unsupported, // reserved packet type, codec id or multitrack type: leave the message out
  malformed,   // shorter than its header says, or contradicts itself
};
// `out` is replaced; it stays empty unless the result is ok.
TagResult parse_video (const Slice &body, std::vector<TrackPacket> &out);
TagResult parse_audio (const Slice &body, std::vector<TrackPacket> &out);

// The bytes before p.payload. Not for Framing::many_tracks and many_codecs, which have headers
// within; nothing for a packet that cannot be written: a codec without FourCC in an enhanced
// header or without codec id in a legacy one, a type that the header does not know.
std::optional<std::vector<std::uint8_t>> build_header (const TrackPacket &p);

// A body of several tracks, at most 256. All packets have the type, framing (many_…), key flag
// and nano offset of the first; with many_tracks its codec too. Nothing when they do not, or when
// a payload is over 16 MiB.
std::optional<std::vector<std::uint8_t>> build_many (std::span<const TrackPacket> packets);
} // namespace reach::rtmp
