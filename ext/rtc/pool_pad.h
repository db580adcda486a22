// SPDX-License-Identifier: LGPL-2.1-or-later
// A src pad of rtcpool: says whose media these are, by read-only properties.
#pragma once
#include <gst/gst.h>
#include <string>

namespace reach::rtc {
// GstRtcPoolPad: peer-id, mid, kind (video, audio), description (JSON or NULL).
GType pool_pad_type ();
void pool_pad_set (GstPad *pad, const std::string &peer, const std::string &mid, const char *kind,
    const std::string &description);
} // namespace reach::rtc
