// SPDX-License-Identifier: LGPL-2.1-or-later
// The packets before the first frame that some caps carry as `streamheader`.
#pragma once
#include "common/ref.h"
#include "proto/codec_config.h"

namespace reach::rtmp {
using StreamHeaders = std::vector<std::vector<std::uint8_t>>;

StreamHeaders opus_headers (const OpusHead &head);
StreamHeaders flac_headers (Bytes stream_info);
StreamHeaders speex_headers (const Sound &sound);

Ref<GstBuffer> buffer_of (Bytes bytes);
void set_stream_headers (GstCaps *caps, const StreamHeaders &headers);
// The first one, for the way back; empty when there is none.
std::vector<std::uint8_t> first_stream_header (const GstCaps *caps);
} // namespace reach::rtmp
