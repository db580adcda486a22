// SPDX-License-Identifier: LGPL-2.1-or-later
// GStreamer's WebRTC library, always by this: in 1.22 gst_webrtc_error_quark () is declared without
// extern "C".
#pragma once
#include <gst/gst.h>
#include <gst/sdp/sdp.h>

extern "C" {
#include <gst/webrtc/webrtc.h>
}
