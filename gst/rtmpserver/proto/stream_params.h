// SPDX-License-Identifier: LGPL-2.1-or-later
// What a track's packets say of its stream, as far as caps need it.
#pragma once
#include "codec_config.h"
#include "metadata.h"

namespace reach::rtmp {
struct StreamParams {
  Codec codec = Codec::unknown;
  std::vector<std::uint8_t> config; // of the last sequence start that is valid; empty: none
  Sound sound;                      // legacy audio
  FrameSize size;                   // of the configuration or a frame, else of the metadata
  double framerate = 0;             // of the metadata, 0: not known
  AudioConfig audio;                // of the configuration or a frame
  std::optional<ColorInfo> color;
  std::optional<MultichannelConfig> speakers;

  bool operator== (const StreamParams &) const = default;

  // Takes what a packet says. True when that has changed something: new caps are needed. The same
  // configuration once more, as some cameras send it with each key frame, changes nothing; an
  // empty or broken one is not taken.
  bool note (const TrackPacket &p);
  // Takes what metadata says of the track, as far as packets have not said better. As above.
  bool note (const TrackInfo &info);
  // Whether frames can be decoded: false as long as the codec's configuration has not come.
  bool complete () const;

private:
  bool note_config (const TrackPacket &p);
  bool note_frame (const TrackPacket &p);
};
} // namespace reach::rtmp
