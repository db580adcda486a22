// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/log.h"
#include "rtmpelements.h"

GST_DEBUG_CATEGORY_STATIC (rtmpserver_debug);

static gboolean plugin_init (GstPlugin *plugin)
{
  GST_DEBUG_CATEGORY_INIT (rtmpserver_debug, "rtmpserver", 0, "Clients of the RTMP server");
  reach::rtmp::write_log = [] (const char *line) { GST_CAT_INFO (rtmpserver_debug, "%s", line); };
  return GST_ELEMENT_REGISTER (rtmpserversrc, plugin) &&
         GST_ELEMENT_REGISTER (rtmpserversink, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, rtmpserver,
    "An RTMP, RTMPS and Enhanced RTMP server: publishers come in, players are served", plugin_init,
    REACH_VERSION, "LGPL", PACKAGE, "https://gstreamer.freedesktop.org")
