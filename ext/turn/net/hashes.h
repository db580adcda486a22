// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib's hashes and the kernel's random numbers for the cores.
#pragma once
#include "turn/proto/crypto.h"

namespace reach::turn {
stun::Crypto make_crypto ();
} // namespace reach::turn
