// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer as WHIP and WHEP client of a server whose WebRTC stack is werift's.
#pragma once
#include "../whip_server.h"
#include "rtc_call.h"

namespace reach::test {
inline const std::string vp8 = small_video +
                               " ! vp8enc deadline=1 cpu-used=8 target-bitrate=300000 "
                               "keyframe-max-dist=60";
inline const std::string opus = small_audio + " ! opusenc";

inline std::string peer (const std::string &uri, const std::string &more = {})
{
  return "rtcpeer name=peer signalling-uri=" + uri + " " + more + " ";
}
inline std::string publisher (const WhipServer &s, const std::string &more = {})
{
  return peer (s.uri ("whip"), more) + vp8 + " ! peer.video_0  " + opus + " ! peer.audio_0";
}
// Packets of both media go on coming.
inline void flows (WhipServer &s)
{
  for (const char *kind : {"video", "audio"}) {
    const double before = s.number (kind);
    fail_unless (
        iterate_until ([&] { return s.number (kind) >= before + 10; }), "no %s comes", kind);
  }
  fail_unless (s.sees ("\"faults\":[]"));
}
} // namespace reach::test
