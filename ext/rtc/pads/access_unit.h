// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264 on its way to a payloader.
#pragma once
#include "common/proto/bytes.h"
#include <gst/gst.h>

namespace reach::rtc {
// How many bytes of an access unit are a delimiter (Rec. ITU-T H.264, 7.3.2.4) at its start, in
// byte stream format or with lengths of four bytes; 0: there is none, or nothing else.
std::size_t delimiter_size (Bytes access_unit);

// From now on the payloader gets access units without it. RTP says where they end by a marker and
// timestamps, and in front of a picture of more than a packet it would take a packet of its own,
// too small to be sent in one call with the others.
void drop_delimiters (GstElement *payloader);
} // namespace reach::rtc
