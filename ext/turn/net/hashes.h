// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib's hashes, OpenSSL's AES-GCM and the kernel's random numbers for the cores.
#pragma once
#include "turn/proto/crypto.h"

namespace reach::turn {
// open_sealed is empty in a build without OpenSSL.
stun::Crypto make_crypto ();
} // namespace reach::turn
