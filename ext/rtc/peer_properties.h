// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of rtcpeer.
#pragma once
#include "peer_impl.h"

namespace reach::rtc {
void install_peer_properties (GObjectClass *klass);
// False: there is no such property. Any thread.
bool set_peer_property (PeerImpl &impl, guint id, const GValue *value);
bool get_peer_property (PeerImpl &impl, guint id, GValue *value);
} // namespace reach::rtc
