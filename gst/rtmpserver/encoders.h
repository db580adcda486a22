// SPDX-License-Identifier: LGPL-2.1-or-later
// What is put in front of a stream that RTMP cannot carry as it is: an encoder for raw video and
// sound, a parser for coded streams in another format.
#pragma once
#include "common/ref.h"
#include <cstdint>
#include <string>

namespace reach::rtmp {
struct EncoderSettings {
  std::string video_codecs = "h264,screen-video"; // in the order of preference
  std::string audio_codecs = "aac,mp3,pcm";
  unsigned bitrate = 0;                                   // of video, kbit/s; 0: the encoder's own
  int framerate_numerator = 0, framerate_denominator = 1; // 0: as it comes
  std::string preset;
};

enum class InputKind : std::uint8_t { video, audio, data, flv };

// What a pad takes, the formats that need nothing in front first.
Ref<GstCaps> accepted_caps (InputKind kind);
// Names that video_codecs or audio_codecs may have. False: `wrong` is none of them.
bool valid_codecs (InputKind kind, const std::string &list, std::string &wrong);

struct Front {
  Ref<GstElement> bin;  // with pads sink and src, floating no more; null: nothing is needed
  std::string failure;  // not empty: it cannot be made, and why
  Ref<GstCaps> missing; // an encoder for this would be needed
};
Front front_for (const GstCaps *caps, InputKind kind, const EncoderSettings &s);
} // namespace reach::rtmp
