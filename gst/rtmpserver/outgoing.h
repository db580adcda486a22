// SPDX-License-Identifier: LGPL-2.1-or-later
// One track of a sink as the messages that players get. No thread, no GStreamer.
#pragma once
#include "net/player.h"
#include "proto/stream_params.h"

namespace reach::rtmp {
class OutgoingTrack {
public:
  // The id is 0 for the track that every player gets. Further ones have to have a FourCC.
  explicit OutgoingTrack (std::uint8_t id = 0) : id_ (id) {}

  struct Part {
    Slice body;
    MediaInfo info;
  };
  // What frames are sent as from now on. False: RTMP cannot carry them in this track.
  bool set_params (const StreamParams &p);
  const StreamParams &params () const { return params_; }
  MessageType type () const;
  // What goes before the frames: the configuration. None for codecs without.
  std::vector<Part> headers () const;
  // Colours or speakers, see Notices; empty: there is nothing to say. Only in Enhanced RTMP's
  // header: players that know none would take it for another codec.
  Slice notice () const;
  // `composition_ms`: PTS − DTS. The payload is copied behind its header.
  Part frame (Bytes payload, bool key, std::int32_t composition_ms) const;
  // The payload is what begins `at`. If the bytes in front of it are the header that it needs, as
  // where a stream came in by RTMP too, they are sent where they are.
  Part frame (const Slice &all, std::size_t at, bool key, std::int32_t composition_ms) const;
  static constexpr std::size_t max_header = 24;

private:
  TrackPacket packet (PacketType t) const;
  TrackPacket frame_packet (bool key, std::int32_t composition_ms) const;
  Part part (const TrackPacket &p, Bytes payload) const;

  const std::uint8_t id_;
  StreamParams params_;
  Framing framing_ = Framing::legacy;
  bool colored_ = false, placed_ = false; // players were told colours, speakers
};

// onMetaData of all tracks, by their ids; those without codec are left out.
struct OutgoingTracks {
  struct Track {
    std::uint8_t id;
    StreamParams params;
  };
  std::vector<Track> video, audio;
};
Slice metadata_body (const OutgoingTracks &tracks);

// Milliseconds of a message from nanoseconds of running time, rounded down; before 0 is 0.
std::uint32_t timestamp_of (std::int64_t running_time);
// What a tag of an FLV stream is to players: a header, a key frame; or a notice.
struct TagInfo : MediaInfo {
  Codec codec = Codec::unknown;
  bool notice = false;
};
TagInfo info_of (MessageType type, const Slice &body);
} // namespace reach::rtmp
