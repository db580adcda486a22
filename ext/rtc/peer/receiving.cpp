// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receiving.h"
#include "rtc/proto/codec.h"
#include "rtc/proto/fec_red.h"
#include "rtc/proto/key_start.h"
#include "rtc/proto/rtp_rtx.h"
#include <algorithm>
#include <cstring>

namespace reach::rtc {
namespace {
constexpr std::size_t most_reports = max_report_blocks;

void ref_buffer (void *b)
{
  gst_buffer_ref (static_cast<GstBuffer *> (b));
}
void unref_buffer (void *b)
{
  gst_buffer_unref (static_cast<GstBuffer *> (b));
}
constexpr Handle::Type buffer_type{ref_buffer, unref_buffer};

// The packet in a buffer of its own, which the view then shows.
Handle copy_of (Bytes packet, RtpPacket &view)
{
  GstBuffer *b = gst_buffer_new_allocate (nullptr, packet.size (), nullptr);
  GstMapInfo map;
  gst_buffer_map (b, &map, GST_MAP_WRITE);
  std::memcpy (map.data, packet.data (), packet.size ());
  const Bytes bytes (map.data, map.size); // stays where it is: memory of the system
  gst_buffer_unmap (b, &map);
  view = *RtpPacket::parse (bytes);
  return Handle::adopt (b, buffer_type);
}

// In the buffer of copy_of ().
void renumber (const RtpPacket &packet, std::uint16_t down)
{
  auto *bytes = const_cast<std::uint8_t *> (packet.bytes ().data ());
  store_be (bytes + 2, static_cast<std::uint16_t> (packet.sequence () - down));
}

std::uint8_t id_of (const NegotiatedMedia &m, std::string_view uri)
{
  const auto e = std::ranges::find (m.extensions, uri, &sdp::ExtMap::uri);
  return e == m.extensions.end () || !receives (e->direction) ? std::uint8_t{0}
                                                              : static_cast<std::uint8_t> (e->id);
}

bool has_feedback (const Codec &c, std::string_view what)
{
  return std::ranges::find (c.feedback, what) != c.feedback.end ();
}

// Of the ssrc-groups: the one that repairs another.
RtpUse use_of (const NegotiatedMedia &m, std::uint32_t ssrc)
{
  for (const sdp::SsrcGroup &g : m.remote_groups)
    if (g.ssrcs.size () == 2 && g.ssrcs[1] == ssrc)
      return g.semantics == "FID" ? RtpUse::rtx : RtpUse::fec;
  return RtpUse::media;
}
} // namespace

const Codec *Receiving::Track::find (std::uint8_t payload_type) const
{
  const auto c = std::ranges::find_if (
      codecs, [=] (const NegotiatedCodec &n) { return n.codec.payload_type == payload_type; });
  return c == codecs.end () ? nullptr : &c->codec;
}

Receiving::Track *Receiving::find (TrackKey key)
{
  const auto t = std::ranges::find_if (tracks_, [key] (const auto &x) { return x->key == key; });
  return t == tracks_.end () ? nullptr : t->get ();
}

Receiving::Track Receiving::make_track (
    const NegotiatedMedia &m, TrackKey key, std::uint32_t local_ssrc) const
{
  Track t;
  t.key = key;
  t.mid = m.mid;
  t.kind = m.kind;
  const Codec *main = nullptr;
  for (const NegotiatedCodec &c : m.receive) {
    if (is_name (c.codec, "red"))
      t.red = c.codec.payload_type;
    else if (is_name (c.codec, "ulpfec"))
      t.ulpfec = c.codec.payload_type;
    else if (!main && !is_auxiliary (c.codec))
      main = &c.codec;
  }
  ReceiverStream::Config c;
  c.local_ssrc = local_ssrc;
  c.clock_rate = main ? main->clock_rate : 90000;
  c.nack = main && has_feedback (*main, "nack");
  c.keyframes = m.kind == MediaKind::video;
  c.samples = m.kind == MediaKind::audio;
  c.latency.start = config_.latency;
  c.latency.adaptive = false;
  t.stream = std::make_unique<ReceiverStream> (c);
  return t;
}

DemuxStream Receiving::demux_of (
    const NegotiatedMedia &m, TrackKey key, const std::string &rid) const
{
  DemuxStream d;
  d.id = key;
  d.mid = m.mid;
  d.rid = rid;
  if (rid.empty ())
    for (const sdp::Ssrc &s : m.remote_ssrcs)
      d.ssrcs.push_back ({s.ssrc, use_of (m, s.ssrc)});
  for (const NegotiatedCodec &c : m.receive) {
    d.payload_types.push_back ({c.codec.payload_type, RtpUse::media});
    if (c.rtx)
      d.payload_types.push_back ({*c.rtx, RtpUse::rtx, c.codec.payload_type});
  }
  return d;
}

void Receiving::configure (const Negotiated &n, std::uint32_t local_ssrc, const KeyOf &key_of)
{
  std::vector<DemuxStream> streams;
  std::vector<std::unique_ptr<Track>> now;
  ids_ = {};
  transport_id_ = 0;
  const auto add = [&] (const NegotiatedMedia &m, const std::string &rid) {
    if (now.size () >= config_.tracks)
      return;
    const TrackKey key = key_of (m, rid);
    streams.push_back (demux_of (m, key, rid));
    auto t = std::make_unique<Track> (make_track (m, key, local_ssrc));
    if (Track *before = find (key); before && !(m.changed & changed_codecs)) {
      t->stream = std::move (before->stream); // numbers, losses and times go on
      t->fec = std::move (before->fec);
    }
    t->codecs = m.receive;
    now.push_back (std::move (t));
  };
  for (const NegotiatedMedia &m : n.media) {
    if (!receives (m.direction))
      continue;
    ids_.mid = std::max (ids_.mid, id_of (m, uri::mid));
    ids_.rid = std::max (ids_.rid, id_of (m, uri::rid));
    ids_.repaired_rid = std::max (ids_.repaired_rid, id_of (m, uri::repaired_rid));
    transport_id_ = std::max (transport_id_, id_of (m, uri::transport_cc));
    if (m.receive_rids.empty ())
      add (m, {});
    for (const Rid &r : m.receive_rids)
      add (m, r.id);
  }
  demux_.configure (std::move (streams), ids_);
  tracks_ = std::move (now);
  if (transport_id_ != 0 && !twcc_)
    twcc_.emplace (TwccReceiver::Config{.local_ssrc = local_ssrc});
}

void Receiving::input (std::span<std::uint8_t> bytes, TimePoint now)
{
  const auto packet = RtpPacket::parse (bytes);
  if (!packet)
    return;
  const auto to = demux_.route (*packet);
  if (twcc_ && transport_id_ != 0)
    if (const auto number = packet->extension (transport_id_); number && number->size () == 2)
      twcc_->received (
          load_be<std::uint16_t> (number->data ()), packet->ssrc (), bytes.size () + 28, now);
  Track *t = to ? find (to->stream) : nullptr;
  if (!t) {
    unroutable_++;
    return;
  }
  bool recovered = false;
  if (to->use == RtpUse::rtx) {
    const auto ssrc = t->stream->ssrc ();
    const auto original = ssrc ? restore_original (bytes, *ssrc, to->apt) : std::nullopt;
    if (!original)
      return; // padding alone, or of a stream that has not begun
    bytes = *original;
    recovered = true;
  } else if (to->use == RtpUse::fec) {
    return; // of a kind that was not agreed upon
  }
  if (const std::uint8_t type = bytes[1] & 0x7f; t->red && type == *t->red)
    take_red (*t, bytes, now, recovered);
  else
    take (*t, bytes, now, recovered);
  take_fec (*t, now);
}

// Video has one block in a packet. Of audio's older blocks nothing is needed that RTX or
// concealment does not give.
void Receiving::take_red (Track &t, std::span<std::uint8_t> bytes, TimePoint now, bool recovered)
{
  const auto packet = RtpPacket::parse (bytes);
  std::array<RedBlock, 8> blocks;
  const auto n = packet ? parse_red (packet->payload (), blocks) : std::nullopt;
  if (!n || *n == 0)
    return;
  // It keeps copies of packets: only for who really sends FEC, which comes as RED does.
  if (t.ulpfec && !t.fec)
    t.fec = std::make_unique<FecReceiver> (FecReceiver::Limits{});
  const RedBlock &primary = blocks[*n - 1];
  if (t.ulpfec && primary.payload_type == *t.ulpfec) {
    // Its number is the stream's, too: it must not look like a loss.
    if (t.fec)
      t.fec->fec (primary.payload, packet->ssrc ());
    take (t, bytes, now, recovered);
    return;
  }
  if (*n > 1) { // the header, and the primary block behind it
    const std::size_t head = packet->header_size ();
    std::memmove (&bytes[head], primary.payload.data (), primary.payload.size ());
    bytes = bytes.first (head + primary.payload.size ());
    bytes[0] &= 0xdf; // without padding
    bytes[1] = static_cast<std::uint8_t> ((bytes[1] & 0x80) | primary.payload_type);
    return take (t, bytes, now, recovered);
  }
  if (const auto plain = restore_primary (bytes))
    take (t, *plain, now, recovered);
}

void Receiving::take (Track &t, Bytes bytes, TimePoint now, bool recovered)
{
  RtpPacket packet;
  if (!RtpPacket::parse (bytes))
    return;
  Handle owner = copy_of (bytes, packet);
  if (t.fec && t.find (packet.payload_type ()))
    t.fec->media (packet);
  t.stream->input (packet, std::move (owner), now, recovered);
}

void Receiving::take_fec (Track &t, TimePoint now)
{
  if (!t.fec)
    return;
  for (Bytes b = t.fec->poll (); !b.empty (); b = t.fec->poll ()) {
    const std::vector<std::uint8_t> copy (b.begin (), b.end ());
    take (t, copy, now, true);
  }
}

void Receiving::drain (Track &t)
{
  while (auto e = t.stream->poll_event ()) {
    if (const auto *lost = std::get_if<ReceiverStream::Lost> (&*e)) {
      owner_.on_lost (t.key, lost->count);
      continue;
    }
    auto *p = std::get_if<ReceiverStream::Packet> (&*e);
    if (!p)
      continue; // it has started anew: the next packet says so
    const std::uint8_t type = p->packet.payload_type ();
    if (!t.codec || t.codec->payload_type != type)
      t.codec = t.find (type);
    // FEC, red without media, payload alone of padding: was only to be counted, and must not look
    // like a loss to depayloaders.
    if (!t.codec || is_auxiliary (*t.codec) || p->packet.payload ().empty ()) {
      t.left_out++;
      continue;
    }
    if (t.left_out > 0)
      renumber (p->packet, t.left_out);
    if (t.stream->keyframe_wanted () && KeyStart (*t.codec) (p->packet.bytes ()))
      t.stream->keyframe_received ();
    auto *buffer = static_cast<GstBuffer *> (p->owner.get ());
    batch_.push_back ({t.key, t.codec, Ref<GstBuffer>::share (buffer), p->time, p->discont});
  }
  if (!batch_.empty ())
    owner_.on_media (batch_);
  batch_.clear ();
}

void Receiving::input (std::uint32_t ssrc, const SenderInfo &s, TimePoint now)
{
  const auto to = demux_.find (ssrc);
  Track *t = to && to->use == RtpUse::media ? find (to->stream) : nullptr;
  if (t)
    t->stream->input (s, now);
}

void Receiving::timeout (TimePoint now)
{
  if (twcc_)
    twcc_->timeout (now);
  for (const auto &t : tracks_) {
    t->stream->timeout (now);
    drain (*t);
  }
}

bool Receiving::poll_transmit (RtcpWriter &to)
{
  if (twcc_ && twcc_->poll_transmit (to))
    return true;
  return std::ranges::any_of (
      tracks_, [&to] (const auto &t) { return t->stream->poll_transmit (to); });
}

std::optional<TimePoint> Receiving::poll_timeout () const
{
  std::optional<TimePoint> next = twcc_ ? twcc_->poll_timeout () : std::nullopt;
  for (const auto &t : tracks_)
    if (const auto at = t->stream->poll_timeout (); at && (!next || *at < *next))
      next = at;
  return next;
}

std::vector<ReportBlock> Receiving::reports (TimePoint now)
{
  std::vector<ReportBlock> all;
  for (const auto &t : tracks_)
    if (const auto r = t->stream->report (now); r && all.size () < most_reports)
      all.push_back (*r);
  return all;
}

void Receiving::request_keyframe (TrackKey key)
{
  if (Track *t = find (key); t && t->kind == MediaKind::video)
    t->stream->request_keyframe ();
}

void Receiving::set_latency (Duration latency)
{
  config_.latency = latency;
  for (const auto &t : tracks_)
    t->stream->set_latency (latency);
}

void Receiving::set_rtt (Duration rtt)
{
  for (const auto &t : tracks_)
    t->stream->set_rtt (rtt);
}

std::vector<Receiving::TrackStats> Receiving::stats () const
{
  std::vector<TrackStats> all;
  for (const auto &t : tracks_)
    all.push_back ({.key = t->key,
        .mid = t->mid,
        .codec = t->codec ? t->codec->name : std::string (),
        .kind = t->kind,
        .ssrc = t->stream->ssrc ().value_or (0),
        .stats = t->stream->stats (),
        .nacks = t->stream->nack_stats (),
        .keyframe_requests = t->stream->keyframe_requests (),
        .fec_recovered = t->fec ? t->fec->recovered () : 0,
        .jitter = t->stream->jitter (),
        .latency = t->stream->latency (),
        .total_lost = t->stream->total_lost (),
        .delay = t->stream->delay (),
        .dropped = t->stream->buffer ().dropped ()});
  return all;
}

Duration Receiving::sync_delay (TrackKey key) const
{
  std::vector<SyncPoint> points;
  std::optional<SyncPoint> own;
  for (const auto &t : tracks_)
    if (const auto p = t->stream->sync_point ()) {
      points.push_back (*p);
      if (t->key == key)
        own = p;
    }
  return own ? rtc::sync_delay (*own, points) : Duration{};
}
} // namespace reach::rtc
