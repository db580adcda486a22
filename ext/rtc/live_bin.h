// SPDX-License-Identifier: LGPL-2.1-or-later
// The state changes of rtcpeer and rtcpool.
#pragma once
#include <gst/gst.h>

namespace reach::rtc {
// `impl` has prepare () and start (), which may fail and have posted an ERROR then, set_playing (),
// stop () and release (). parent: the parent class.
template <typename Impl>
GstStateChangeReturn change_live_state (
    GstElement *element, gpointer parent, Impl &impl, GstStateChange t)
{
  if (t == GST_STATE_CHANGE_NULL_TO_READY && !impl.prepare ())
    return GST_STATE_CHANGE_FAILURE;
  if (t == GST_STATE_CHANGE_READY_TO_PAUSED && !impl.start ())
    return GST_STATE_CHANGE_FAILURE;
  const auto ret = GST_ELEMENT_CLASS (parent)->change_state (element, t);
  if (t == GST_STATE_CHANGE_PAUSED_TO_PLAYING || t == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    impl.set_playing (t == GST_STATE_CHANGE_PAUSED_TO_PLAYING);
  if (t == GST_STATE_CHANGE_PAUSED_TO_READY)
    impl.stop ();
  if (t == GST_STATE_CHANGE_READY_TO_NULL)
    impl.release ();
  // What comes from the network is live, whatever pads there are by now.
  const bool paused =
      t == GST_STATE_CHANGE_READY_TO_PAUSED || t == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
  return paused && ret == GST_STATE_CHANGE_SUCCESS ? GST_STATE_CHANGE_NO_PREROLL : ret;
}
} // namespace reach::rtc
