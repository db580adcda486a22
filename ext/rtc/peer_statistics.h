// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "peer/peer_session.h"
#include <gst/gst.h>

namespace reach::rtc {
// As webrtcbin's get-stats gives them. Loop thread; transfer full.
GstStructure *peer_statistics (PeerSession &session);
} // namespace reach::rtc
