// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_outbox.h"

namespace reach::cam {
namespace {
// Repeated bytes allowed for each new byte: 0.3 of 1.3 is below a quarter of all that is sent.
constexpr std::int64_t budget_per_kb = 300;
constexpr std::int64_t budget_burst = 48 << 10;
constexpr Duration copy_spacing = milliseconds (3);
} // namespace

void Outbox::start (std::uint32_t first_message)
{
  begun_.restart (first_message);
  budget_ = budget_burst;
}

void Outbox::set_peer_windows (std::uint32_t messages, std::uint32_t bytes)
{
  peer_messages_ = std::max<std::uint32_t> (messages, 1);
  peer_bytes_ = bytes;
}

void Outbox::push (MessageRef m, std::uint32_t created_us, TimePoint created)
{
  Out &o = messages_.push ();
  o.total = static_cast<std::uint32_t> (m->size ());
  o.cut = o.acked = 0;
  o.created_us = created_us;
  o.reliable = m->reliable;
  o.deadline = o.reliable ? TimePoint::max () : created + latency_;
  o.message = std::move (m);
  backlog_ += o.total;
}

// Only now the message gets its number: what is dropped unsent leaves no gap that a receiver waits
// for.
void Outbox::begin (Out &o)
{
  o.sequence = begun_.end ();
  begun_.push () = {cutting_, o.total};
  bytes_beyond_ += o.total;
  stats_.messages_sent++;
  // Of the times on the wire, which may be later than when it was made.
  const auto since = static_cast<std::int32_t> (o.created_us - previous_created_us_) / 1000;
  o.since_previous = static_cast<std::uint16_t> (std::clamp (since, 0, 0xffff));
  previous_created_us_ = o.created_us;
  const std::uint64_t distance = any_reliable_ ? o.sequence - newest_reliable_ : 0;
  o.reliable_before = static_cast<std::uint16_t> (distance > 0xffff ? 0 : distance);
  if (o.reliable) {
    newest_reliable_ = o.sequence;
    any_reliable_ = true;
  }
}

void Outbox::release (Out &o, bool given_up)
{
  if (!o.message)
    return;
  backlog_ -= o.total - o.cut;
  o.cut = o.total;
  o.message = {};
  if (given_up)
    stats_.messages_given_up++;
}

void Outbox::pop ()
{
  while (!messages_.empty () && !messages_.front ().message)
    messages_.pop_front ();
  cutting_ = std::max (cutting_, messages_.base ());
  expiring_ = std::max (expiring_, messages_.base ());
  while (!fragments_.empty () && !alive (fragments_.front ()))
    fragments_.pop_front ();
}

void Outbox::expire (TimePoint now, Duration grace)
{
  grace_ = grace;
  bool any = false;
  for (; expiring_ != messages_.end (); expiring_++) {
    Out &o = messages_[expiring_];
    if (o.message && !o.reliable) {
      if (now < expiry_of (o))
        break;
      release (o, true);
      any = true;
    }
  }
  if (any)
    pop ();
}

void Outbox::drop_hopeless (TimePoint now, double rate)
{
  bool any = false;
  for (; cutting_ != messages_.end (); cutting_++) {
    Out &o = messages_[cutting_];
    if (o.cut == o.total)
      continue;
    const auto needs = std::chrono::duration<double> ((o.total - o.cut) / rate);
    if (o.reliable || now + std::chrono::duration_cast<Duration> (needs) <= o.deadline)
      break;
    release (o, true);
    any = true;
  }
  if (any)
    pop ();
}

TimePoint Outbox::waits_since (TimePoint now) const
{
  if (backlog_ == 0 || cutting_ == messages_.end () || messages_[cutting_].reliable)
    return now;
  return messages_[cutting_].deadline - latency_;
}

TimePoint Outbox::expiry_of (const Out &o) const
{
  return o.reliable ? TimePoint::max () : o.cut < o.total ? o.deadline : o.deadline + grace_;
}

TimePoint Outbox::expiry () const
{
  return messages_.holds (expiring_) ? expiry_of (messages_[expiring_]) : TimePoint::max ();
}

std::uint32_t Outbox::oldest () const
{
  const bool any = !messages_.empty () && messages_[messages_.base ()].cut > 0;
  return static_cast<std::uint32_t> (any ? messages_[messages_.base ()].sequence : begun_.end ());
}

bool Outbox::finished_before (std::uint32_t message, TimePoint now)
{
  const std::uint64_t n = unwrap32 (begun_.base (), message);
  if (static_cast<std::int64_t> (n - begun_.base ()) <= 0)
    return true;
  if (n > begun_.end ())
    return false;
  for (; begun_.base () != n; begun_.pop_front ()) {
    const Begun &b = begun_.front ();
    bytes_beyond_ -= b.total;
    if (messages_.holds (b.id)) // complete there, or given up
      release (messages_[b.id], !messages_[b.id].reliable && now > messages_[b.id].deadline);
  }
  pop ();
  return true;
}

bool Outbox::blocked ()
{
  if (fragments_.size () >= config_.max_fragments)
    return true;
  while (cutting_ != messages_.end () && messages_[cutting_].cut == messages_[cutting_].total)
    cutting_++;
  if (cutting_ == messages_.end () || messages_[cutting_].cut > 0)
    return false;
  return begun_.size () >= peer_messages_ ||
         (bytes_beyond_ > 0 && bytes_beyond_ + messages_[cutting_].total > peer_bytes_);
}

std::uint64_t Outbox::cut (std::size_t space)
{
  while (messages_[cutting_].cut == messages_[cutting_].total)
    cutting_++;
  Out &o = messages_[cutting_];
  const std::uint64_t id = fragments_.end ();
  Fragment &f = fragments_.push ();
  f = {};
  f.message = cutting_;
  f.offset = o.cut;
  f.length = static_cast<std::uint16_t> (std::min<std::size_t> (space, o.total - o.cut));
  if (o.cut == 0)
    begin (o);
  o.cut += f.length;
  backlog_ -= f.length;
  stats_.bytes_payload += f.length;
  budget_ = std::min (budget_ + f.length * budget_per_kb / 1000, budget_burst);
  return id;
}

bool Outbox::alive (const Fragment &f) const
{
  return !f.acked && messages_.holds (f.message) && messages_[f.message].message;
}

bool Outbox::sendable (const Fragment &f, TimePoint now) const
{
  return alive (f) && now <= messages_[f.message].deadline;
}

bool Outbox::affordable (const Fragment &f) const
{
  return budget_ >= f.length || messages_[f.message].reliable;
}

// The fragment that take_repeat () would return; dead ones are dropped on the way.
const Outbox::Fragment *Outbox::peek_repeat (TimePoint now)
{
  while (!copies_.empty ()) {
    const Copy &c = copies_.front ();
    const Fragment *f = fragments_.holds (c.fragment) ? &fragments_[c.fragment] : nullptr;
    if (f && sendable (*f, now) && budget_ >= f->length) {
      if (c.due <= now)
        return f;
      break;
    }
    copies_.pop_front ();
  }
  for (auto &q : {&reliable_repeats_, &repeats_}) {
    for (; !q->empty (); q->pop_front ()) {
      Fragment *f = fragments_.holds (q->front ()) ? &fragments_[q->front ()] : nullptr;
      if (f && sendable (*f, now)) {
        if (affordable (*f))
          return f;
        break;
      }
      if (f)
        f->queued = false;
    }
  }
  return nullptr;
}

std::optional<std::uint64_t> Outbox::take_repeat (TimePoint now, Duration rtt, std::size_t space)
{
  const Fragment *next = peek_repeat (now);
  if (!next || next->length > space)
    return {};
  std::uint64_t id;
  if (!copies_.empty () && copies_.front ().due <= now) {
    id = copies_.front ().fragment;
    copies_.pop_front ();
  } else {
    auto &q = reliable_repeats_.empty () ? repeats_ : reliable_repeats_;
    id = q.front ();
    q.pop_front ();
    Fragment &f = fragments_[id];
    f.queued = false;
    const Out &o = messages_[f.message];
    const bool last_chance = !o.reliable && o.deadline - now < rtt * 3 / 2;
    if (f.times >= 2 || last_chance)
      copies_.push () = {id, now + copy_spacing};
    if (last_chance)
      copies_.push () = {id, now + copy_spacing};
  }
  const Fragment &f = fragments_[id];
  budget_ = std::max<std::int64_t> (budget_ - f.length, 0);
  stats_.bytes_retransmitted += f.length;
  stats_.fragments_retransmitted++;
  return id;
}

TimePoint Outbox::repeat_time ()
{
  return copies_.empty () ? TimePoint::max () : copies_.front ().due;
}

void Outbox::on_sent (std::uint64_t fragment)
{
  Fragment &f = fragments_[fragment];
  f.times = static_cast<std::uint8_t> (std::min (f.times + 1, 255));
  f.copies = static_cast<std::uint8_t> (std::min (f.copies + 1, 255));
}

void Outbox::on_acked (std::uint64_t fragment)
{
  if (!fragments_.holds (fragment))
    return;
  Fragment &f = fragments_[fragment];
  if (!alive (f))
    return;
  f.acked = true;
  Out &o = messages_[f.message];
  o.acked += f.length;
  if (o.acked == o.total)
    release (o, false);
  if (fragment == fragments_.base () || f.message == messages_.base ())
    pop ();
}

void Outbox::on_lost (std::uint64_t fragment)
{
  if (!fragments_.holds (fragment))
    return;
  Fragment &f = fragments_[fragment];
  if (f.copies > 0 && --f.copies > 0)
    return; // another copy may still arrive
  queue (fragment);
}

void Outbox::queue (std::uint64_t fragment)
{
  Fragment &f = fragments_[fragment];
  if (!alive (f) || f.queued)
    return;
  f.queued = true;
  (messages_[f.message].reliable ? reliable_repeats_ : repeats_).push () = fragment;
}

void Outbox::probe (std::uint64_t fragment)
{
  if (fragments_.holds (fragment))
    queue (fragment);
}

FragmentHeader Outbox::header (std::uint64_t fragment) const
{
  const Fragment &f = fragments_[fragment];
  const Out &o = messages_[f.message];
  FragmentHeader h;
  h.reliable = o.reliable;
  h.message = static_cast<std::uint32_t> (o.sequence);
  h.reliable_before = o.reliable_before;
  h.created = o.created_us;
  h.since_previous = o.since_previous;
  h.total = o.total;
  h.offset = f.offset;
  h.length = f.length;
  return h;
}

Outbox::Slices Outbox::slices (std::uint64_t fragment) const
{
  const Fragment &f = fragments_[fragment];
  const Message &m = *messages_[f.message].message;
  const Bytes head = m.head (), body = m.body ();
  Slices s;
  if (f.offset < head.size ())
    s.head = head.subspan (f.offset, std::min<std::size_t> (f.length, head.size () - f.offset));
  if (const std::size_t n = f.length - s.head.size (); n > 0)
    s.body = body.subspan (f.offset + s.head.size () - head.size (), n);
  return s;
}
} // namespace reach::cam
