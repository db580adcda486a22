// SPDX-License-Identifier: LGPL-2.1-or-later
// The `stats` property (docs/stats.md).
#pragma once
#include "cam/net/receiver_engine.h"
#include "cam/net/sender_engine.h"
#include <gst/gst.h>

namespace reach::cam {
// What the pads of a receiver count.
struct PadTotals {
  std::uint64_t frames = 0, bytes = 0, frames_lost = 0, frames_dropped = 0;
};
GstStructure *sender_stats (const SenderEngine::Snapshot &s); // transfer full
GstStructure *receiver_stats (
    const ReceiverEngine::Snapshot &s, const PadTotals &pads); // transfer full
// What a sender has just dropped, as a QoS message and as an element message.
void post_dropped (GstElement *e, MediaType type, const MediaQueue::Stats &dropped);
} // namespace reach::cam
