// SPDX-License-Identifier: LGPL-2.1-or-later
// What senders say about a stream: onMetaData, and colorInfo of Enhanced RTMP's metadata packets.
// Everything in it is a claim: it may be missing, wrong, or of streams that never come.
#pragma once
#include "amf.h"
#include "tag.h"

namespace reach::rtmp {
struct TrackInfo {
  Codec codec = Codec::unknown;
  std::uint32_t fourcc = 0;
  double bitrate = 0;      // kbit/s
  std::uint32_t width = 0; // video
  std::uint32_t height = 0;
  double framerate = 0;
  std::uint32_t rate = 0; // audio, Hz
  std::uint8_t channels = 0;
  std::uint8_t bits = 0;

  bool operator== (const TrackInfo &) const = default;
};

struct Metadata {
  struct Track {
    std::uint8_t id = 0;
    TrackInfo info;
    bool operator== (const Track &) const = default;
  };
  // What it says of the default tracks; none when no property speaks of that kind.
  std::optional<TrackInfo> video;
  std::optional<TrackInfo> audio;
  // Enhanced RTMP: further tracks by their ids, in the order of the sender. What a track does not
  // say is as in the default track.
  std::vector<Track> video_tracks;
  std::vector<Track> audio_tracks;
  double duration = 0; // s
  std::string encoder;

  bool operator== (const Metadata &) const = default;
};

// The values of a data message (type 15 or 18): `@setDataFrame`, `onMetaData`, and an object, ECMA
// array or what else senders write; also without the first or with values in between. Nothing if
// it is not onMetaData.
std::optional<Metadata> parse_metadata (const std::vector<Value> &message);
// The values of a message to a player: `onMetaData` and an ECMA array.
std::vector<Value> build_metadata (const Metadata &);
// Whether a data message asks to remove metadata that was kept (`@clearDataFrame`).
bool clears_metadata (const std::vector<Value> &message);

// H.273 code points; 2 is unspecified there and here.
struct ColorInfo {
  std::uint8_t bit_depth = 0;
  std::uint8_t primaries = 2;
  std::uint8_t transfer = 2;
  std::uint8_t matrix = 2;
  struct LightLevel {
    double max_content = 0; // cd/m²
    double max_frame_average = 0;
    bool operator== (const LightLevel &) const = default;
  };
  std::optional<LightLevel> light_level;
  struct Point {
    double x = 0, y = 0; // CIE 1931
    bool operator== (const Point &) const = default;
  };
  struct Mastering {
    Point red, green, blue, white;
    double max_luminance = 0; // cd/m²
    double min_luminance = 0;
    bool operator== (const Mastering &) const = default;
  };
  std::optional<Mastering> mastering;

  bool operator== (const ColorInfo &) const = default;
};

// The values of a PacketType::metadata payload. Nothing if it has no colorInfo; an undefined or
// empty one resets to what the codec says, which is a default ColorInfo.
std::optional<ColorInfo> parse_color_info (const std::vector<Value> &payload);
std::vector<Value> build_color_info (const ColorInfo &);
} // namespace reach::rtmp
