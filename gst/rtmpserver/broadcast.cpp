// SPDX-License-Identifier: LGPL-2.1-or-later
#include "broadcast.h"

namespace reach::rtmp {

Broadcast::Broadcast (
    Loop &loop, Listener &listener, const Publication::Settings &s, std::uint32_t chunk_size)
    : loop_ (loop), listener_ (listener), publication_ (*this, s, chunk_size)
{
  loop_.call ([this] {
    timer_ = std::make_unique<Timer> (loop_.timers (), [this] {
      publication_.timeout (Clock::now ());
      arm ();
    });
  });
}

void Broadcast::media (MessageType type, std::uint32_t timestamp, Slice body, const MediaInfo &info)
{
  put ({Entry::Kind::media, type, timestamp, std::move (body), info});
}

void Broadcast::metadata (Slice body)
{
  put ({Entry::Kind::metadata, {}, 0, std::move (body), {}});
}

void Broadcast::end ()
{
  put ({Entry::Kind::end, {}, 0, {}, {}});
}

void Broadcast::put (Entry e)
{
  bool first = false;
  const bool taken = inbox_.update ([&] (Inbox &i) {
    if (i.bytes + e.body.size () > max_inbox && e.kind == Entry::Kind::media && !e.info.header)
      return false;
    first = i.entries.empty ();
    i.bytes += e.body.size ();
    i.entries.push_back (std::move (e));
    return true;
  });
  if (!taken)
    overflows_++;
  if (first)
    loop_.post ([self = shared_from_this ()] { self->take (); });
}

void Broadcast::take ()
{
  const Inbox in = inbox_.update ([] (Inbox &i) { return std::exchange (i, {}); });
  if (!timer_)
    return;
  const TimePoint now = Clock::now ();
  for (const Entry &e : in.entries) {
    if (e.kind == Entry::Kind::media)
      publication_.media (e.type, e.timestamp, e.body, e.info, now);
    else if (e.kind == Entry::Kind::metadata)
      publication_.metadata (e.body, now);
    else
      publication_.end (now);
  }
  publication_.timeout (now);
  arm ();
}

void Broadcast::arm ()
{
  const TimePoint due = publication_.poll_timeout ();
  if (due == TimePoint::max ())
    timer_->cancel ();
  else if (!timer_->armed () || timer_->when () != due)
    timer_->arm (due);
}

void Broadcast::close ()
{
  timer_.reset ();
}
} // namespace reach::rtmp
