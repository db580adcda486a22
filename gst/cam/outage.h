// SPDX-License-Identifier: LGPL-2.1-or-later
// One WARNING when nobody has been reached for a while, so that a wrong host or port does not look
// like waiting. Event thread only.
#pragma once
#include "cam/proto/session_events.h"
#include "common/proto/time.h"
#include <gst/gst.h>

namespace reach::cam {
class Outage {
public:
  void note (GstElement *element, const LinkEvent &e)
  {
    if (e.type == EventType::connected)
      *this = {};
    if (e.type != EventType::connect_error)
      return;
    const TimePoint now = Clock::now ();
    if (since_ == TimePoint{})
      since_ = now;
    if (warned_ || now - since_ < patience)
      return;
    warned_ = true;
    GST_ELEMENT_WARNING (element, RESOURCE, OPEN_READ_WRITE,
        ("No connection with %s: %s. Trying on.", e.peer.c_str (), e.detail.c_str ()), (nullptr));
  }

private:
  static constexpr Duration patience = seconds (2);
  TimePoint since_{}; // the first failure since there was a connection
  bool warned_ = false;
};
} // namespace reach::cam
