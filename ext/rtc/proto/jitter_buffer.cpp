// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jitter_buffer.h"
#include <algorithm>
#include <bit>

namespace reach::rtc {
JitterBuffer::JitterBuffer (const Limits &limits)
    : limits_ (limits),
      // Gaps take places too.
      max_ring_ (std::bit_ceil (std::clamp<std::size_t> (limits.packets * 2, 64, 65536)))
{
}

void JitterBuffer::drop_all ()
{
  dropped_ += packets_;
  for (Slot &s : ring_)
    s = {};
  packets_ = bytes_ = 0;
}

void JitterBuffer::reset ()
{
  drop_all ();
  skipped_.reset ();
  started_ = false;
}

void JitterBuffer::fit (std::int64_t number)
{
  std::size_t size = std::max<std::size_t> (ring_.size (), 64);
  while (size < max_ring_ && number - next_ >= static_cast<std::int64_t> (size))
    size *= 2;
  if (size == ring_.size ())
    return;
  std::vector<Slot> larger (size);
  for (Slot &s : ring_)
    if (s.used)
      larger[static_cast<std::size_t> (s.packet.number) & (size - 1)] = std::move (s);
  ring_ = std::move (larger);
}

JitterBuffer::Insert JitterBuffer::insert (MediaPacket p)
{
  if (!started_) {
    started_ = true;
    next_ = p.number;
  }
  if (p.number < next_)
    return Insert::late;
  Insert result = Insert::taken;
  fit (p.number);
  if (p.number - next_ >= static_cast<std::int64_t> (ring_.size ())) {
    drop_all ();
    result = Insert::jump;
    if (!skipped_)
      skipped_ = Lost{next_, 0};
    skipped_->count = p.number - skipped_->first;
    next_ = p.number;
  }
  Slot &s = slot (p.number);
  if (s.used)
    return Insert::duplicate;
  first_ = packets_ == 0 ? p.number : std::min (first_, p.number);
  packets_++;
  bytes_ += p.packet.bytes ().size ();
  s.packet = std::move (p);
  s.used = true;
  return result;
}

std::optional<std::variant<MediaPacket, JitterBuffer::Lost>> JitterBuffer::poll (
    TimePoint now, Duration latency)
{
  if (skipped_)
    return *std::exchange (skipped_, std::nullopt);
  if (packets_ == 0)
    return {};
  if (first_ > next_) {
    if (!full () && now < slot (first_).packet.time + latency)
      return {};
    const Lost lost{next_, first_ - next_};
    next_ = first_;
    return lost;
  }
  Slot &s = slot (next_);
  MediaPacket p = std::move (s.packet);
  s = {};
  packets_--;
  bytes_ -= p.packet.bytes ().size ();
  next_++;
  if (packets_ > 0)
    for (first_ = next_; !slot (first_).used; first_++)
      ;
  return p;
}

std::optional<TimePoint> JitterBuffer::poll_timeout (Duration latency) const
{
  if (packets_ == 0 && !skipped_)
    return {};
  return !skipped_ && first_ > next_ && !full () ? slot (first_).packet.time + latency
                                                 : TimePoint{};
}
} // namespace reach::rtc
