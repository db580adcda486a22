// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "peer_impl.h"

namespace reach::rtc {
PeerImpl &peer_impl (GstElement *rtcpeer);
} // namespace reach::rtc
