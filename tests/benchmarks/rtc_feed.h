// SPDX-License-Identifier: LGPL-2.1-or-later
// A live source of RTP that looks like H.264 of 25 frames a second, each a list of buffers as
// rtph264pay makes them: a header of its own, and the same payload again and again.
#pragma once
#include <gst/gst.h>

namespace reach::bench {
struct RtpLoad {
  unsigned packets = 20; // of a frame
  gsize size = 1164;     // of a packet, with its header
};
constexpr const char *rtp_caps =
    "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,"
    "payload=102,packetization-mode=(string)1,"
    "profile-level-id=(string)42e01f,ssrc=(uint)3735928559";

bool register_rtp_feed (); // as the element "rtpfeed"
void configure_rtp_feed (GstElement *feed, RtpLoad load);
} // namespace reach::bench
