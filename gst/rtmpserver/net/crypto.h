// SPDX-License-Identifier: LGPL-2.1-or-later
// Hash and random numbers for the handshake and logins, of GLib and the kernel.
#pragma once
#include "rtmpserver/proto/handshake.h"

namespace reach::rtmp {
Crypto make_crypto ();
} // namespace reach::rtmp
