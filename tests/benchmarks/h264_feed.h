// SPDX-License-Identifier: LGPL-2.1-or-later
// A live source of H.264 that costs next to nothing: two seconds of 2 Mbit/s and 30 frames a second
// are encoded when it is registered, and pushed from memory again and again.
#pragma once

namespace reach::bench {
// As the element "h264feed". False: nothing could be encoded.
bool register_h264_feed ();
} // namespace reach::bench
