// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties that rtmpserversrc and rtmpserversink both have: the listener that they may share.
#pragma once
#include "net/server.h"
#include <gst/gst.h>

namespace reach::rtmp {
struct ListenSettings {
  ServerSettings server;
  std::string application; // empty: any
  GuardSettings guard;
};

// Ids of the shared properties; an element's own begin at first_own_property.
constexpr guint first_own_property = 100;
void install_listen_properties (GObjectClass *klass);
// False: not one of these.
bool set_listen_property (ListenSettings &s, guint id, const GValue *value);
bool get_listen_property (const ListenSettings &s, const Server *running, guint id, GValue *value);

// On the way to READY. False: an ERROR was posted that says what is wrong. `guard` is null where
// everybody is let in. Files that cannot be used later give a WARNING.
bool open_guard (gpointer element, const GuardSettings &s, std::shared_ptr<Guard> &guard);
// Null: an ERROR was posted that says what is wrong.
std::shared_ptr<Server> open_server (gpointer element, const ListenSettings &s);
} // namespace reach::rtmp
