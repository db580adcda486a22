// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_control.h"
#include "encoder_control.h"
#include <algorithm>
#include <cstdint>
#include <gst/video/video-event.h>

namespace reach::rtc {
namespace {
constexpr std::size_t most_keyframes = 8; // SSRCs

unsigned within (unsigned bitrate, unsigned min, unsigned max)
{
  bitrate = std::max (bitrate, min);
  return max > 0 ? std::min (bitrate, max) : bitrate;
}

// Each change costs quality: not for less than 5 %.
bool differs (unsigned a, unsigned b)
{
  const std::uint64_t distance = a > b ? a - b : b - a;
  return distance * 20 >= b;
}
} // namespace

void InputControl::set_pads (GstPad *outer, GstPad *sink)
{
  auto s = state_.lock ();
  s->outer = Ref<GstPad>::share (outer);
  s->sink = Ref<GstPad>::share (sink);
}

void InputControl::clear ()
{
  State none;
  state_.update ([&] (State &s) {
    none.running = s.running;
    std::swap (s, none);
  });
}

void InputControl::want_keyframe (std::uint32_t ssrc)
{
  state_.update ([ssrc] (State &s) {
    if (s.keyframes.size () < most_keyframes &&
        std::ranges::find (s.keyframes, ssrc) == s.keyframes.end ())
      s.keyframes.push_back (ssrc);
  });
  start ();
}

void InputControl::want_bitrate (unsigned bits_per_second)
{
  state_.update ([bits_per_second] (State &s) {
    s.wanted = bits_per_second;
    s.bitrate = true;
  });
  start ();
}

void InputControl::set_limits (unsigned min, unsigned max)
{
  {
    auto s = state_.lock ();
    s->min = min;
    s->max = max;
    s->bitrate = true;
  }
  start ();
}

void InputControl::set_adapt (bool on)
{
  {
    auto s = state_.lock ();
    s->adapt = on;
    s->now = 0; // perhaps of another encoder
    s->bitrate = true;
  }
  start ();
}

void InputControl::set_encoder (GstElement *encoder, unsigned start)
{
  unsigned bitrate = 0;
  Ref<GstElement> before;
  {
    auto s = state_.lock ();
    before = std::move (s->encoder);
    s->encoder = Ref<GstElement>::share (encoder);
    if (encoder)
      bitrate = within (s->wanted > 0 ? s->wanted : start, s->min, s->max);
    s->now = bitrate;
  }
  if (encoder && bitrate > 0)
    set_encoder_bitrate (encoder, bitrate);
}

void InputControl::start ()
{
  Ref<GstPad> pad;
  {
    auto s = state_.lock ();
    if (s->running || !s->sink)
      return;
    s->running = true;
    pad = s->sink;
  }
  const auto element = Ref<GstElement>::adopt (gst_pad_get_parent_element (pad.get ()));
  if (!element) {
    state_.lock ()->running = false;
    return;
  }
  gst_element_call_async (
      element.get (),
      [] (GstElement *, gpointer self) {
        (*static_cast<std::shared_ptr<InputControl> *> (self))->run ();
      },
      new std::shared_ptr<InputControl> (shared_from_this ()),
      [] (gpointer self) { delete static_cast<std::shared_ptr<InputControl> *> (self); });
}

bool InputControl::take (Work &work)
{
  auto s = state_.lock ();
  work.keyframes = std::exchange (s->keyframes, {});
  work.sink = s->sink;
  if (!s->sink)
    work.keyframes.clear ();
  const unsigned bitrate =
      std::exchange (s->bitrate, false) && s->wanted > 0 ? within (s->wanted, s->min, s->max) : 0;
  if (bitrate > 0 && s->sink && (s->now == 0 || differs (bitrate, s->now))) {
    work.encoder = s->encoder;
    if (!s->encoder && s->adapt)
      work.outer = s->outer;
    if (work.encoder || work.outer) {
      work.bitrate = bitrate;
      s->now = bitrate;
    }
  }
  s->running = !work.keyframes.empty () || work.bitrate > 0;
  return s->running;
}

void InputControl::run ()
{
  for (Work work; take (work); work = {}) {
    for (const std::uint32_t ssrc : work.keyframes) {
      GstEvent *e = gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0);
      if (ssrc != 0) // of rtpfunnel's
        gst_structure_set (gst_event_writable_structure (e), "ssrc", G_TYPE_UINT, ssrc, nullptr);
      gst_pad_push_event (work.sink.get (), e);
    }
    if (work.bitrate == 0)
      continue;
    if (!work.encoder)
      work.encoder = upstream_encoder (work.outer.get ());
    if (!work.encoder || !set_encoder_bitrate (work.encoder.get (), work.bitrate))
      state_.lock ()->now = 0; // perhaps there is one next time
  }
}
} // namespace reach::rtc
