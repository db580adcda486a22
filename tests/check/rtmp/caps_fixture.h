// SPDX-License-Identifier: LGPL-2.1-or-later
// Parameters of each codec, with records that encoders have written.
#pragma once
#include "../hex.h"
#include "rtmpserver/caps.h"
#include "tag_fixture.h"

namespace reach::test {
using rtmp::StreamParams;

inline const char *const avcc =
    "0164000affe1001a6764000aacd945278888c044000003000400000300283c4896580100"
    "0668ebe3cb22c0fdf8f800";
inline const char *const hvcc =
    "0102200000009000000000001ef000fcfdfafa00000f03a00001001840010c01ffff022000"
    "00030090000003000003001e959809a10001002b420101022000000300900000030000030"
    "01ea024839c92365959ae4caf0168080000030008000003002840a2000100064401c173d189";
inline const char *const av1c = "812000000a0d200000032c1c4daf92021a0040";
inline const char *const opus_head = "4f707573486561640102380180bb0000000000";
inline const char *const opus_head_surround =
    "4f707573486561640106380180bb00000000010402000401020305";
inline const char *const flac_info =
    "1200120000047e0004da0ac440f00000227464b80e4dc9c9bd5ca308a6942a1c06ec";

// What a track's first packets say.
inline StreamParams configured (Codec codec, const Wire &record)
{
  TrackPacket p;
  p.codec = codec;
  p.framing = Framing::enhanced;
  p.type = PacketType::sequence_start;
  p.payload = body (record);
  StreamParams params;
  fail_unless (params.note (p));
  return params;
}

inline StreamParams framed (Codec codec, const Wire &frame, rtmp::Sound sound = {})
{
  TrackPacket p;
  p.codec = codec;
  p.key = true;
  p.sound = sound;
  p.payload = body (frame);
  StreamParams params;
  fail_unless (params.note (p));
  return params;
}
} // namespace reach::test
