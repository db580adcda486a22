// SPDX-License-Identifier: LGPL-2.1-or-later
// What a relay of messages costs at least: one recv() and one send() for what comes together, on an
// epoll set, and nothing else. No WebSocket, no JSON: the bytes that go out were made before.
#pragma once
#include "process.h"

namespace reach::bench {
// Serves pairs of members in the order in which they connect, until it is told to quit.
int pool_bare (const Options &options);
} // namespace reach::bench
