// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that rtcpeer and rtcpool have in common.
#pragma once
#include "connection_settings.h"

namespace reach::rtc {
constexpr guint first_own_property = 100; // of an element; lower ones are these
void install_connection_properties (GObjectClass *klass, const char *signalling_uri);
// False: it is none of these.
bool set_connection_property (ConnectionSettings &s, guint id, const GValue *value);
bool get_connection_property (const ConnectionSettings &s, guint id, GValue *value);
} // namespace reach::rtc
