// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of cammediaserver that are its settings, but for TLS.
#pragma once
#include "server/server_settings.h"
#include <gst/gst.h>

namespace reach::cam {
constexpr guint first_server_property = 100; // the element's own ids, and those of TLS, are below
void install_server_properties (GObjectClass *klass);
// False: not one of these.
bool set_server_property (ServerSettings &s, guint id, const GValue *value);
bool get_server_property (const ServerSettings &s, guint id, GValue *value);
} // namespace reach::cam
