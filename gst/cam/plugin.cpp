// SPDX-License-Identifier: LGPL-2.1-or-later
#include "camelements.h"
#include <gst/video/video.h>

static gboolean plugin_init (GstPlugin *plugin)
{
  // Caps from a peer name these types; reading them needs the types to exist.
  g_type_ensure (GST_TYPE_VIDEO_MULTIVIEW_FLAGSET);
  g_type_ensure (GST_TYPE_VIDEO_MULTIVIEW_FRAME_PACKING);
  return GST_ELEMENT_REGISTER (camsender, plugin) && GST_ELEMENT_REGISTER (camreceiver, plugin) &&
         GST_ELEMENT_REGISTER (camdeltaenc, plugin) && GST_ELEMENT_REGISTER (camdeltadec, plugin) &&
         GST_ELEMENT_REGISTER (cammediaserver, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, cam,
    "Live media between applications, pushed, pulled or through a media server, over UDP, TCP or "
    "HTTP",
    plugin_init, REACH_VERSION, "LGPL", PACKAGE, "https://gstreamer.freedesktop.org")
