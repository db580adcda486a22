// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes the elements of this set available in a test, from the plugin's code linked into it.
#pragma once
#include "check.h"

#ifdef REACH_STATIC_CAM
extern "C" {
GST_PLUGIN_STATIC_DECLARE (cam);
}
#endif

#ifdef REACH_STATIC_RTMPSERVER
extern "C" {
GST_PLUGIN_STATIC_DECLARE (rtmpserver);
}
#endif

#ifdef REACH_STATIC_RTC
extern "C" {
GST_PLUGIN_STATIC_DECLARE (rtc);
}
#endif

#ifdef REACH_STATIC_TURN
extern "C" {
GST_PLUGIN_STATIC_DECLARE (turn);
}
#endif

namespace reach::test {
// Call it first in the function that makes the suite: GStreamer is initialised there and the tests
// have not been forked yet.
inline void register_plugins ()
{
#ifdef REACH_STATIC_CAM
  GST_PLUGIN_STATIC_REGISTER (cam);
#endif
#ifdef REACH_STATIC_RTMPSERVER
  GST_PLUGIN_STATIC_REGISTER (rtmpserver);
#endif
#ifdef REACH_STATIC_RTC
  GST_PLUGIN_STATIC_REGISTER (rtc);
#endif
#ifdef REACH_STATIC_TURN
  GST_PLUGIN_STATIC_REGISTER (turn);
#endif
}
} // namespace reach::test
