// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages on the bus about what a user has to look after. Event thread.
#pragma once
#include "net/settings.h"
#include "proto/close_reason.h"
#include <gst/gst.h>

namespace reach::cam {
// An ERROR: the element cannot do its work any more. `otherwise`: its code, if it is not that the
// peer has refused us.
void post_fatal (GstElement *element, CloseReason why, const std::string &text,
    const std::string &detail, GstResourceError otherwise);
// A WARNING: a media server has nobody who gets what this sender sends.
void warn_unheard (GstElement *sender, const std::string &server, const Identity &identity);
} // namespace reach::cam
