// SPDX-License-Identifier: LGPL-2.1-or-later
// Parameters of a track ↔ caps of its pad. No thread, no state.
#pragma once
#include "common/ref.h"
#include "proto/stream_params.h"

namespace reach::rtmp {
// Caps that GStreamer's parsers and decoders take; empty while `params` are not complete, and for
// a codec that nothing in GStreamer decodes. Configuration records travel as codec_data or, where
// that is the custom, as streamheader. Colour and HDR are set for video only.
Ref<GstCaps> caps_of (const StreamParams &params);

// The way back, for streams that we send: what goes into sequence headers and metadata. `config`
// is made where caps have no codec_data (Opus, VP8, VP9). Nothing for caps that RTMP cannot carry
// as they are: other stream formats, or raw sound that FLV has no header for.
std::optional<StreamParams> params_of (const GstCaps *caps);
} // namespace reach::rtmp
