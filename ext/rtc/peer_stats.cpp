// SPDX-License-Identifier: LGPL-2.1-or-later
// What a session counts, as W3C's statistics.
#include "peer_statistics.h"
#include "rtc/proto/codec.h"
#include "webrtc/enums.h"
#include "webrtc/stats.h"
#include <algorithm>

namespace reach::rtc {
namespace {
double seconds_of (Duration d)
{
  return std::chrono::duration<double> (d).count ();
}

const char *srtp_name (SrtpProfile p)
{
  switch (p) {
  case SrtpProfile::aes_cm_128_hmac_sha1_80:
    return "AES_CM_128_HMAC_SHA1_80";
  case SrtpProfile::aead_aes_128_gcm:
    return "AEAD_AES_128_GCM";
  case SrtpProfile::aead_aes_256_gcm:
    return "AEAD_AES_256_GCM";
  default:
    return "";
  }
}

// The codec of that name, or the first, of one direction of an m-line; added once.
stats::Place codec_place (stats::Report &r, const Negotiated *n, const std::string &mid,
    const std::string &name, bool sending)
{
  const NegotiatedMedia *m = n ? n->find (mid) : nullptr;
  if (!m)
    return {};
  for (const NegotiatedCodec &c : sending ? m->send : m->receive) {
    if (!name.empty () && !is_name (c.codec, name))
      continue;
    stats::Codec codec{.payload_type = c.codec.payload_type,
        .clock_rate = c.codec.clock_rate,
        .channels = m->kind == MediaKind::audio ? c.codec.channels : 0u,
        .mime_type = std::string (to_string (m->kind)) + "/" + c.codec.name,
        .sdp_fmtp_line = c.codec.fmtp};
    const auto same = std::ranges::find_if (r.codecs, [&] (const stats::Codec &x) {
      return x.payload_type == codec.payload_type && x.mime_type == codec.mime_type;
    });
    if (same != r.codecs.end ())
      return static_cast<std::size_t> (same - r.codecs.begin ());
    r.codecs.push_back (std::move (codec));
    return r.codecs.size () - 1;
  }
  return {};
}

void add_received (stats::Report &r, PeerSession &session)
{
  PeerConnection &c = session.connection ();
  for (const Receiving::TrackStats &t : c.receiving_stats ()) {
    if (t.ssrc == 0)
      continue;
    stats::Inbound in;
    in.ssrc = t.ssrc;
    in.kind = t.kind;
    in.mid = t.mid;
    in.rid = c.rid_of (t.key);
    in.transport = 0;
    in.codec = codec_place (r, c.negotiated (), t.mid, t.codec, false);
    in.packets_received = t.stats.packets;
    in.bytes_received = t.stats.bytes;
    in.packets_lost = t.total_lost;
    in.header_bytes_received = t.stats.header_bytes;
    in.packets_discarded = t.stats.late + t.stats.strange + t.dropped;
    in.jitter_buffer_delay = seconds_of (t.delay.waited);
    in.jitter_buffer_target_delay = seconds_of (t.delay.target);
    in.jitter_buffer_emitted_count = t.delay.emitted;
    if (const auto &report = t.stats.report)
      in.report = stats::Inbound::Report{.remote_timestamp = double (report->ntp) / 4294967296.0,
          .packets_sent = report->packets,
          .bytes_sent = report->bytes,
          .reports_sent = t.stats.reports};
    in.packets_repaired = t.stats.recovered;
    in.packets_duplicated = t.stats.duplicates;
    in.jitter = seconds_of (t.jitter);
    in.pli_count = static_cast<guint> (t.keyframe_requests);
    in.nack_count = static_cast<guint> (t.nacks.requests);
    in.fec_packets_received = t.fec_recovered;
    r.inbound.push_back (std::move (in));
  }
}

void add_sent (stats::Report &r, PeerSession &session)
{
  PeerConnection &c = session.connection ();
  const Sending::Stats all = c.sending_stats ();
  for (const Sending::StreamStats &t : all.streams) {
    stats::Outbound out;
    out.ssrc = t.ssrc;
    out.kind = t.kind;
    out.mid = t.name;
    out.rid = c.rid_of (t.key);
    out.transport = 0;
    out.codec = codec_place (r, c.negotiated (), t.name, {}, true);
    if (t.rtx_ssrc != 0)
      out.rtx_ssrc = t.rtx_ssrc;
    out.packets_sent = t.stats.packets;
    out.bytes_sent = t.stats.bytes;
    out.header_bytes_sent = t.stats.header_bytes;
    out.retransmitted_packets_sent = t.stats.rtx_packets;
    out.retransmitted_bytes_sent = t.stats.rtx_bytes;
    out.fir_count = static_cast<guint> (t.stats.firs);
    out.pli_count = static_cast<guint> (t.stats.plis);
    out.nack_count = static_cast<guint> (t.stats.nacks);
    out.target_bitrate = t.kind == MediaKind::video ? all.bitrate : 0;
    r.outbound.push_back (std::move (out));
    stats::RemoteInbound remote{.outbound = r.outbound.size () - 1,
        .packets_lost = t.stats.total_lost,
        .jitter = seconds_of (t.stats.jitter),
        .fraction_lost = t.stats.fraction_lost};
    if (t.stats.rtt)
      remote.round_trip_time = seconds_of (*t.stats.rtt);
    if (t.stats.rtts > 0)
      remote.total_round_trip_time = seconds_of (t.stats.rtt_total);
    remote.round_trip_time_measurements = t.stats.rtts;
    r.remote_inbound.push_back (std::move (remote));
  }
}

void add_transport (stats::Report &r, PeerSession &session)
{
  PeerConnection &c = session.connection ();
  const TransportStats t = c.transport_stats ();
  stats::Transport out;
  out.packets_sent = t.out.path.packets;
  out.bytes_sent = t.out.path.bytes;
  out.packets_received = t.packets_in;
  out.bytes_received = t.bytes_in;
  out.dtls_state = dtls_state (c.state ());
  out.ice_role =
      c.controlling () ? GST_WEBRTC_ICE_ROLE_CONTROLLING : GST_WEBRTC_ICE_ROLE_CONTROLLED;
  out.tls_version = t.dtls_version;
  out.dtls_cipher = t.dtls_cipher;
  out.srtp_cipher = srtp_name (t.profile);
  if (const auto pair = c.pair ()) {
    r.local_candidates.push_back ({.transport = 0, .candidate = pair->local});
    r.remote_candidates.push_back ({.transport = 0, .candidate = pair->remote});
    stats::CandidatePair p{
        .transport = 0, .local = 0, .remote = 0, .state = "succeeded", .nominated = true};
    p.packets_sent = out.packets_sent;
    p.bytes_sent = out.bytes_sent;
    p.packets_received = out.packets_received;
    p.bytes_received = out.bytes_received;
    for (const auto &remote : r.remote_inbound)
      if (remote.round_trip_time)
        p.current_round_trip_time = remote.round_trip_time;
    p.available_outgoing_bitrate = c.sending_stats ().bitrate;
    r.pairs.push_back (std::move (p));
    out.selected_pair = 0;
  }
  r.transports.push_back (std::move (out));
}

void add_channels (stats::Report &r, PeerSession &session)
{
  DataHub &hub = session.connection ().data ();
  for (const DataHub::Stats &s : hub.stats ()) {
    stats::DataChannel d{.label = s.channel.config.label,
        .protocol = s.channel.config.protocol,
        .state = to_gst (s.channel.state),
        .messages_sent = s.messages_sent,
        .bytes_sent = s.bytes_sent,
        .messages_received = s.messages_received,
        .bytes_received = s.bytes_received,
        .buffered_amount = s.buffered};
    if (s.channel.config.id)
      d.id = *s.channel.config.id;
    r.data_channels.push_back (std::move (d));
  }
  const DataHub::Totals t = hub.totals ();
  r.peer_connection = {.data_channels_opened = static_cast<guint> (t.opened),
      .data_channels_closed = static_cast<guint> (t.closed),
      .data_channels_requested = static_cast<guint> (t.requested),
      .data_channels_accepted = static_cast<guint> (t.accepted)};
}
} // namespace

GstStructure *peer_statistics (PeerSession &session)
{
  stats::Report r;
  r.timestamp = stats::now ();
  add_received (r, session);
  add_sent (r, session);
  add_transport (r, session);
  add_channels (r, session);
  return stats::build (r);
}
} // namespace reach::rtc
