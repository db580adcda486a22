// SPDX-License-Identifier: LGPL-2.1-or-later
// What players should know of a track besides its configuration: colours, speakers. A publication
// keeps one header of each track for who joins, so these are said again: in front of each key
// frame, of sound once a second. No thread, no GStreamer.
#pragma once
#include "net/player.h"
#include "proto/tag.h"
#include <map>
#include <optional>

namespace reach::rtmp {
class Notices {
public:
  static constexpr std::uint32_t sound_interval = 1000; // ms
  static constexpr std::size_t max_tracks = 64;

  struct Of {
    MessageType type;
    std::uint8_t track;
    Codec codec;
  };
  // The body of the message, sent from the track's next frame on. Empty: no more. What is said of
  // another codec than the track has is of another track: FFmpeg 8.1 does so.
  void set (const Of &of, Slice body);
  // The track's configuration. With another one, what was said before it does not hold any more.
  void header (const Of &of, Slice body);

  struct Notice {
    Slice body;
    MediaInfo info;
  };
  // What goes in front of a frame. Who begins with a key frame begins with what is in front of it,
  // so that it has the mark `key` then, and the frame has not.
  std::optional<Notice> before (MessageType type, MediaInfo &frame, std::uint32_t timestamp);

private:
  struct Track {
    Codec codec = Codec::unknown; // of the header
    Slice header, body;
    std::uint32_t said = 0;
    bool fresh = true;
  };
  Track *track_of (const Of &of);

  std::map<std::pair<MessageType, std::uint8_t>, Track> tracks_;
};
} // namespace reach::rtmp
