// SPDX-License-Identifier: LGPL-2.1-or-later
#include "running_clock.h"

namespace reach {
namespace {
bool is_monotonic (GstClock *c)
{
  if (G_OBJECT_TYPE (c) != gst_system_clock_get_type ())
    return false;
  GstClockType type;
  g_object_get (c, "clock-type", &type, nullptr);
  return type == GST_CLOCK_TYPE_MONOTONIC;
}
} // namespace

void RunningClock::start (GstElement *element)
{
  Base now;
  now.clock = Ref<GstClock>::adopt (gst_element_get_clock (element));
  if (GstClock *c = now.clock.get ()) {
    now.playing = true;
    now.base = static_cast<std::int64_t> (gst_element_get_base_time (element));
    now.monotonic = is_monotonic (c);
  }
  base_.update ([&] (Base &b) { std::swap (b, now); });
}

void RunningClock::stop ()
{
  Base none_playing;
  base_.update ([&] (Base &b) { std::swap (b, none_playing); });
}

bool RunningClock::running ()
{
  return base_.lock ()->playing;
}

// The system clock is CLOCK_MONOTONIC itself; any other clock is followed by a map of its own. It
// may be the application's, so it is read with no lock held.
std::int64_t RunningClock::running_time_of (std::int64_t t)
{
  while (true) {
    Ref<GstClock> clock;
    std::int64_t base;
    {
      const auto c = base_.lock ();
      if (!c->playing)
        return none;
      if (c->monotonic)
        return t - c->base;
      clock = c->clock;
      base = c->base;
    }
    const std::int64_t now = nanoseconds (Clock::now ().time_since_epoch ()).count (),
                       read = static_cast<std::int64_t> (gst_clock_get_time (clock.get ())) - base;
    const auto c = base_.lock ();
    if (!c->playing || c->clock.get () != clock.get () || c->base != base)
      continue; // a state change came between
    if (!c->map.ready () || now - c->sampled > 1000000000) {
      c->sampled = now;
      c->map.sample (now, read);
    }
    return c->map.map (t, read);
  }
}
} // namespace reach
