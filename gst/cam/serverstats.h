// SPDX-License-Identifier: LGPL-2.1-or-later
// The `stats` property of cammediaserver (docs/stats.md), and its client messages.
#pragma once
#include "cam/server/media_server.h"
#include <gst/gst.h>

namespace reach::cam {
GstStructure *server_stats (const MediaServer::Snapshot &s); // transfer full
// "cam-client-connected, guid=…, peer=…, role=…": of the signal and of the element message.
GstStructure *structure_of (const ClientEvent &e);      // transfer full
const char *client_event_name (ClientEvent::What what); // "client-connected" …
} // namespace reach::cam
