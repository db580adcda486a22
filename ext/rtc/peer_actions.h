// SPDX-License-Identifier: LGPL-2.1-or-later
// The action signals of rtcpeer: those of webrtcbin, and some more.
#pragma once
#include <glib-object.h>

namespace reach::rtc {
void install_peer_actions (GType type);
} // namespace reach::rtc
