// SPDX-License-Identifier: LGPL-2.1-or-later
// The action ask-server of camsender and camreceiver, the shorter ones made of it, and a server's
// notices as structures.
#pragma once
#include "cam/net/asks.h"
#include "common/serial_queue.h"
#include <gst/gst.h>

namespace reach::cam {
using SendAsk = std::function<void (Command what, AskDone done)>;

// Any thread. `send` is empty when the element is not running. The promise (or null) gets its reply
// on `events`; it expires when that takes no more.
void ask_server (
    const GstStructure *request, GstPromise *promise, SerialQueue *events, const SendAsk &send);

// `cam-server-notice`.
GstStructure *notice_structure (const std::string &peer, const Command &notice);

void install_ask_signals (GType element, void (*ask) (GstElement *, GstStructure *, GstPromise *));
} // namespace reach::cam
