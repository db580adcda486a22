// SPDX-License-Identifier: LGPL-2.1-or-later
// How packets get into the batch: media with FEC, what waited, what is sent again, and probes.
#include "rtc/proto/fec_red.h"
#include "sending_stream.h"
#include <algorithm>
#include <cstring>

namespace reach::rtc {
namespace {
// IPv4, UDP and the tag of SRTP: what the network has to carry beside the packet.
constexpr std::size_t below = 20 + 8 + 16;
} // namespace

PacketStamps Sending::stamps (State &s, std::size_t size, TimePoint now)
{
  PacketStamps p{abs_send_time (now), 0};
  if (s.transport_wide)
    p.transport_number = s.congestion.sent (size + below, now);
  return p;
}

// Parity packets that are due, on the stream that they are about. They may be asked for again, as
// the peer cannot know what a missing number is. False: the batch is full.
bool Sending::protect (State &s, Stream &t, TimePoint now)
{
  std::array<std::uint8_t, Batch::room> room;
  while (t.fec && t.fec->due ()) {
    Batch &b = batch ();
    if (b.full ())
      return false;
    const std::size_t n = t.fec->poll (std::span (room).subspan (rtp_header_size + 1));
    const auto like = RtpPacket::parse (t.newest.bytes);
    if (n == 0 || !like)
      continue;
    const SendingStream::Protection &how = *t.what.protection;
    write_rtp_header (room.data (),
        {false, how.parity, like->sequence (), like->timestamp (), like->ssrc ()}, {}, false);
    room[rtp_header_size] = how.ulpfec;
    const SourcePacket parity =
        SourcePacket::copy_of (Bytes (room).first (rtp_header_size + 1 + n));
    t.rewriter.insert ();
    if (!put (s, t, parity, t.captured, now))
      t.rewriter.skip ();
    else
      t.last_sequence++;
  }
  return true;
}

// Into the batch, which has room. False: it has not become a packet of this peer.
bool Sending::put (State &s, Stream &t, const SourcePacket &p, TimePoint captured, TimePoint now)
{
  Batch &b = batch ();
  const RtpPacket packet = *RtpPacket::parse (p.bytes);
  const std::size_t bound = p.bytes.size () + t.rewriter.growth () + 1; // RED
  std::size_t n = t.rewriter.media (packet, stamps (s, bound, now), b.next ());
  if (n == 0)
    return false;
  if (t.fec && packet.payload_type () != t.what.protection->parity) {
    if (const auto media = RtpPacket::parse (b.next ().first (n)))
      t.fec->media (*media);
    t.newest = p;
    t.captured = captured;
    n = wrap_primary (b.next (), n, t.what.protection->red);
  }
  const std::size_t payload = packet.payload ().size ();
  t.sender.sent (p.owner, t.rewriter.sequence (packet), t.rewriter.timestamp (packet), n - payload,
      payload, captured, now);
  b.add (n);
  return true;
}

// False: the batch is full.
bool Sending::write (State &s, Stream &t, const SourcePacket &p, TimePoint captured, TimePoint now)
{
  Batch &b = batch ();
  if (!protect (s, t, now) || b.full ())
    return false;
  const auto packet = RtpPacket::parse (p.bytes);
  if (!packet)
    return true;
  const std::size_t bound = p.bytes.size () + t.rewriter.growth () + 1; // RED
  if (bound > Batch::room - MediaSender::trailer) {
    s.dropped++;
    return true;
  }
  if (!t.admits (*packet, s.keyframes_only)) {
    t.rewriter.skip ();
    s.dropped++;
    return true;
  }
  t.follow (*packet, now);
  put (s, t, p, captured, now); // or its payload type is not this peer's
  protect (s, t, now);          // what has no room goes with the next one
  return true;
}

// What waits and may go now, until the batch is full. Media are not held back for longer than a
// moment: to send less is for encoders.
void Sending::flush (State &s, TimePoint now)
{
  while (!s.waiting.empty () && !batch ().full ()) {
    Waiting &w = s.waiting.front ();
    if (s.congestion.next_send () > now && now - w.since < config_.longest)
      return;
    if (Stream *t = s.find (w.key); t && !write (s, *t, w.packet, w.captured, now))
      return;
    s.waiting.pop_front ();
  }
}

void Sending::resend (State &s, Stream &t, TimePoint now)
{
  Batch &b = batch ();
  while (!b.full ()) {
    const auto e = t.sender.poll_resend (now);
    if (!e)
      return;
    const auto packet = RtpPacket::parse (e->source);
    if (!packet)
      continue;
    const PacketStamps p = stamps (s, e->source.size () + t.rewriter.growth (), now);
    std::size_t n = t.rewriter.rtx (*packet, e->sequence, e->timestamp, p, b.next ());
    if (n == 0)
      continue;
    t.sender.sent_rtx (packet->payload ().size ());
    b.add (n);
  }
}

// A probe wants more than there is: what was sent before goes again, which at least may mend a
// loss, or empty packets.
void Sending::pad (State &s, TimePoint now)
{
  if (!s.congestion.probing () || !s.waiting.empty ())
    return;
  Batch &b = batch ();
  const auto at = std::ranges::find_if (s.streams, [] (const auto &t) {
    return t->what.kind == MediaKind::video && t->sender.rtx_ssrc () != 0;
  });
  if (at == s.streams.end ())
    return;
  Stream &t = **at;
  const auto e = t.sender.history ().newest (Batch::room - 200);
  const auto packet = e ? RtpPacket::parse (e->source) : std::nullopt;
  if (!packet)
    return;
  while (!b.full () && s.congestion.padding_wanted (now) > 0) {
    const PacketStamps p = stamps (s, e->source.size () + t.rewriter.growth (), now);
    std::size_t n = t.rewriter.rtx (*packet, e->sequence, e->timestamp, p, b.next ());
    if (n == 0)
      return;
    t.sender.sent_rtx (packet->payload ().size ());
    b.add (n);
  }
}
} // namespace reach::rtc
