// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turnelements.h"

static gboolean plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (turnrelaysink, plugin) &&
         GST_ELEMENT_REGISTER (turnrelaysrc, plugin) && GST_ELEMENT_REGISTER (turnserver, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, turn,
    "Media through a TURN relay, and a STUN and TURN server", plugin_init, REACH_VERSION, "LGPL",
    PACKAGE, "https://gstreamer.freedesktop.org")
