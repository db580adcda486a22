// SPDX-License-Identifier: LGPL-2.1-or-later
#include "troubles.h"

namespace reach::cam {
void post_fatal (GstElement *element, CloseReason why, const std::string &text,
    const std::string &detail, GstResourceError otherwise)
{
  const int code = why == CloseReason::unauthorized ? GST_RESOURCE_ERROR_NOT_AUTHORIZED : otherwise;
  gst_element_message_full (element, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, code,
      g_strdup (text.c_str ()), g_strdup (detail.c_str ()), __FILE__, GST_FUNCTION, __LINE__);
}

void warn_unheard (GstElement *sender, const std::string &server, const Identity &identity)
{
  std::string who = "name a receiver with guid-to, or a group with guid-group";
  if (!identity.guid_to.empty ())
    who = "a client \"" + identity.guid_to + "\" is not there, or does not take them";
  else if (!identity.guid_group.empty ())
    who = "no other member of \"" + identity.guid_group + "\" is there, or this is none";
  GST_ELEMENT_WARNING (sender, RESOURCE, NOT_FOUND,
      ("Nobody gets the media that are sent through %s: %s.", server.c_str (), who.c_str ()),
      (nullptr));
}
} // namespace reach::cam
