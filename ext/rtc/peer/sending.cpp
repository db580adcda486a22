// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sending.h"
#include "sending_stream.h"
#include <algorithm>

namespace reach::rtc {
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
