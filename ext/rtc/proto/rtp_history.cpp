// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_history.h"
#include "rtp_sequence.h"
#include <algorithm>
#include <bit>

namespace reach::rtc {
PacketHistory::PacketHistory (const Limits &limits)
    : limits_ (limits),
      max_ring_ (std::bit_ceil (std::clamp<std::size_t> (limits.packets, 16, 32768)))
{
}

void PacketHistory::drop (Entry &e)
{
  if (!e.used)
    return;
  bytes_ -= e.source.size ();
  packets_--;
  e = {};
}

void PacketHistory::clear ()
{
  for (Entry &e : ring_)
    drop (e);
}

void PacketHistory::grow ()
{
  std::vector<Entry> larger (ring_.empty () ? 16 : ring_.size () * 2);
  for (Entry &e : ring_)
    if (e.used)
      larger[e.sequence & (larger.size () - 1)] = std::move (e);
  ring_ = std::move (larger);
}

// From the oldest on, until all limits hold; numbers that were skipped cost a step each.
void PacketHistory::trim (TimePoint now)
{
  while (packets_ > 0) {
    Entry &e = slot (oldest_);
    const bool is_it = e.used && e.sequence == oldest_;
    if (is_it && bytes_ <= limits_.bytes && now - e.sent <= limits_.age)
      break;
    if (is_it)
      drop (e);
    oldest_++;
  }
}

void PacketHistory::add (
    Handle owner, Bytes source, std::uint16_t sequence, std::uint32_t timestamp, TimePoint now)
{
  const bool jump = packets_ > 0 && static_cast<std::uint16_t> (sequence - newest_) > max_ring_ &&
                    static_cast<std::uint16_t> (newest_ - sequence) > max_ring_;
  if (jump)
    clear ();
  if (packets_ == 0)
    oldest_ = newest_ = sequence;
  if (newer (sequence, newest_))
    newest_ = sequence;
  if (newer (oldest_, sequence))
    oldest_ = sequence;
  while (ring_.empty () || (static_cast<std::uint16_t> (newest_ - oldest_) >= ring_.size () &&
                               ring_.size () < max_ring_))
    grow ();
  while (static_cast<std::uint16_t> (newest_ - oldest_) >= ring_.size ()) {
    Entry &old = slot (oldest_);
    if (old.used && old.sequence == oldest_)
      drop (old);
    oldest_++;
  }
  if (newer (oldest_, sequence))
    return; // older than all that fits
  Entry &e = slot (sequence);
  drop (e);
  e.owner = std::move (owner);
  e.source = source;
  e.sent = now;
  e.sequence = sequence;
  e.timestamp = timestamp;
  e.used = true;
  packets_++;
  bytes_ += source.size ();
  trim (now);
}

const PacketHistory::Entry *PacketHistory::resend (
    std::uint16_t sequence, Duration rtt, TimePoint now, Refusal *why)
{
  Refusal unused;
  Refusal &reason = why ? *why : unused;
  reason = Refusal::none;
  Entry *e = ring_.empty () ? nullptr : &slot (sequence);
  if (!e || !e->used || e->sequence != sequence)
    reason = Refusal::unknown;
  else if (now - e->sent > limits_.age)
    reason = Refusal::too_old;
  else if (e->resends >= limits_.resends)
    reason = Refusal::too_often;
  // The peer cannot have seen the last one yet: it asked before that came.
  else if (e->resends > 0 && now - e->resent < std::max (rtt, limits_.spacing))
    reason = Refusal::too_soon;
  if (reason != Refusal::none)
    return nullptr;
  e->resends++;
  e->resent = now;
  return e;
}

const PacketHistory::Entry *PacketHistory::newest (std::size_t max) const
{
  const auto look = static_cast<std::uint16_t> (std::min<std::size_t> (packets_, 32));
  for (std::uint16_t i = 0; i < look; i++) {
    const auto number = static_cast<std::uint16_t> (newest_ - i);
    const Entry &e = ring_[number & (ring_.size () - 1)];
    if (e.used && e.sequence == number && e.source.size () <= max)
      return &e;
  }
  return nullptr;
}
} // namespace reach::rtc
