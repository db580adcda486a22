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
  limits_.age = std::min<Duration> (limits.age, std::chrono::minutes (30));
}

PacketHistory::Slot *PacketHistory::find (std::uint16_t sequence) const
{
  const auto &c = ring_[place (sequence)];
  Slot *s = c ? &c->slots[sequence % per_chunk] : nullptr;
  return s && s->packet && s->sequence == sequence ? s : nullptr;
}

void PacketHistory::drop (std::uint16_t sequence)
{
  Slot *s = find (sequence);
  if (!s)
    return;
  bytes_ -= type_->view (s->packet).size ();
  packets_--;
  type_->unref (s->packet);
  *s = {};
  if (auto &c = ring_[place (sequence)]; --c->used == 0)
    spare_ = std::move (c);
}

void PacketHistory::clear ()
{
  for (auto &c : ring_) {
    for (std::size_t i = 0; c && i < per_chunk; i++)
      if (void *packet = c->slots[i].packet)
        type_->unref (packet);
    c.reset ();
  }
  packets_ = bytes_ = 0;
}

// From the oldest on, until all limits hold; numbers that were skipped cost a step each.
void PacketHistory::trim (TimePoint now)
{
  while (packets_ > 0) {
    const Slot *s = find (oldest_);
    if (s && bytes_ <= limits_.bytes && passed (s->sent, now) <= limits_.age)
      break;
    drop (oldest_++);
  }
}

// Without what a packet of that number does not follow, or follows too late.
void PacketHistory::begin (std::uint16_t sequence, const Handle::Type *type, TimePoint now)
{
  const std::size_t most = ring_.size () * per_chunk;
  const bool jump = static_cast<std::uint16_t> (sequence - newest_) > most &&
                    static_cast<std::uint16_t> (newest_ - sequence) > most;
  if (packets_ > 0 && (jump || now - added_ > limits_.age || type != type_))
    clear ();
  type_ = type;
  added_ = now;
  if (packets_ == 0)
    oldest_ = newest_ = sequence;
  if (newer (sequence, newest_))
    newest_ = sequence;
  if (newer (oldest_, sequence))
    oldest_ = sequence;
  while (static_cast<std::uint16_t> (newest_ - oldest_) >= most)
    drop (oldest_++);
}

void PacketHistory::add (
    Handle packet, std::uint16_t sequence, std::uint32_t timestamp, TimePoint now)
{
  begin (sequence, packet.type (), now);
  if (newer (oldest_, sequence))
    return; // older than all that fits
  drop (sequence);
  auto &c = ring_[place (sequence)];
  if (!c)
    c = spare_ ? std::move (spare_) : std::make_unique<Chunk> ();
  c->used++;
  packets_++;
  bytes_ += packet.view ().size ();
  c->slots[sequence % per_chunk] = {packet.release (), ticks (now), 0, timestamp, sequence, 0};
  trim (now);
}

std::optional<PacketHistory::Entry> PacketHistory::resend (
    std::uint16_t sequence, Duration rtt, TimePoint now, Refusal *why)
{
  Refusal unused;
  Refusal &reason = why ? *why : unused;
  reason = Refusal::none;
  Slot *s = find (sequence);
  if (!s)
    reason = Refusal::unknown;
  else if (now - added_ > limits_.age || passed (s->sent, now) > limits_.age)
    reason = Refusal::too_old;
  else if (s->resends >= limits_.resends)
    reason = Refusal::too_often;
  // The peer cannot have seen the last one yet: it asked before that came.
  else if (s->resends > 0 && passed (s->resent, now) < std::max (rtt, limits_.spacing))
    reason = Refusal::too_soon;
  if (reason != Refusal::none)
    return {};
  s->resends++;
  s->resent = ticks (now);
  return entry (*s);
}

std::optional<PacketHistory::Entry> PacketHistory::newest (std::size_t max) const
{
  const auto look = static_cast<std::uint16_t> (std::min<std::size_t> (packets_, 32));
  for (std::uint16_t i = 0; i < look; i++) {
    const Slot *s = find (static_cast<std::uint16_t> (newest_ - i));
    if (s && type_->view (s->packet).size () <= max)
      return entry (*s);
  }
  return {};
}
} // namespace reach::rtc
