// SPDX-License-Identifier: LGPL-2.1-or-later
// One line about a client, for the debug log: this layer does not know GStreamer's.
#pragma once
#include <atomic>

namespace reach::rtmp {
// What the plugin writes lines with; loop threads call it.
inline std::atomic<void (*) (const char *line)> write_log{nullptr};
} // namespace reach::rtmp
