// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_connection.h"
#include "rtc/proto/codec.h"
#include <algorithm>
#include <openssl/rand.h>

namespace reach::rtc {
namespace {
std::vector<Fingerprint> fingerprints_of (const RemoteTransport &remote)
{
  std::vector<Fingerprint> all;
  for (const sdp::Fingerprint &f : remote.fingerprints) {
    std::string text;
    for (const std::uint8_t b : f.digest) {
      constexpr char digits[] = "0123456789ABCDEF";
      if (!text.empty ())
        text += ':';
      text += digits[b >> 4];
      text += digits[b & 15];
    }
    all.push_back ({f.hash, text});
  }
  return all;
}

Random random_bytes ()
{
  return [] (std::span<std::uint8_t> to) {
    if (RAND_bytes (to.data (), static_cast<int> (to.size ())) != 1)
      g_error ("OpenSSL has no random numbers");
  };
}

// Descriptions and RTCP name us alike (RFC 3550, 6.5.1).
PeerConfig with_cname (PeerConfig config)
{
  if (config.jsep.cname.empty ())
    config.jsep.cname = CharPtr (g_uuid_string_random ()).get ();
  return config;
}

// A single stream for a peer that asks for layers is the first of them.
const std::string &rid_at_peer (const NegotiatedMedia &m, const std::string &rid)
{
  static const std::string none;
  if (m.send_rids.empty ())
    return none;
  return rid.empty () ? m.send_rids.front ().id : rid;
}

std::uint8_t sent_id (const NegotiatedMedia &m, std::string_view uri)
{
  const auto e = std::ranges::find (m.extensions, uri, &sdp::ExtMap::uri);
  return e == m.extensions.end () || !sends (e->direction) || e->id > 255
             ? std::uint8_t{0}
             : static_cast<std::uint8_t> (e->id);
}
} // namespace

PeerConnection::PeerConnection (Loop &loop, Owner &owner, PeerConfig config)
    : loop_ (loop), owner_ (owner), config_ (with_cname (std::move (config))),
      self_ (std::make_shared<PeerConnection *> (this)),
      negotiator_ (config_.jsep, random_bytes ()),
      sending_ (std::make_shared<Sending> (config_.sending, Sending::Owner{[&l = loop_, s = self_] {
                                                                             l.post ([s] {
                                                                               if (*s)
                                                                                 (*s)->schedule ();
                                                                             });
                                                                           },
                                                                [&l = loop_, s = self_] {
                                                                  l.post ([s] {
                                                                    if (*s)
                                                                      (*s)->configure_sending ();
                                                                  });
                                                                }})),
      receiving_ (*this, config_.receiving), data_ (loop_, *this),
      timer_ (loop_.timers (), [this] { schedule (); })
{
}

PeerConnection::~PeerConnection ()
{
  *self_ = nullptr;
  sending_->close ();
  for (const Attached &a : attached_)
    if (a.source)
      a.source->remove (a.output.get ());
}

void PeerConnection::changed ()
{
  if (draining_)
    return; // whoever drains goes on
  draining_ = true;
  while (const auto e = negotiator_.poll_event ())
    take (*e);
  draining_ = false;
}

void PeerConnection::take (const JsepEvent &e)
{
  if (const auto *ice = std::get_if<event::LocalIce> (&e))
    local_ice (ice->ice);
  else if (const auto *candidate = std::get_if<event::RemoteCandidate> (&e))
    take_candidate (*candidate);
  else if (std::holds_alternative<event::Negotiated> (e))
    negotiated_changed ();
  owner_.on_jsep (e);
}

// What was agreed upon

void PeerConnection::negotiated_changed ()
{
  const Negotiated *n = negotiator_.negotiated ();
  if (!n)
    return;
  report_ssrc_ = n->media.empty () ? 1 : n->media.front ().ssrc;
  reduced_size_ =
      !n->media.empty () && std::ranges::all_of (n->media, &NegotiatedMedia::rtcp_rsize);
  owner_.on_negotiated (*n);
  // Transceivers that peers make and take away again leave nothing here.
  std::erase_if (tracks_, [this] (const Track &t) { return !negotiator_.find (t.transceiver); });
  receiving_.configure (
      *n, report_ssrc_, [this] (const NegotiatedMedia &m, const std::string &rid) {
        return key_of (m.transceiver, rid);
      });
  configure_sending ();
  set_peer (*n);
  schedule ();
}

void PeerConnection::set_peer (const Negotiated &n)
{
  if (!transport_)
    return;
  // Roles stay until ICE restarts, whoever offers next.
  if (n.remote.ice.ufrag != peer_ufrag_)
    transport_->set_controlling (controlling_ = !negotiator_.answered ());
  data_.set_dtls_client (n.role == DtlsRole::client);
  TransportPeer p{.ice = n.remote.ice,
      .fingerprints = fingerprints_of (n.remote),
      .own_role = n.role,
      .data = n.data.has_value ()};
  if (n.data) {
    p.sctp_port = n.data->remote_port;
    p.max_message = static_cast<std::size_t> (n.data->remote_max_message_size);
    data_.set_max_message (p.max_message);
  }
  if (!transport_->set_remote (p))
    return owner_.on_warning (
        "the description changes fingerprint or DTLS role of a connection, or its ICE credentials "
        "are none");
  if (std::exchange (peer_ufrag_, n.remote.ice.ufrag) == n.remote.ice.ufrag)
    return;
  for (const auto &c : std::exchange (early_candidates_, {}))
    if (c.ufrag.empty () || c.ufrag == peer_ufrag_)
      take_candidate (c);
}

TrackKey PeerConnection::key_of (TransceiverId id, const std::string &rid)
{
  const auto at = std::ranges::find_if (
      tracks_, [&] (const Track &t) { return t.transceiver == id && t.rid == rid; });
  if (at != tracks_.end ())
    return at->key;
  tracks_.push_back ({next_track_, id, rid});
  return next_track_++;
}

std::string PeerConnection::rid_of (TrackKey key) const
{
  const auto at = std::ranges::find (tracks_, key, &Track::key);
  return at == tracks_.end () ? std::string () : at->rid;
}

void PeerConnection::attach (TransceiverId id, std::shared_ptr<MediaSource> source,
    const std::string &rid, std::size_t place)
{
  const auto at = std::ranges::find_if (
      attached_, [&] (const Attached &a) { return a.transceiver == id && a.rid == rid; });
  if (at != attached_.end ()) {
    if (at->source == source)
      return;
    at->source->remove (at->output.get ());
    attached_.erase (at);
  }
  if (source) {
    Attached a{.transceiver = id, .rid = rid, .source = std::move (source)};
    a.key = key_of (id, rid);
    a.ssrc = g_random_int ();
    a.rtx_ssrc = g_random_int ();
    a.output = sending_->output (a.key);
    listen (a, true);
    auto before = attached_.begin ();
    for (; before != attached_.end (); ++before)
      if (before->transceiver == id && place-- == 0)
        break;
    attached_.insert (before, std::move (a));
  }
  configure_sending ();
}

// What the peer does not take costs nothing, but for what the source does for others.
void PeerConnection::listen (Attached &a, bool on)
{
  if (std::exchange (a.listening, on) == on)
    return;
  if (on)
    a.source->add (a.output);
  else
    a.source->remove (a.output.get ());
}

void PeerConnection::set_left_out (const MediaSource *source, bool left_out)
{
  for (Attached &a : attached_) {
    if (a.source.get () != source || std::exchange (a.left_out, left_out) == left_out)
      continue;
    sending_->set_left_out (a.key, left_out);
    if (left_out)
      continue;
    a.keyframes.ask ();
    schedule ();
  }
}

bool PeerConnection::is_left_out (const MediaSource *source) const
{
  return std::ranges::any_of (
      attached_, [source] (const Attached &a) { return a.source.get () == source && a.left_out; });
}

void PeerConnection::set_protection (TransceiverId id, unsigned percentage)
{
  if (percentage > 0)
    protection_[id] = std::min (percentage, 100u);
  else
    protection_.erase (id);
  configure_sending ();
}

std::optional<SendingStream::Protection> PeerConnection::protection_of (
    const NegotiatedMedia &m) const
{
  const auto wanted = protection_.find (m.transceiver);
  SendingStream::Protection p;
  for (const NegotiatedCodec &c : m.send) {
    if (is_name (c.codec, "red")) {
      p.red = c.codec.payload_type;
      p.red_rtx = c.rtx.value_or (std::uint8_t{0});
    } else if (is_name (c.codec, "ulpfec")) {
      p.ulpfec = c.codec.payload_type;
    }
  }
  if (m.kind != MediaKind::video || wanted == protection_.end () || p.red == 0 || p.ulpfec == 0)
    return {};
  p.percentage = wanted->second;
  return p;
}

// False: the peer does not take what the source has, or it is not known yet.
bool PeerConnection::rules_of (const NegotiatedMedia &m, const Attached &a, SendingStream &s) const
{
  const Codec codec = a.source->codec ();
  const auto taken = std::ranges::find_if (
      m.send, [&] (const NegotiatedCodec &c) { return matches (codec, c.codec); });
  if (codec.name.empty () || taken == m.send.end ())
    return false;
  s.key = a.key;
  s.name = m.mid;
  s.kind = m.kind;
  s.codec = taken->codec;
  s.clock_rate = taken->codec.clock_rate;
  s.left_out = a.left_out;
  RewriteRules &r = s.rules;
  r.rid = rid_at_peer (m, a.rid);
  const bool layer = !r.rid.empty ();
  r.ssrc = layer ? a.ssrc : m.ssrc;
  r.rtx_ssrc = !taken->rtx ? 0 : layer ? a.rtx_ssrc : m.rtx_ssrc;
  r.payload_types = {
      {codec.payload_type, taken->codec.payload_type, taken->rtx.value_or (std::uint8_t{0})}};
  s.protection = protection_of (m);
  if (s.protection) {
    s.protection->parity = codec.payload_type ^ 1; // any but the media's
    r.payload_types.push_back ({s.protection->parity, s.protection->red, s.protection->red_rtx});
  }
  r.mid_id = sent_id (m, uri::mid);
  r.rid_id = layer ? sent_id (m, uri::rid) : std::uint8_t{0};
  r.repaired_rid_id = layer ? sent_id (m, uri::repaired_rid) : std::uint8_t{0};
  r.abs_send_time_id = sent_id (m, uri::abs_send_time);
  r.transport_id = sent_id (m, uri::transport_cc);
  r.mid = m.mid;
  const std::uint8_t level = sent_id (m, uri::audio_level);
  if (level != 0 && a.source->level_id () != 0)
    r.kept = {{a.source->level_id (), level}};
  return true;
}

void PeerConnection::configure_sending ()
{
  const Negotiated *n = negotiator_.negotiated ();
  if (!n)
    return;
  std::vector<SendingStream> streams;
  bool transport_wide = false;
  for (const NegotiatedMedia &m : n->media)
    for (bool first = true; Attached & a : attached_) {
      SendingStream s;
      if (a.transceiver != m.transceiver)
        continue;
      listen (a, takes_layer (m, a.rid, std::exchange (first, false)));
      if (!a.listening || !sends (m.direction) || !rules_of (m, a, s))
        continue;
      transport_wide |= s.rules.transport_id != 0;
      streams.push_back (std::move (s));
      a.keyframes.ask (); // when it is connected
    }
  sending_->configure (std::move (streams), transport_wide);
  schedule ();
}

// The connection

void PeerConnection::on_state (TransportState state)
{
  if (state == TransportState::connected) {
    sending_->open (transport_->sender ());
    next_report_ = Clock::now () + milliseconds (500);
    for (Attached &a : attached_)
      a.keyframes.ask ();
    schedule ();
  } else if (state == TransportState::failed || state == TransportState::closed) {
    sending_->open (nullptr);
    next_report_.reset ();
  }
  owner_.on_transport (state);
}

void PeerConnection::on_silence (bool silent)
{
  owner_.on_silence (silent);
  if (silent) {
    negotiator_.restart_ice ();
    changed ();
  } else {
    for (Attached &a : attached_)
      a.keyframes.ask ();
    schedule ();
  }
}

void PeerConnection::set_keyframes_only (bool only)
{
  if (sending_->set_keyframes_only (only) && !only)
    for (const Attached &a : attached_)
      a.source->request_keyframe ();
}

void PeerConnection::close ()
{
  if (transport_ && transport_->state () == TransportState::connected) {
    std::array<std::uint8_t, 1200> room;
    RtcpWriter w (room);
    write_report (w, report_ssrc_, {}, {});
    write_sdes (w, report_ssrc_, config_.jsep.cname);
    const auto ssrcs = sending_->ssrcs ();
    if (!ssrcs.empty () &&
        write_bye (w, std::span (ssrcs).first (std::min<std::size_t> (31, ssrcs.size ()))))
      send_rtcp (w.datagram ());
  }
  negotiator_.close ();
  changed ();
  if (transport_)
    transport_->close ();
}

TransportState PeerConnection::state () const
{
  return transport_ ? transport_->state () : TransportState::fresh;
}

IceState PeerConnection::ice_state () const
{
  return transport_ ? transport_->ice_state () : IceState::fresh;
}

std::optional<IcePair> PeerConnection::pair () const
{
  return transport_ ? transport_->pair () : std::nullopt;
}

TransportStats PeerConnection::transport_stats () const
{
  return transport_ ? transport_->stats () : TransportStats{};
}

bool PeerConnection::send_datagram (Bytes bytes)
{
  return transport_ && transport_->send_datagram (bytes);
}
} // namespace reach::rtc
