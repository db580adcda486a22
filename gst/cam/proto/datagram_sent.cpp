// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_sent.h"

namespace reach::cam {
namespace {
constexpr Duration granularity = milliseconds (1);
constexpr Duration ack_margin = milliseconds (5);
constexpr Duration trouble_memory = seconds (10); // shorter than the receiver's
constexpr Duration longest_probe_wait = milliseconds (300);
constexpr std::uint64_t least_reordering = 3, max_reordering = 64;
constexpr Duration reordering_memory = seconds (10);
} // namespace

void RttEstimate::sample (Duration rtt, Duration ack_delay, TimePoint now)
{
  if (now - window_start_ > seconds (10)) {
    minimum_[1] = minimum_[0];
    minimum_[0] = Duration::max ();
    window_start_ = now;
  }
  minimum_[0] = std::min (minimum_[0], rtt);
  if (rtt - ack_delay >= minimum ())
    rtt -= ack_delay;
  latest_ = rtt;
  if (!known_) {
    known_ = true;
    smoothed_ = rtt;
    variation_ = rtt / 2;
    return;
  }
  variation_ += (std::chrono::abs (smoothed_ - rtt) - variation_) / 4;
  smoothed_ += (rtt - smoothed_) / 8;
}

Duration RttEstimate::loss_delay () const
{
  return std::max (std::max (smoothed_, latest_) * 9 / 8, granularity);
}

Duration RttEstimate::probe_delay () const
{
  return smoothed_ + std::max (4 * variation_, granularity) + ack_delay_;
}

// The peer knows the same latency. A margin, as its timers may be late.
void SentPackets::set_latency (Duration latency)
{
  const Duration d = calm_ack_delay (latency);
  calm_delay_ = d > least_ack_delay ? d + ack_margin : d;
  if (!trouble_)
    rtt_.set_ack_delay (calm_delay_);
}

SentPacket &SentPackets::add (TimePoint now, std::size_t size, bool eliciting)
{
  SentPacket &p = ring_.push ();
  p = {};
  p.sent = now;
  p.size = static_cast<std::uint16_t> (size);
  if (eliciting) {
    p.state = SentPacket::State::outstanding;
    outstanding_++;
    bytes_in_flight_ += size;
    if (outstanding_ == 1 || probe_time_ == TimePoint::max ())
      arm_probe ();
  }
  return p;
}

void SentPackets::settle (SentPacket &p, SentPacket::State s)
{
  if (p.state == SentPacket::State::outstanding) {
    outstanding_--;
    bytes_in_flight_ -= p.size;
  }
  p.state = s;
}

void SentPackets::acked (std::uint64_t number, TimePoint now)
{
  SentPacket &p = ring_[number];
  if (p.state != SentPacket::State::outstanding && p.state != SentPacket::State::lost)
    return;
  const bool was_lost = p.state == SentPacket::State::lost;
  if (was_lost) { // only late: wait longer from now on
    reordering_ = std::clamp (next_acked_ - number, reordering_, max_reordering);
    const Duration late = now - p.sent - rtt_.loss_delay ();
    lateness_ = std::clamp (late, lateness_, std::max (lateness_, rtt_.smoothed () / 2));
    last_reordering_ = now;
  }
  settle (p, SentPacket::State::acked);
  owner_.on_packet_acked (p, was_lost);
}

// The numbers above all acknowledged before: each is looked at once.
void SentPackets::take_new (const AckFrame &ack, std::uint64_t from, TimePoint now)
{
  std::uint64_t at = std::max (from, ring_.base ());
  for (std::size_t i = ack.count; i-- > 0;) {
    const NumberRange &r = ack.ranges[i];
    for (; at < r.first; at++)
      if (ring_[at].state == SentPacket::State::outstanding)
        holes_.push_back (at);
    for (; at <= r.last; at++)
      acked (at, now);
  }
}

void SentPackets::take_holes (const AckFrame &ack, TimePoint now)
{
  std::size_t i = ack.count;
  for (const std::uint64_t n : holes_) {
    while (i > 0 && ack.ranges[i - 1].last < n)
      i--;
    if (i == 0)
      break;
    if (n >= ack.ranges[i - 1].first && ring_.holds (n))
      acked (n, now);
  }
}

bool SentPackets::on_ack (const AckFrame &ack, TimePoint now)
{
  const std::uint64_t largest = ack.ranges[0].last;
  if (largest >= ring_.end ())
    return false;
  const std::uint64_t acked_before = next_acked_;
  take_holes (ack, now);
  if (largest >= next_acked_) {
    if (ring_.holds (largest) && ring_[largest].state == SentPacket::State::outstanding)
      rtt_.sample (now - ring_[largest].sent,
          std::min<Duration> (microseconds (ack.delay_us), longest_ack_delay), now);
    next_acked_ = largest + 1;
    take_new (ack, acked_before, now);
    probes_ = 0;
  }
  if (trouble_ && now - *trouble_ > trouble_memory) {
    trouble_.reset ();
    rtt_.set_ack_delay (calm_delay_);
  }
  detect_loss (now);
  pop (now);
  arm_probe ();
  return true;
}

// Sooner repetitions for a while; the peer, who sees the gaps or the repetitions, acknowledges
// sooner too.
void SentPackets::trouble (TimePoint now)
{
  trouble_ = now;
  rtt_.set_ack_delay (least_ack_delay);
}

void SentPackets::detect_loss (TimePoint now)
{
  if (now - last_reordering_ > reordering_memory) {
    reordering_ = least_reordering;
    lateness_ = {};
  }
  const Duration delay = rtt_.loss_delay () + lateness_;
  loss_time_ = TimePoint::max ();
  std::size_t kept = 0;
  for (const std::uint64_t n : holes_) {
    if (!ring_.holds (n))
      continue;
    SentPacket &p = ring_[n];
    if (p.state == SentPacket::State::outstanding) {
      if (next_acked_ - 1 - n >= reordering_ || p.sent + delay <= now) {
        settle (p, SentPacket::State::lost);
        trouble (now);
        owner_.on_packet_lost (p);
      } else {
        loss_time_ = std::min (loss_time_, p.sent + delay);
      }
    }
    // A lost one stays for a while, to notice that it was only late.
    if (p.state == SentPacket::State::outstanding ||
        (p.state == SentPacket::State::lost && p.sent + 4 * delay > now))
      holes_[kept++] = n;
  }
  holes_.resize (kept);
}

void SentPackets::pop (TimePoint now)
{
  const Duration keep = 4 * (rtt_.loss_delay () + lateness_);
  while (!ring_.empty ()) {
    const SentPacket &p = ring_.front ();
    if (p.state == SentPacket::State::outstanding ||
        (p.state == SentPacket::State::lost && p.sent + keep > now))
      break;
    ring_.pop_front ();
  }
}

Duration SentPackets::probe_wait () const
{
  return rtt_.probe_delay () + lateness_;
}

// The timer belongs to the oldest packet not yet probed for. Later packets must not put it off, or
// the end of each frame would wait for the next frame.
void SentPackets::arm_probe ()
{
  probing_ = std::max (probing_, ring_.base ());
  while (probing_ != ring_.end () && ring_[probing_].state != SentPacket::State::outstanding)
    probing_++;
  probe_time_ = TimePoint::max ();
  if (outstanding_ == 0)
    return;
  const Duration wait = probe_wait ();
  const Duration backoff =
      std::min (wait * (1 << std::min (probes_, 6u)), std::max (wait, longest_probe_wait));
  probe_time_ = last_probe_ + backoff;
  if (probing_ != ring_.end ())
    probe_time_ =
        std::max (ring_[probing_].sent + wait, probes_ > 0 ? probe_time_ : TimePoint::min ());
}

bool SentPackets::timeout (TimePoint now)
{
  if (now >= loss_time_) {
    detect_loss (now);
    pop (now);
    arm_probe ();
  }
  if (now < probe_time_)
    return false;
  const Duration wait = probe_wait ();
  for (; probing_ != ring_.end () && ring_[probing_].sent + wait <= now; probing_++)
    if (ring_[probing_].state == SentPacket::State::outstanding)
      owner_.on_packet_silent (ring_[probing_]);
  trouble (now);
  probes_++;
  last_probe_ = now;
  arm_probe ();
  return true;
}
} // namespace reach::cam
