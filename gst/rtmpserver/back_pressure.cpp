// SPDX-License-Identifier: LGPL-2.1-or-later
#include "back_pressure.h"
#include <algorithm>

namespace reach::rtmp {

BackPressure::BackPressure (Loop &loop, Duration idle, std::function<void (bool)> hold)
    : loop_ (loop),
      slice_ (idle > Duration::zero () ? std::min (longest_slice, idle / 2) : longest_slice),
      hold_ (std::move (hold)), shared_ (std::make_shared<Shared> (Shared{this})),
      timer_ (loop.timers (), [this] { release (); })
{
}

BackPressure::~BackPressure ()
{
  shared_->self = nullptr;
  release ();
}

// A pad that has nothing may be the one that downstream waits for, with what comes next. Then more
// is read, up to a bound in bytes.
bool BackPressure::behind () const
{
  bool much = false, long_ago = false, starved = !complete_;
  for (const auto &p : pads_) {
    const auto b = p->backlog ();
    const TrackPad::Backlog &limit = held_ ? TrackPad::low : TrackPad::high;
    much |= b.bytes > limit.bytes;
    long_ago |= b.span > limit.span;
    starved |=
        b.buffers == 0 && (p->kind == TrackPad::Kind::audio || p->kind == TrackPad::Kind::video);
  }
  return much || (long_ago && !starved);
}

void BackPressure::look (const Pads &pads, bool complete, TimePoint now)
{
  if (held_ || live_at (now))
    return;
  pads_ = pads;
  complete_ = complete;
  if (!behind ())
    return pads_.clear ();
  held_ = true;
  times_++;
  timer_.arm (now + std::min (slice_, pace_.ahead (now)));
  hold_ (true);
  look_again ();
}

void BackPressure::look_again ()
{
  if (!held_)
    return;
  watch (); // first, so that nothing is missed
  if (!behind ())
    release ();
}

void BackPressure::watch ()
{
  for (const auto &p : pads_)
    p->when_drained ([&loop = loop_, shared = shared_] {
      loop.post ([shared] {
        if (shared->self)
          shared->self->look_again ();
      });
    });
}

void BackPressure::release ()
{
  if (!std::exchange (held_, false))
    return;
  timer_.cancel ();
  pads_.clear ();
  hold_ (false);
}
} // namespace reach::rtmp
