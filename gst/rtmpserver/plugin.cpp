// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmpelements.h"

static gboolean plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (rtmpserversrc, plugin) &&
         GST_ELEMENT_REGISTER (rtmpserversink, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, rtmpserver,
    "An RTMP, RTMPS and Enhanced RTMP server: publishers come in, players are served", plugin_init,
    REACH_VERSION, "LGPL", PACKAGE, "https://gstreamer.freedesktop.org")
