// SPDX-License-Identifier: LGPL-2.1-or-later
// Colour and HDR in caps, and speakers.
#pragma once
#include "proto/stream_params.h"
#include <gst/gst.h>

namespace reach::rtmp {
void set_color (GstCaps *caps, const ColorInfo &color);
// Nothing if the caps say nothing of colour.
std::optional<ColorInfo> color_of (const GstCaps *caps);
// GStreamer's channel-mask; 0 when the speakers are not all known or have no order.
guint64 channel_mask (const MultichannelConfig &speakers);
// The way back; nothing for caps without a mask, and for positions that RTMP does not know.
std::optional<MultichannelConfig> speakers_of (const GstCaps *caps);
} // namespace reach::rtmp
