// SPDX-License-Identifier: LGPL-2.1-or-later
// One pad of camsender: a private GstBaseSink, so that synchronisation, preroll, EOS, QoS and
// latency are those of any sink.
#pragma once
#include "cam/net/sender_engine.h"
#include <gst/base/gstbasesink.h>
#include <memory>

G_DECLARE_FINAL_TYPE (GstCamSink, gst_cam_sink, GST, CAM_SINK, GstBaseSink)

namespace reach::cam {
GstCamSink *make_sink (MediaType type, std::uint16_t index);
// The engine of the present run, from READY on; null when the run is over. Any thread.
void sink_set_engine (
    GstCamSink *sink, std::shared_ptr<SenderEngine> engine, Duration drain_timeout);
std::uint16_t sink_stream (GstCamSink *sink); // 0 = no run
// A receiver needs a key frame. Not on a streaming thread.
void sink_request_key_unit (GstCamSink *sink);
} // namespace reach::cam
