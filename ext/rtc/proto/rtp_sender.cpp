// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_sender.h"
#include "rtp_sequence.h"

namespace reach::rtc {
SenderStream::SenderStream (const Config &config) : config_ (config), history_ (config.history) {}

void SenderStream::sent (Handle packet, std::uint16_t sequence, std::uint32_t timestamp,
    std::size_t header, std::size_t payload, TimePoint captured, TimePoint now)
{
  stats_.packets++;
  stats_.bytes += payload;
  stats_.header_bytes += header;
  if (!started_ || newer (timestamp, timestamp_)) {
    timestamp_ = timestamp;
    captured_ = captured;
    started_ = true;
  }
  history_.add (std::move (packet), sequence, timestamp, now);
}

void SenderStream::sent_rtx (std::size_t payload)
{
  stats_.rtx_packets++;
  stats_.rtx_bytes += payload;
}

void SenderStream::read_rtt (const ReportBlock &b, TimePoint now)
{
  if (b.last_sr == 0)
    return;
  const auto passed =
      static_cast<std::int32_t> (ntp_middle (config_.ntp.at (now)) - b.last_sr - b.delay);
  // Negative by a little: the peer's clock has other seconds. By more, or by minutes: nonsense.
  const Duration rtt =
      passed <= 0 ? milliseconds (1) : from_ntp_middle (static_cast<std::uint32_t> (passed));
  if (passed < -6554 || rtt > seconds (30))
    return;
  stats_.rtt_total += rtt;
  stats_.rtts++;
  stats_.rtt = stats_.rtt ? (*stats_.rtt * 3 + rtt) / 4 : rtt;
}

void SenderStream::input (const ReportBlock &b, TimePoint now)
{
  if (b.ssrc != config_.ssrc)
    return;
  stats_.fraction_lost = b.fraction_lost / 256.0;
  stats_.total_lost = b.total_lost;
  stats_.jitter = from_ticks (b.jitter, config_.clock_rate);
  read_rtt (b, now);
}

void SenderStream::input (const Nack &n)
{
  if (n.media_ssrc != config_.ssrc)
    return;
  stats_.nacks++;
  n.each ([&] (std::uint16_t number) {
    stats_.asked++;
    if (asked_.size () < config_.max_pending)
      asked_.push_back (number);
    else
      stats_.refused++;
  });
}

std::optional<PacketHistory::Entry> SenderStream::poll_resend (TimePoint now)
{
  while (!asked_.empty ()) {
    const std::uint16_t number = asked_.front ();
    asked_.pop_front ();
    if (const auto e = history_.resend (number, rtt (), now))
      return e;
    stats_.refused++;
  }
  return {};
}

bool SenderStream::input (const Pli &p)
{
  if (p.media_ssrc != config_.ssrc)
    return false;
  stats_.plis++;
  return true;
}

bool SenderStream::input (const Fir &f)
{
  bool wanted = false;
  for (std::size_t i = 0; i < f.size (); i++) {
    const FirEntry e = f[i];
    if (e.media_ssrc != config_.ssrc || fir_ == e.number)
      continue;
    fir_ = e.number;
    stats_.firs++;
    wanted = true;
  }
  return wanted;
}

std::optional<SenderInfo> SenderStream::sender_info (TimePoint now) const
{
  if (!started_)
    return {};
  SenderInfo s;
  s.ntp = config_.ntp.at (now);
  s.timestamp =
      timestamp_ + static_cast<std::uint32_t> (to_ticks (now - captured_, config_.clock_rate));
  s.packets = static_cast<std::uint32_t> (stats_.packets);
  s.bytes = static_cast<std::uint32_t> (stats_.bytes);
  return s;
}
} // namespace reach::rtc
