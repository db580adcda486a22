// SPDX-License-Identifier: LGPL-2.1-or-later
// The numbers of codecs in FLV headers and in onMetaData.
#pragma once
#include "tag.h"

namespace reach::rtmp {
// Codec::unknown for reserved numbers.
Codec video_codec_of_id (int legacy);
Codec audio_codec_of_id (int legacy);
// -1 for codecs that only have a FourCC.
int legacy_id_of (Codec);
} // namespace reach::rtmp
