// SPDX-License-Identifier: LGPL-2.1-or-later
// The pads of rtcpeer that say which layer of a track they are.
#pragma once
#include <gst/gst.h>
#include <string>

namespace reach::rtc {
// GstRtcPeerSinkPad: rid and track, which may be set at any time.
GType peer_sink_pad_type ();
struct LayerName {
  std::string track, rid;
};
LayerName layer_name (GstPad *pad); // of a pad of another type: nothing. Any thread
// GstRtcPeerSrcPad: mid and rid, read-only.
GType peer_src_pad_type ();
void peer_src_pad_set (GstPad *pad, const std::string &mid, const std::string &rid);
} // namespace reach::rtc
