// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtcelements.h"

static gboolean plugin_init (GstPlugin *plugin)
{
  gboolean any = FALSE;
  any |= GST_ELEMENT_REGISTER (rtcpeer, plugin);
  any |= GST_ELEMENT_REGISTER (rtcpool, plugin);
  any |= GST_ELEMENT_REGISTER (rtcpoolserver, plugin);
  return any;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, rtc,
    "Peer connections, pools of them, and their signalling", plugin_init, REACH_VERSION, "LGPL",
    PACKAGE, "https://gstreamer.freedesktop.org")
