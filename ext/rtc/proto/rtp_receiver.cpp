// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_receiver.h"
#include <algorithm>

namespace reach::rtc {
namespace {
std::optional<TimePoint> earlier (std::optional<TimePoint> a, std::optional<TimePoint> b)
{
  if (!a || !b)
    return a ? a : b;
  return std::min (*a, *b);
}
} // namespace

ReceiverStream::ReceiverStream (const Config &config)
    : config_ (config), statistics_ (config.clock_rate, config.numbers), nacks_ (config.nacks),
      clock_ (config.clock_rate), latency_ (config.latency), buffer_ (config.buffer),
      delay_ (config.samples ? config.clock_rate : 0), requests_ (config.requests),
      sender_clock_ (config.clock_rate)
{
}

// What waits in the buffer is the old stream's: it goes, as nobody knows how both join.
void ReceiverStream::restart (std::uint32_t ssrc)
{
  stats_.restarts++;
  buffer_.reset ();
  delay_.reset ();
  nacks_.reset ();
  clock_.reset ();
  delivered_.reset ();
  if (ssrc_ != ssrc) {
    statistics_.reset ();
    sender_clock_.reset ();
  }
  ssrc_ = ssrc;
  restarted_ = true;
  discont_ = true;
  if (config_.keyframes)
    requests_.want (now_);
}

// False: it is not to be delivered.
bool ReceiverStream::in_place (const RtpPacket &p, TimePoint now, MediaPacket &m)
{
  using Verdict = ReceiveStatistics::Verdict;
  if (ssrc_ && *ssrc_ != p.ssrc ())
    restart (p.ssrc ());
  ssrc_ = p.ssrc ();
  const Verdict v = statistics_.input (p.sequence (), p.timestamp (), now);
  if (v == Verdict::strange || v == Verdict::duplicate) {
    (v == Verdict::strange ? stats_.strange : stats_.duplicates)++;
    return false;
  }
  if (v == Verdict::restart)
    restart (p.ssrc ());
  stats_.packets++;
  stats_.bytes += p.payload ().size ();
  stats_.header_bytes += p.header_size () + p.padding ();
  m.number = statistics_.number ();
  m.time = clock_.input (p.timestamp (), now);
  last_timestamp_ = p.timestamp ();
  last_time_ = m.time;
  return true;
}

void ReceiverStream::input (const RtpPacket &p, Handle owner, TimePoint now, bool recovered)
{
  now_ = now;
  MediaPacket m;
  if (recovered) {
    // Nothing tells where it belongs while no other packet has come.
    if (!ssrc_ || *ssrc_ != p.ssrc () || !statistics_.started ())
      return;
    m.number = statistics_.extend (p.sequence ());
    m.time = clock_.peek (p.timestamp ());
  } else if (!in_place (p, now, m))
    return;
  if (!delivered_.add (m.number)) {
    stats_.duplicates++;
    return;
  }
  m.packet = p;
  m.owner = std::move (owner);
  m.arrived = now;
  m.recovered = recovered;
  nacks_.received (m.number, now, recovered);
  latency_.input (now - m.time, now);
  switch (buffer_.insert (std::move (m))) {
  case JitterBuffer::Insert::taken:
  case JitterBuffer::Insert::jump:
    stats_.recovered += recovered;
    break;
  case JitterBuffer::Insert::late:
    stats_.late++;
    break;
  case JitterBuffer::Insert::duplicate:
    stats_.duplicates++;
    break;
  }
}

void ReceiverStream::input (const SenderInfo &s, TimePoint now)
{
  now_ = now;
  statistics_.sender_report (s.ntp, now);
  sender_clock_.sender_report (s.ntp, s.timestamp);
  stats_.report = s;
  stats_.reports++;
}

void ReceiverStream::timeout (TimePoint now)
{
  now_ = std::max (now_, now);
}

void ReceiverStream::lost (const Lost &l)
{
  stats_.lost += static_cast<std::uint64_t> (l.count);
  discont_ = true;
  nacks_.forget_before (l.first + l.count);
  if (config_.keyframes)
    requests_.want (now_);
}

std::optional<ReceiverStream::Event> ReceiverStream::poll_event ()
{
  if (std::exchange (restarted_, false))
    return Restarted{*ssrc_};
  auto next = buffer_.poll (now_, latency_.value ());
  if (!next)
    return {};
  if (const auto *l = std::get_if<Lost> (&*next)) {
    lost (*l);
    return *l;
  }
  Packet p{std::move (std::get<MediaPacket> (*next))};
  delay_.left (p, now_, latency_.value ());
  p.discont = std::exchange (discont_, false);
  return p;
}

bool ReceiverStream::poll_transmit (RtcpWriter &to)
{
  if (!ssrc_)
    return false;
  bool wrote = false;
  if (config_.nack) {
    std::uint16_t numbers[64];
    // At worst each of them takes a pair of its own.
    const std::size_t room =
        to.room () < 16 ? 0 : std::min<std::size_t> ((to.room () - 12) / 4, 64);
    if (const std::size_t n = room == 0 ? 0 : nacks_.poll (now_, std::span (numbers).first (room)))
      wrote = write_nack (to, config_.local_ssrc, *ssrc_, std::span (numbers).first (n)) == n;
    if (nacks_.take_failure () && config_.keyframes)
      requests_.want (now_);
  }
  if (to.room () >= 12 && requests_.poll (now_, nacks_.rtt ()))
    wrote = write_pli (to, config_.local_ssrc, *ssrc_) || wrote;
  return wrote;
}

std::optional<TimePoint> ReceiverStream::poll_timeout () const
{
  if (!ssrc_) // nobody to ask
    return {};
  auto at = earlier (buffer_.poll_timeout (latency_.value ()), requests_.poll_timeout ());
  if (config_.nack)
    at = earlier (at, nacks_.poll_timeout ());
  return at;
}

std::optional<ReportBlock> ReceiverStream::report (TimePoint now)
{
  if (!ssrc_ || !statistics_.started ())
    return {};
  return statistics_.report (*ssrc_, now);
}

std::optional<SyncPoint> ReceiverStream::sync_point () const
{
  const auto ntp = ssrc_ ? sender_clock_.ntp (last_timestamp_) : std::nullopt;
  if (!ntp)
    return {};
  return SyncPoint{*ntp, last_time_};
}
} // namespace reach::rtc
