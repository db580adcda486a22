// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtcpeer's src pads. What was negotiated says which there are; they are made where the
// application may be called, on the events thread, and fed on the loop.
#include "peer_impl.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t most_early = 512; // packets, until the pad is there
constexpr Duration sync_period = seconds (1);

std::string stream_of (const Negotiator &n, const NegotiatedMedia &m)
{
  const Transceiver *t = n.find (m.transceiver);
  return t && !t->remote_streams.empty () ? t->remote_streams.front () : std::string ();
}
} // namespace

void PeerImpl::update_outputs (const Negotiated *n)
{
  std::vector<std::shared_ptr<Output>> unused = outputs_;
  std::vector<std::pair<const NegotiatedMedia *, TrackKey>> fresh;
  const auto want = [&] (const NegotiatedMedia &m, const std::string &rid) {
    const TrackKey key = session_->connection ().key_of (m.transceiver, rid);
    const auto at = std::ranges::find_if (
        unused, [key] (const auto &o) { return o->track == std::optional (key); });
    if (at == unused.end ())
      fresh.emplace_back (&m, key);
    else
      unused.erase (at);
  };
  if (n)
    for (const NegotiatedMedia &m : n->media) {
      if (!receives (m.direction))
        continue;
      if (m.receive_rids.empty ())
        want (m, {});
      for (const Rid &r : m.receive_rids)
        want (m, r.id);
    }
  for (const auto &[m, key] : fresh) {
    // One that an earlier peer has left goes on with this one.
    const MediaKind kind = m->kind;
    const auto idle = std::ranges::find_if (
        unused, [kind] (const auto &o) { return !o->track && o->kind == kind; });
    if (idle != unused.end ()) {
      use (**idle, *m, key);
      unused.erase (idle);
      continue;
    }
    auto o = std::make_shared<Output> ();
    o->kind = kind;
    o->name = "src_" + std::to_string (next_output_++);
    use (*o, *m, key);
    outputs_.push_back (o);
    tell ([this, o] { make_output (o); });
  }
  for (const auto &o : unused)
    if (o->track)
      end_output (o);
}

void PeerImpl::use (Output &o, const NegotiatedMedia &m, TrackKey key)
{
  o.track = key;
  o.mid = m.mid;
  o.stream = stream_of (session_->negotiator (), m);
  o.codec.reset ();
  o.early.clear ();
}

void PeerImpl::make_output (std::shared_ptr<Output> o)
{
  const PeerSettings s = *settings.lock ();
  GstPadTemplate *templ =
      gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (element_), "src_%u");
  auto made = std::make_unique<OutputPad> (
      bin_, *this, o->name, templ, o->kind, s.depayload, o->stream.empty () ? o->name : o->stream);
  made->set_latency (milliseconds (s.latency));
  OutputPad *pad = made.get ();
  const auto alive = alive_;
  bool kept = false;
  made_.update ([&] (Made &m) {
    kept = alive && *alive;
    if (kept)
      m.emplace (o.get (), std::move (made));
  });
  if (kept)
    loop_->post ([this, o, pad] { output_made (o, pad); });
}

void PeerImpl::output_made (std::shared_ptr<Output> o, OutputPad *pad)
{
  if (std::ranges::find (outputs_, o) == outputs_.end ())
    return; // not wanted any more: what ends it comes after what made it
  o->pad = pad;
  auto early = std::exchange (o->early, {});
  if (!early.empty ())
    feed (*o, early);
}

void PeerImpl::end_output (const std::shared_ptr<Output> &o)
{
  std::erase (outputs_, o);
  o->pad = nullptr;
  tell ([this, o] {
    std::unique_ptr<OutputPad> pad;
    made_.update ([&] (Made &m) {
      if (const auto at = m.find (o.get ()); at != m.end ()) {
        pad = std::move (at->second);
        m.erase (at);
      }
    });
  });
}

void PeerImpl::feed (Output &o, std::span<ReceivedPacket> packets)
{
  if (!std::exchange (o.codec_told, true))
    o.pad->set_codec (*o.codec);
  for (ReceivedPacket &p : packets)
    feeding_.push_back ({std::move (p.rtp), p.time, p.discont});
  o.pad->push (feeding_);
  feeding_.clear ();
}

// Packets of one codec.
void PeerImpl::take (Output &o, std::span<ReceivedPacket> packets)
{
  if (const Codec &codec = *packets.front ().codec; !o.codec || *o.codec != codec) {
    o.codec = codec;
    o.codec_told = false;
    o.early.clear ();
  }
  if (o.pad)
    return feed (o, packets);
  for (ReceivedPacket &p : packets)
    if (o.early.size () < most_early)
      o.early.push_back (std::move (p));
}

void PeerImpl::on_media (PeerSession &, std::span<ReceivedPacket> packets)
{
  const TrackKey track = packets.front ().track;
  const auto at = std::ranges::find_if (
      outputs_, [track] (const auto &o) { return o->track == std::optional (track); });
  if (at == outputs_.end ())
    return;
  while (!packets.empty ()) {
    const Codec *codec = packets.front ().codec;
    const auto other = std::ranges::find_if (
        packets, [codec] (const ReceivedPacket &p) { return p.codec != codec; });
    const auto n = static_cast<std::size_t> (other - packets.begin ());
    take (**at, packets.first (n));
    packets = packets.subspan (n);
  }
  sync_outputs ();
}

// Streams of one sender are shown together: the ones that are early wait.
void PeerImpl::sync_outputs ()
{
  const TimePoint now = Clock::now ();
  if (now - synced_ < sync_period || outputs_.size () < 2)
    return;
  synced_ = now;
  for (const auto &o : outputs_)
    if (o->pad && o->track)
      o->pad->set_delay (session_->connection ().sync_delay (*o->track));
}

void PeerImpl::on_keyframe_wanted (OutputPad &pad)
{
  if (loop_)
    loop_->post ([this, p = &pad] {
      for (const auto &o : outputs_)
        if (o->pad == p && o->track && session_)
          session_->connection ().request_keyframe (*o->track);
    });
}
} // namespace reach::rtc
