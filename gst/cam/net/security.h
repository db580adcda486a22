// SPDX-License-Identifier: LGPL-2.1-or-later
// From the TLS settings of an element to what its transports use.
#pragma once
#include "cam/proto/close_reason.h"
#include "settings.h"

namespace reach::cam {
// Reads files and derives keys, once per run, before anything connects or listens; any thread.
// What is wrong, in words that say what to do; empty when all is well.
std::string secure (Settings &s);
// The same settings for a library that does TLS by itself (HTTP clients). Pins are right: secure ()
// has read them.
TlsConfig tls_config (const Settings &s);
CloseReason reason_of_tls (TlsFault f);
// What a peer sends that wants TLS where there is none, or that refuses a plaintext one.
bool is_tls (Bytes first);
} // namespace reach::cam
