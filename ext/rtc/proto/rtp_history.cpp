// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_history.h"
#include "rtp_sequence.h"
#include <algorithm>
#include <bit>

namespace reach::rtc {
PacketHistory::PacketHistory (const Limits &limits)
    : limits_ (limits),
      ring_ (std::bit_ceil (std::clamp<std::size_t> (limits.packets, per_chunk, 32768)) / per_chunk)
{
}

PacketHistory::Entry *PacketHistory::find (std::uint16_t sequence) const
{
  const auto &c = ring_[place (sequence)];
  Entry *e = c ? &c->entries[sequence % per_chunk] : nullptr;
  return e && e->used && e->sequence == sequence ? e : nullptr;
}

void PacketHistory::drop (std::uint16_t sequence)
{
  Entry *e = find (sequence);
  if (!e)
    return;
  bytes_ -= e->source.size ();
  packets_--;
  *e = {};
  if (auto &c = ring_[place (sequence)]; --c->used == 0)
    spare_ = std::move (c);
}

void PacketHistory::clear ()
{
  for (auto &c : ring_)
    c.reset ();
  packets_ = bytes_ = 0;
}

// From the oldest on, until all limits hold; numbers that were skipped cost a step each.
void PacketHistory::trim (TimePoint now)
{
  while (packets_ > 0) {
    const Entry *e = find (oldest_);
    if (e && bytes_ <= limits_.bytes && now - e->sent <= limits_.age)
      break;
    drop (oldest_++);
  }
}

void PacketHistory::add (
    Handle owner, Bytes source, std::uint16_t sequence, std::uint32_t timestamp, TimePoint now)
{
  const std::size_t most = ring_.size () * per_chunk;
  const bool jump = packets_ > 0 && static_cast<std::uint16_t> (sequence - newest_) > most &&
                    static_cast<std::uint16_t> (newest_ - sequence) > most;
  if (jump)
    clear ();
  if (packets_ == 0)
    oldest_ = newest_ = sequence;
  if (newer (sequence, newest_))
    newest_ = sequence;
  if (newer (oldest_, sequence))
    oldest_ = sequence;
  while (static_cast<std::uint16_t> (newest_ - oldest_) >= most)
    drop (oldest_++);
  if (newer (oldest_, sequence))
    return; // older than all that fits
  drop (sequence);
  auto &c = ring_[place (sequence)];
  if (!c)
    c = spare_ ? std::move (spare_) : std::make_unique<Chunk> ();
  c->used++;
  Entry &e = c->entries[sequence % per_chunk];
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
  Entry *e = find (sequence);
  if (!e)
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
    const Entry *e = find (static_cast<std::uint16_t> (newest_ - i));
    if (e && e->source.size () <= max)
      return e;
  }
  return nullptr;
}
} // namespace reach::rtc
