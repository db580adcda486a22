// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stats.h"
#include <algorithm>
#include <iterator>

namespace reach::rtc::stats {
namespace {
// Words as webrtcbin 1.22 has them, where it has them.
std::string codec_id (std::size_t n)
{
  return "codec-stats-" + std::to_string (n);
}
std::string inbound_id (std::size_t n)
{
  return "rtp-inbound-stream-stats_" + std::to_string (n);
}
std::string outbound_id (std::size_t n)
{
  return "rtp-outbound-stream-stats_" + std::to_string (n);
}
std::string remote_inbound_id (std::size_t n)
{
  return "rtp-remote-inbound-stream-stats_" + std::to_string (n);
}
std::string remote_outbound_id (std::size_t n)
{
  return "rtp-remote-outbound-stream-stats_" + std::to_string (n);
}
std::string transport_id (std::size_t n)
{
  return "transport-stats_" + std::to_string (n);
}
std::string pair_id (std::size_t n)
{
  return "ice-candidate-pair_" + std::to_string (n);
}
std::string local_id (std::size_t n)
{
  return "ice-local-candidate_" + std::to_string (n);
}
std::string remote_id (std::size_t n)
{
  return "ice-remote-candidate_" + std::to_string (n);
}
std::string channel_id (std::size_t n)
{
  return "data-channel-stats_" + std::to_string (n);
}

// One object. Fields' names are literals of this file.
class Object {
public:
  Object (const std::string &id, GstWebRTCStatsType type, double timestamp)
      : id_ (id), s_ (gst_structure_new_empty (name_of (type)))
  {
    gst_structure_set (s_.get (), "type", GST_TYPE_WEBRTC_STATS_TYPE, type, "timestamp",
        G_TYPE_DOUBLE, timestamp, "id", G_TYPE_STRING, id.c_str (), nullptr);
  }
  Object &set (const char *name, const std::string &v) // empty: left out
  {
    if (v.empty ())
      return *this;
    // Some are the peer's words.
    const CharPtr valid (g_utf8_make_valid (v.data (), static_cast<gssize> (v.size ())));
    gst_structure_set (s_.get (), name, G_TYPE_STRING, valid.get (), nullptr);
    return *this;
  }
  Object &set (const char *name, guint v) { return add (name, G_TYPE_UINT, v); }
  Object &set (const char *name, gint v) { return add (name, G_TYPE_INT, v); }
  Object &set (const char *name, guint64 v) { return add (name, G_TYPE_UINT64, v); }
  Object &set (const char *name, gint64 v) { return add (name, G_TYPE_INT64, v); }
  Object &set (const char *name, double v) { return add (name, G_TYPE_DOUBLE, v); }
  Object &flag (const char *name, bool v) { return add (name, G_TYPE_BOOLEAN, gboolean (v)); }
  Object &word (const char *name, GType type, int v) { return add (name, type, v); }
  template <typename T> Object &set (const char *name, const std::optional<T> &v)
  {
    return v ? set (name, *v) : *this;
  }
  Object &refer (const char *name, const Place &place, std::string (*id) (std::size_t))
  {
    return place && *place < max_objects ? set (name, id (*place)) : *this;
  }
  void into (GstStructure *all) const
  {
    gst_structure_set (all, id_.c_str (), GST_TYPE_STRUCTURE, s_.get (), nullptr);
  }

private:
  static const char *name_of (GstWebRTCStatsType type)
  {
    const auto *all = static_cast<GEnumClass *> (g_type_class_peek_static (enum_type ()));
    return g_enum_get_value (const_cast<GEnumClass *> (all), type)->value_nick;
  }
  static GType enum_type ()
  {
    static const GType type = [] {
      g_type_class_ref (GST_TYPE_WEBRTC_STATS_TYPE); // for good, as enums are
      return GST_TYPE_WEBRTC_STATS_TYPE;
    }();
    return type;
  }
  template <typename T> Object &add (const char *name, GType type, T v)
  {
    gst_structure_set (s_.get (), name, type, v, nullptr);
    return *this;
  }

  const std::string id_;
  StructurePtr s_;
};

class Builder {
public:
  explicit Builder (const Report &r)
      : r_ (r), all_ (gst_structure_new_empty ("application/x-webrtc-stats"))
  {
  }
  GstStructure *build ();

private:
  Object object (const std::string &id, GstWebRTCStatsType type) const
  {
    return Object (id, type, r_.timestamp);
  }
  Object stream (const std::string &id, GstWebRTCStatsType type, const Stream &s) const;
  template <typename T, typename F> void each (const std::vector<T> &list, F &&f)
  {
    for (std::size_t n = 0; n < std::min (list.size (), max_objects); n++)
      f (n, list[n]);
  }
  bool has_report_of (std::size_t outbound, std::size_t &n) const;
  void add (std::size_t n, const Codec &c);
  void add (std::size_t n, const Inbound &in);
  void add (std::size_t n, const Inbound &in, const Inbound::Report &report);
  void add (std::size_t n, const Outbound &out);
  void add (std::size_t n, const RemoteInbound &in);
  void add (std::size_t n, const Transport &t);
  void add (std::size_t n, const CandidatePair &p);
  void add (const std::string &id, GstWebRTCStatsType type, const IceCandidate &c);
  void add (std::size_t n, const DataChannel &c);
  void add (const PeerConnection &p);
  template <typename T> void add_all (const std::vector<T> &list)
  {
    each (list, [this] (std::size_t n, const T &x) { add (n, x); });
  }

  const Report &r_;
  StructurePtr all_;
};

Object Builder::stream (const std::string &id, GstWebRTCStatsType type, const Stream &s) const
{
  Object o = object (id, type);
  o.set ("ssrc", s.ssrc).set ("kind", std::string (to_string (s.kind)));
  o.set ("mid", s.mid).set ("rid", s.rid);
  o.refer ("codec-id", s.codec, codec_id).refer ("transport-id", s.transport, transport_id);
  return o;
}

void Builder::add (std::size_t n, const Codec &c)
{
  Object o = object (codec_id (n), GST_WEBRTC_STATS_CODEC);
  o.set ("payload-type", c.payload_type).set ("clock-rate", c.clock_rate).set ("ssrc", c.ssrc);
  o.set ("mime-type", c.mime_type).set ("sdp-fmtp-line", c.sdp_fmtp_line);
  if (c.channels > 0)
    o.set ("channels", c.channels);
  o.into (all_.get ());
}

void Builder::add (std::size_t n, const Inbound &in)
{
  Object o = stream (inbound_id (n), GST_WEBRTC_STATS_INBOUND_RTP, in);
  o.set ("packets-received", in.packets_received).set ("bytes-received", in.bytes_received);
  o.set ("header-bytes-received", in.header_bytes_received);
  // webrtcbin's type. While packets come late there may be fewer than none.
  o.set ("packets-lost", static_cast<guint64> (std::max<gint64> (in.packets_lost, 0)));
  o.set ("packets-discarded", in.packets_discarded).set ("packets-repaired", in.packets_repaired);
  o.set ("packets-duplicated", in.packets_duplicated).set ("jitter", in.jitter);
  o.set ("fir-count", in.fir_count).set ("pli-count", in.pli_count);
  o.set ("nack-count", in.nack_count).set ("fec-packets-received", in.fec_packets_received);
  o.set ("jitter-buffer-delay", in.jitter_buffer_delay);
  o.set ("jitter-buffer-target-delay", in.jitter_buffer_target_delay);
  o.set ("jitter-buffer-emitted-count", in.jitter_buffer_emitted_count);
  if (in.report)
    o.set ("remote-id", remote_outbound_id (n));
  o.into (all_.get ());
  if (in.report)
    add (n, in, *in.report);
}

void Builder::add (std::size_t n, const Inbound &in, const Inbound::Report &report)
{
  Object o = stream (remote_outbound_id (n), GST_WEBRTC_STATS_REMOTE_OUTBOUND_RTP, in);
  o.set ("packets-sent", report.packets_sent).set ("bytes-sent", report.bytes_sent);
  o.set ("remote-timestamp", report.remote_timestamp).set ("local-id", inbound_id (n));
  o.set ("reports-sent", report.reports_sent);
  o.into (all_.get ());
}

bool Builder::has_report_of (std::size_t outbound, std::size_t &n) const
{
  const auto &all = r_.remote_inbound;
  const auto it = std::find_if (all.begin (), all.end (),
      [outbound] (const RemoteInbound &x) { return x.outbound == outbound; });
  n = static_cast<std::size_t> (it - all.begin ());
  return it != all.end () && n < max_objects;
}

void Builder::add (std::size_t n, const Outbound &out)
{
  Object o = stream (outbound_id (n), GST_WEBRTC_STATS_OUTBOUND_RTP, out);
  o.set ("rtx-ssrc", out.rtx_ssrc).set ("packets-sent", out.packets_sent);
  o.set ("bytes-sent", out.bytes_sent).set ("header-bytes-sent", out.header_bytes_sent);
  o.set ("retransmitted-packets-sent", out.retransmitted_packets_sent);
  o.set ("retransmitted-bytes-sent", out.retransmitted_bytes_sent);
  o.set ("fir-count", out.fir_count).set ("pli-count", out.pli_count);
  o.set ("nack-count", out.nack_count);
  if (out.target_bitrate > 0)
    o.set ("target-bitrate", out.target_bitrate);
  std::size_t report = 0;
  if (has_report_of (n, report))
    o.set ("remote-id", remote_inbound_id (report));
  o.into (all_.get ());
}

void Builder::add (std::size_t n, const RemoteInbound &in)
{
  if (in.outbound >= std::min (r_.outbound.size (), max_objects))
    return;
  const Outbound &out = r_.outbound[in.outbound];
  Object o = stream (remote_inbound_id (n), GST_WEBRTC_STATS_REMOTE_INBOUND_RTP, out);
  o.set ("local-id", outbound_id (in.outbound)).set ("packets-lost", in.packets_lost);
  o.set ("jitter", in.jitter).set ("fraction-lost", in.fraction_lost);
  o.set ("round-trip-time", in.round_trip_time);
  o.set ("total-round-trip-time", in.total_round_trip_time);
  o.set ("round-trip-time-measurements", in.round_trip_time_measurements);
  o.into (all_.get ());
}

void Builder::add (std::size_t n, const Transport &t)
{
  Object o = object (transport_id (n), GST_WEBRTC_STATS_TRANSPORT);
  o.set ("packets-sent", t.packets_sent).set ("packets-received", t.packets_received);
  o.set ("bytes-sent", t.bytes_sent).set ("bytes-received", t.bytes_received);
  o.word ("dtls-state", GST_TYPE_WEBRTC_DTLS_TRANSPORT_STATE, t.dtls_state);
  o.word ("ice-role", GST_TYPE_WEBRTC_ICE_ROLE, t.ice_role);
  o.set ("tls-version", t.tls_version).set ("dtls-cipher", t.dtls_cipher);
  o.set ("srtp-cipher", t.srtp_cipher);
  o.refer ("selected-candidate-pair-id", t.selected_pair, pair_id);
  o.into (all_.get ());
}

void Builder::add (std::size_t n, const CandidatePair &p)
{
  Object o = object (pair_id (n), GST_WEBRTC_STATS_CANDIDATE_PAIR);
  o.refer ("transport-id", p.transport, transport_id)
      .refer ("local-candidate-id", p.local, local_id);
  o.refer ("remote-candidate-id", p.remote, remote_id);
  o.set ("state", p.state).flag ("nominated", p.nominated);
  o.set ("packets-sent", p.packets_sent).set ("packets-received", p.packets_received);
  o.set ("bytes-sent", p.bytes_sent).set ("bytes-received", p.bytes_received);
  o.set ("current-round-trip-time", p.current_round_trip_time);
  if (p.available_outgoing_bitrate > 0)
    o.set ("available-outgoing-bitrate", p.available_outgoing_bitrate);
  if (p.available_incoming_bitrate > 0)
    o.set ("available-incoming-bitrate", p.available_incoming_bitrate);
  o.into (all_.get ());
}

const char *type_of (const Candidate &c)
{
  switch (c.type) {
  case CandidateType::host:
    return "host";
  case CandidateType::srflx:
    return "srflx";
  case CandidateType::prflx:
    return "prflx";
  case CandidateType::relay:
    break;
  }
  return "relay";
}

void Builder::add (const std::string &id, GstWebRTCStatsType type, const IceCandidate &c)
{
  Object o = object (id, type);
  o.refer ("transport-id", c.transport, transport_id).set ("address", c.candidate.address);
  o.set ("port", guint{c.candidate.port});
  o.set ("protocol", std::string (c.candidate.tcp ? "tcp" : "udp"));
  o.set ("candidate-type", std::string (type_of (c.candidate)));
  o.set ("priority", guint{c.candidate.priority}).set ("foundation", c.candidate.foundation);
  if (c.candidate.related_address)
    o.set ("related-address", *c.candidate.related_address)
        .set ("related-port", guint{c.candidate.related_port});
  o.set ("username-fragment", c.candidate.ufrag);
  o.set ("url", c.url).set ("relay-protocol", c.relay_protocol);
  o.into (all_.get ());
}

void Builder::add (std::size_t n, const DataChannel &c)
{
  Object o = object (channel_id (n), GST_WEBRTC_STATS_DATA_CHANNEL);
  o.set ("label", c.label).set ("protocol", c.protocol).set ("data-channel-identifier", c.id);
  o.word ("state", GST_TYPE_WEBRTC_DATA_CHANNEL_STATE, c.state);
  o.set ("messages-sent", c.messages_sent).set ("bytes-sent", c.bytes_sent);
  o.set ("messages-received", c.messages_received).set ("bytes-received", c.bytes_received);
  o.set ("buffered-amount", c.buffered_amount);
  o.into (all_.get ());
}

void Builder::add (const PeerConnection &p)
{
  Object o = object ("peer-connection-stats", GST_WEBRTC_STATS_PEER_CONNECTION);
  o.set ("data-channels-opened", p.data_channels_opened);
  o.set ("data-channels-closed", p.data_channels_closed);
  o.set ("data-channels-requested", p.data_channels_requested);
  o.set ("data-channels-accepted", p.data_channels_accepted);
  o.into (all_.get ());
}

GstStructure *Builder::build ()
{
  add (r_.peer_connection);
  add_all (r_.codecs);
  add_all (r_.inbound);
  add_all (r_.outbound);
  add_all (r_.remote_inbound);
  add_all (r_.transports);
  add_all (r_.pairs);
  each (r_.local_candidates, [this] (std::size_t n, const IceCandidate &c) {
    add (local_id (n), GST_WEBRTC_STATS_LOCAL_CANDIDATE, c);
  });
  each (r_.remote_candidates, [this] (std::size_t n, const IceCandidate &c) {
    add (remote_id (n), GST_WEBRTC_STATS_REMOTE_CANDIDATE, c);
  });
  add_all (r_.data_channels);
  return all_.release ();
}
} // namespace

double now ()
{
  return static_cast<double> (g_get_monotonic_time ()) / 1000.0;
}

GstStructure *build (const Report &report)
{
  return Builder (report).build ();
}
} // namespace reach::rtc::stats
