// SPDX-License-Identifier: LGPL-2.1-or-later
// The action signals of rtcpool.
#pragma once
#include <glib-object.h>

namespace reach::rtc {
void install_pool_actions (GType type);
} // namespace reach::rtc
