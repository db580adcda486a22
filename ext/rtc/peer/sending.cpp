// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sending.h"
#include "rtc/proto/fec_red.h"
#include "rtc/proto/fec_sender.h"
#include "rtc/proto/key_start.h"
#include <algorithm>
#include <array>

namespace reach::rtc {
namespace {
// IPv4, UDP and the tag of SRTP: what the network has to carry beside the packet.
constexpr std::size_t below = 20 + 8 + 16;
} // namespace

struct Sending::Stream {
  SendingStream what;
  PacketRewriter rewriter;
  SenderStream sender;
  // Of what was sent last.
  std::optional<std::uint32_t> source_ssrc;
  KeyStart is_key;
  std::optional<std::uint32_t> key_timestamp; // of the source, of the last key frame
  bool waits_for_key = false;
  std::uint16_t last_sequence = 0;
  std::uint32_t last_timestamp = 0;
  TimePoint last_sent{};
  std::optional<FecSender> fec;
  // With FEC: what parity packets follow.
  SourcePacket newest;
  TimePoint captured{};

  bool in_key_frame (const RtpPacket &p)
  {
    if (is_key (p.bytes ()))
      key_timestamp = p.timestamp ();
    return key_timestamp == std::optional (p.timestamp ());
  }

  bool admits (const RtpPacket &p, bool keyframes_only)
  {
    if (what.left_out) {
      waits_for_key = is_key.tells ();
      return false;
    }
    if ((keyframes_only || waits_for_key) && is_key.tells () && !in_key_frame (p))
      return false;
    waits_for_key = false;
    return true;
  }

  // A source that starts anew, with numbers of its own, goes on where the last one was: for the
  // peer it is one stream.
  void follow (const RtpPacket &p, TimePoint now)
  {
    if (source_ssrc && *source_ssrc != p.ssrc ()) {
      const auto ticks = std::max<std::int64_t> (to_ticks (now - last_sent, what.clock_rate), 1);
      rewriter.move (static_cast<std::uint16_t> (last_sequence + 1 - p.sequence ()),
          last_timestamp + static_cast<std::uint32_t> (ticks) - p.timestamp ());
    }
    source_ssrc = p.ssrc ();
    last_sequence = rewriter.sequence (p);
    last_timestamp = rewriter.timestamp (p);
    last_sent = now;
  }

  void set_protection (const std::optional<SendingStream::Protection> &before)
  {
    if (what.protection == before)
      return;
    fec.reset ();
    if (what.protection)
      fec.emplace (what.protection->percentage);
  }

  Stream (SendingStream w, const SenderStream::Config &c)
      : what (std::move (w)), rewriter (what.rules), sender (c), is_key (what.codec)
  {
    set_protection ({});
  }
};

// Packets of one thread on their way out, in one call. Too large for a stack.
struct Sending::Batch {
  static constexpr std::size_t most = 64, room = 1500;
  std::array<std::array<std::uint8_t, room>, most> rooms;
  std::array<MediaSender::Packet, most> packets;
  std::size_t size = 0;

  std::span<std::uint8_t> next ()
  {
    return std::span (rooms[size]).first (room - MediaSender::trailer);
  }
  void add (std::size_t n)
  {
    packets[size] = {rooms[size], n};
    size++;
  }
  bool full () const { return size == most; }
};

// A source's way to one of our streams.
class Sending::Port final : public MediaSource::Output {
public:
  Port (std::shared_ptr<Sending> to, StreamKey key) : to_ (std::move (to)), key_ (key) {}
  void send (std::span<const SourcePacket> packets, TimePoint captured) override
  {
    to_->send (key_, packets, captured);
  }
  void codec_changed () override
  {
    const auto changed = to_->owner_.lock ()->codec_changed;
    if (changed)
      changed ();
  }

private:
  const std::shared_ptr<Sending> to_;
  const StreamKey key_;
};

Sending::Batch &Sending::batch ()
{
  static thread_local std::unique_ptr<Batch> b;
  if (!b)
    b = std::make_unique<Batch> ();
  return *b;
}

Sending::State::State (const CongestionController::Config &c) : congestion (c, Clock::now ()) {}

Sending::State::~State () = default;

Sending::~Sending () = default;

Sending::Sending (const Config &config, Owner owner)
    : config_ (config), owner_ (std::move (owner)), state_ (config.congestion)
{
}

Sending::Stream *Sending::State::find (StreamKey key)
{
  const auto at =
      std::ranges::find_if (streams, [key] (const auto &t) { return t->what.key == key; });
  return at == streams.end () ? nullptr : at->get ();
}

Sending::Stream *Sending::State::of_ssrc (std::uint32_t ssrc)
{
  const auto at =
      std::ranges::find_if (streams, [ssrc] (const auto &t) { return t->sender.ssrc () == ssrc; });
  return at == streams.end () ? nullptr : at->get ();
}

void Sending::configure (std::vector<SendingStream> streams, bool transport_wide)
{
  auto s = state_.lock ();
  s->transport_wide = transport_wide;
  std::vector<std::unique_ptr<Stream>> now;
  for (SendingStream &w : streams) {
    Stream *before = s->of_ssrc (w.rules.ssrc);
    if (before) { // numbers go on: the peer sees one stream
      w.rules.sequence_offset = before->rewriter.sequence_offset ();
      w.rules.timestamp_offset = before->rewriter.timestamp_offset ();
      w.rules.rtx_sequence = before->rewriter.rtx_sequence ();
      before->rewriter = PacketRewriter (w.rules);
      before->is_key = KeyStart (w.codec);
      const auto protection = std::exchange (before->what, std::move (w)).protection;
      before->set_protection (protection);
      const auto at = std::ranges::find_if (
          s->streams, [before] (const auto &t) { return t.get () == before; });
      now.push_back (std::move (*at));
      s->streams.erase (at);
      continue;
    }
    w.rules.sequence_offset = static_cast<std::uint16_t> (g_random_int ());
    w.rules.timestamp_offset = g_random_int ();
    w.rules.rtx_sequence = static_cast<std::uint16_t> (g_random_int_range (0, 1 << 15));
    const SenderStream::Config c{.ssrc = w.rules.ssrc,
        .rtx_ssrc = w.rules.rtx_ssrc,
        .clock_rate = w.clock_rate,
        .ntp = config_.ntp,
        .history = config_.history};
    now.push_back (std::make_unique<Stream> (std::move (w), c));
  }
  s->streams = std::move (now);
}

std::shared_ptr<MediaSource::Output> Sending::output (StreamKey key)
{
  return std::make_shared<Port> (shared_from_this (), key);
}

void Sending::open (std::shared_ptr<MediaSender> sender)
{
  open_ = sender != nullptr;
  auto s = state_.lock ();
  s->sender = std::move (sender);
  s->waiting.clear (); // of the time before
}

void Sending::close ()
{
  *owner_.lock () = {};
  open (nullptr);
}

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

void Sending::leave (const std::shared_ptr<MediaSender> &to)
{
  Batch &b = batch ();
  if (b.size > 0)
    to->send_rtp (std::span (b.packets).first (b.size));
  b.size = 0;
}

void Sending::send (StreamKey key, std::span<const SourcePacket> packets, TimePoint captured)
{
  if (!open_)
    return;
  const TimePoint now = Clock::now ();
  bool woken = false;
  std::shared_ptr<MediaSender> to;
  for (std::size_t i = 0; i < packets.size ();) {
    {
      auto s = state_.lock ();
      Stream *t = s->find (key);
      if (!t || !s->sender)
        return;
      to = s->sender;
      for (; i < packets.size (); i++) {
        const bool wait =
            s->transport_wide && (!s->waiting.empty () || s->congestion.next_send () > now);
        if (!wait) {
          if (!write (*s, *t, packets[i], captured, now))
            break;
          continue;
        }
        if (s->waiting.size () >= config_.queue) {
          s->dropped++;
          continue;
        }
        woken |= s->waiting.empty ();
        s->waiting.push_back ({key, packets[i], captured, now});
      }
    }
    leave (to);
  }
  if (!woken)
    return;
  const auto wake = owner_.lock ()->wake;
  if (wake)
    wake ();
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

void Sending::timeout (TimePoint now)
{
  std::shared_ptr<MediaSender> to;
  for (bool more = true; more;) {
    {
      auto s = state_.lock ();
      to = s->sender;
      if (!to)
        return;
      if (now >= s->congestion.poll_timeout ())
        s->congestion.timeout (now);
      flush (*s, now);
      if (s->transport_wide)
        pad (*s, now);
      more = batch ().full ();
    }
    leave (to);
  }
}

std::optional<TimePoint> Sending::poll_timeout ()
{
  auto s = state_.lock ();
  if (!s->sender || !s->transport_wide)
    return {};
  TimePoint next = s->congestion.poll_timeout ();
  if (!s->waiting.empty () || s->congestion.probing ())
    next = std::min (next, s->congestion.next_send ());
  return next;
}

void Sending::input (const ReportBlock &b, TimePoint now)
{
  auto s = state_.lock ();
  Stream *t = s->of_ssrc (b.ssrc);
  if (!t)
    return;
  t->sender.input (b, now);
  // From now on the peer knows the SSRC, and its extensions need not say whose it is.
  t->rewriter.identify (false);
  const auto &stats = t->sender.stats ();
  if (stats.rtt)
    s->congestion.set_rtt (*stats.rtt);
  if (!s->transport_wide)
    s->congestion.input_report (stats.fraction_lost, t->sender.rtt (), now);
}

void Sending::input (const Nack &n, TimePoint now)
{
  Stream *t = nullptr;
  {
    auto s = state_.lock ();
    t = s->of_ssrc (n.media_ssrc);
    if (!t)
      return;
    t->sender.input (n);
  }
  std::shared_ptr<MediaSender> to;
  for (bool more = true; more;) {
    {
      auto s = state_.lock ();
      t = s->of_ssrc (n.media_ssrc);
      to = s->sender;
      if (!t || !to)
        return;
      resend (*s, *t, now);
      more = batch ().full ();
    }
    leave (to);
  }
}

void Sending::input (const TwccFeedback &f, TimePoint now)
{
  auto s = state_.lock ();
  if (s->transport_wide)
    s->congestion.input (f, now);
}

void Sending::input (const Remb &r, TimePoint)
{
  auto s = state_.lock ();
  if (!s->transport_wide)
    s->congestion.input_remb (r.bitrate);
}

std::optional<StreamKey> Sending::input (const Pli &p)
{
  auto s = state_.lock ();
  Stream *t = s->of_ssrc (p.media_ssrc);
  if (!t || !t->sender.input (p))
    return {};
  return t->what.key;
}

void Sending::input (const Fir &f, std::vector<StreamKey> &wanted)
{
  auto s = state_.lock ();
  for (const auto &t : s->streams)
    if (t->sender.input (f))
      wanted.push_back (t->what.key);
}

std::optional<double> Sending::poll_change ()
{
  return state_.lock ()->congestion.poll_change ();
}

void Sending::set_limits (double min, double max)
{
  state_.lock ()->congestion.set_limits (min, max);
}

void Sending::set_left_out (StreamKey key, bool left_out)
{
  auto s = state_.lock ();
  if (Stream *t = s->find (key))
    t->what.left_out = left_out;
}

std::vector<Sending::Info> Sending::infos (TimePoint now)
{
  std::vector<Info> all;
  auto s = state_.lock ();
  for (const auto &t : s->streams)
    if (const auto info = t->sender.sender_info (now))
      all.push_back ({t->sender.ssrc (), *info});
  return all;
}

std::vector<std::uint32_t> Sending::ssrcs ()
{
  std::vector<std::uint32_t> all;
  auto s = state_.lock ();
  for (const auto &t : s->streams)
    all.push_back (t->sender.ssrc ());
  return all;
}

std::optional<Duration> Sending::rtt ()
{
  auto s = state_.lock ();
  for (const auto &t : s->streams)
    if (t->sender.stats ().rtt)
      return t->sender.stats ().rtt;
  return {};
}

Sending::Stats Sending::stats ()
{
  Stats all;
  auto s = state_.lock ();
  for (const auto &t : s->streams)
    all.streams.push_back ({t->what.key, t->what.name, t->what.kind, t->sender.ssrc (),
        t->sender.rtx_ssrc (), t->sender.stats ()});
  all.congestion = s->congestion.stats ();
  all.bitrate = s->congestion.bitrate ();
  all.waiting = s->waiting.size ();
  all.dropped = s->dropped;
  return all;
}
} // namespace reach::rtc
