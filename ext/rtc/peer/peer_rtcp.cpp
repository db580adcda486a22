// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP and RTCP of a peer connection: what comes, and what is due.
#include "peer_connection.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t rtcp_room = 1200;
constexpr Duration keyframe_again = milliseconds (100); // when another peer has just had one

// Around a second, so that peers do not keep step (RFC 3550, 6.2).
Duration report_interval ()
{
  return milliseconds (g_random_int_range (500, 1500));
}
} // namespace

void PeerConnection::on_rtp (std::span<std::uint8_t> packet)
{
  receiving_.input (packet, Clock::now ());
  schedule ();
}

void PeerConnection::on_rtcp (std::span<std::uint8_t> datagram)
{
  auto reader = RtcpReader::parse (datagram);
  if (!reader)
    return;
  const TimePoint now = Clock::now ();
  while (const auto p = reader->next ())
    read_rtcp (*p, now);
  schedule ();
}

void PeerConnection::read_rtcp (const RtcpPacket &p, TimePoint now)
{
  if (const auto report = parse_report (p)) {
    if (report->sender)
      receiving_.input (report->ssrc, *report->sender, now);
    for (std::size_t i = 0; i < report->blocks.size (); i++)
      sending_->input (report->blocks[i], now);
    if (const auto rtt = sending_->rtt ())
      receiving_.set_rtt (*rtt);
  } else if (const auto twcc = TwccFeedback::parse (p)) {
    sending_->input (*twcc, now);
  } else if (const auto nack = parse_nack (p)) {
    sending_->input (*nack, now);
  } else if (const auto pli = parse_pli (p)) {
    if (const auto key = sending_->input (*pli))
      keyframe_wanted (*key);
  } else if (const auto fir = parse_fir (p)) {
    std::vector<StreamKey> wanted;
    sending_->input (*fir, wanted);
    for (const StreamKey key : wanted)
      keyframe_wanted (key);
  } else if (const auto remb = parse_remb (p)) {
    sending_->input (*remb, now);
  } else if (const auto bye = parse_bye (p)) {
    for (std::size_t i = 0; i < bye->size (); i++)
      receiving_.bye ((*bye)[i]);
  }
}

void PeerConnection::keyframe_wanted (StreamKey key)
{
  for (Attached &a : attached_)
    if (a.key == key)
      a.keyframes.ask ();
  schedule ();
}

void PeerConnection::ask_for_keyframes (TimePoint now)
{
  for (Attached &a : attached_)
    if (a.keyframes.take (now) && !a.source->request_keyframe ())
      a.keyframes.put_off (now + keyframe_again);
}

void PeerConnection::request_keyframe (TrackKey key)
{
  receiving_.request_keyframe (key);
  schedule ();
}

void PeerConnection::set_latency (Duration latency)
{
  receiving_.set_latency (latency);
}

void PeerConnection::schedule ()
{
  if (std::exchange (scheduled_, true))
    return;
  loop_.defer ([s = self_] {
    if (*s)
      (*s)->work ();
  });
}

void PeerConnection::work ()
{
  scheduled_ = false;
  const TimePoint now = Clock::now ();
  receiving_.timeout (now);
  sending_->timeout (now);
  if (state () == TransportState::connected) {
    ask_for_keyframes (now);
    if (next_report_ && now >= *next_report_)
      send_reports (now);
  }
  send_feedback (); // also when nobody hears it any more: what is due for ever would keep us awake
  if (const auto rate = sending_->poll_change ())
    owner_.on_estimate (*rate);
  std::optional<TimePoint> next = next_report_;
  for (const auto &at : {sending_->poll_timeout (), receiving_.poll_timeout ()})
    if (at && (!next || *at < *next))
      next = at;
  if (state () == TransportState::connected)
    for (const Attached &a : attached_)
      if (const auto at = a.keyframes.poll_timeout (); at && (!next || *at < *next))
        next = at;
  if (next)
    timer_.arm (*next);
  else
    timer_.cancel ();
}

// SR for each stream that we send, the blocks in the first; RR when there is none.
void PeerConnection::send_reports (TimePoint now)
{
  next_report_ = now + report_interval ();
  const auto blocks = receiving_.reports (now);
  const auto infos = sending_->infos (now);
  std::array<std::uint8_t, rtcp_room> room;
  RtcpWriter w (room);
  if (infos.empty ())
    write_report (w, report_ssrc_, {}, blocks);
  for (std::size_t i = 0; i < infos.size (); i++)
    write_report (w, infos[i].ssrc, infos[i].info,
        i == 0 ? std::span<const ReportBlock> (blocks) : std::span<const ReportBlock> ());
  write_sdes (w, infos.empty () ? report_ssrc_ : infos[0].ssrc, config_.jsep.cname);
  send_rtcp (w.datagram ());
}

void PeerConnection::send_feedback ()
{
  for (bool more = true; more;) {
    std::array<std::uint8_t, rtcp_room> room;
    RtcpWriter w (room);
    // Where the peer wants compound packets, a report comes first (RFC 4585, 3.1).
    if (!reduced_size_) {
      write_report (w, report_ssrc_, {}, {});
      write_sdes (w, report_ssrc_, config_.jsep.cname);
    }
    const std::size_t before = w.size ();
    while ((more = receiving_.poll_transmit (w)) && w.room () > rtcp_room / 4)
      ;
    if (w.size () > before)
      send_rtcp (w.datagram ());
  }
}

void PeerConnection::send_rtcp (Bytes datagram)
{
  if (state () != TransportState::connected)
    return;
  std::array<std::uint8_t, rtcp_room + MediaSender::trailer> room;
  std::ranges::copy (datagram, room.begin ());
  MediaSender::Packet packet{room, datagram.size ()};
  transport_->sender ()->send_rtcp (std::span (&packet, 1));
}
} // namespace reach::rtc
