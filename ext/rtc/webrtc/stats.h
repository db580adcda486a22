// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics as webrtcbin's get-stats gives them: a GstStructure "application/x-webrtc-stats" with
// one structure for each object, under its id. Names are W3C's (webrtc-stats) in webrtcbin's
// spelling: packetsReceived is packets-received; what webrtcbin 1.22 has, has its type here too.
//
// Ids are a word and a number, the object's place in its list: never what a peer has said, as a
// field's name stays in memory for good.
#pragma once
#include "common/ref.h"
#include "gst_webrtc.h"
#include "rtc/proto/candidate.h"
#include "rtc/proto/media_types.h"
#include <optional>
#include <string>
#include <vector>

namespace reach::rtc::stats {
constexpr std::size_t max_objects = 1024; // of each kind; more are left out

// Places in the lists below.
using Place = std::optional<std::size_t>;

struct Codec {
  guint payload_type = 0, clock_rate = 0, channels = 0; // channels 0: not said
  std::optional<guint> ssrc;
  std::string mime_type, sdp_fmtp_line; // video/H264
};

struct Stream {
  guint ssrc = 0;
  MediaKind kind = MediaKind::audio;
  std::string mid, rid; // empty: not said
  Place codec, transport;
};

// Counted in packets, bytes of payload, seconds.
struct Inbound : Stream {
  guint64 packets_received = 0, bytes_received = 0, header_bytes_received = 0;
  gint64 packets_lost = 0;
  guint64 packets_discarded = 0, packets_repaired = 0, packets_duplicated = 0;
  double jitter = 0;
  guint fir_count = 0, pli_count = 0, nack_count = 0; // sent
  guint64 fec_packets_received = 0;
  // Sums over all that left it: frames, or samples of audio.
  double jitter_buffer_delay = 0, jitter_buffer_target_delay = 0;
  guint64 jitter_buffer_emitted_count = 0;
  // The sender's last report; nothing: there was none.
  struct Report {
    double remote_timestamp = 0; // NTP, seconds
    guint packets_sent = 0, bytes_sent = 0;
    guint64 reports_sent = 0;
  };
  std::optional<Report> report; // remote-outbound-rtp
};

struct Outbound : Stream {
  std::optional<guint> rtx_ssrc;
  guint64 packets_sent = 0, bytes_sent = 0, header_bytes_sent = 0;
  guint64 retransmitted_packets_sent = 0, retransmitted_bytes_sent = 0;
  guint fir_count = 0, pli_count = 0, nack_count = 0; // received
  double target_bitrate = 0;                          // 0: not known
};

struct RemoteInbound { // what the peer's report says of one of ours
  std::size_t outbound = 0;
  gint packets_lost = 0;
  double jitter = 0, fraction_lost = 0;
  std::optional<double> round_trip_time, total_round_trip_time;
  guint64 round_trip_time_measurements = 0;
};

struct Transport {
  guint64 packets_sent = 0, packets_received = 0, bytes_sent = 0, bytes_received = 0;
  GstWebRTCDTLSTransportState dtls_state = GST_WEBRTC_DTLS_TRANSPORT_STATE_NEW;
  GstWebRTCICERole ice_role = GST_WEBRTC_ICE_ROLE_CONTROLLED;
  std::string tls_version, dtls_cipher, srtp_cipher;
  Place selected_pair;
};

struct CandidatePair {
  Place transport, local, remote;
  std::string state; // frozen, waiting, in-progress, failed, succeeded
  bool nominated = false;
  guint64 packets_sent = 0, packets_received = 0, bytes_sent = 0, bytes_received = 0;
  std::optional<double> current_round_trip_time;
  double available_outgoing_bitrate = 0, available_incoming_bitrate = 0; // bit/s; 0: not known
};

struct IceCandidate {
  Place transport;
  Candidate candidate;
  std::string url, relay_protocol; // of the server; local ones only
};

struct DataChannel {
  std::string label, protocol;
  std::optional<guint> id;
  GstWebRTCDataChannelState state = GST_WEBRTC_DATA_CHANNEL_STATE_CONNECTING;
  guint64 messages_sent = 0, bytes_sent = 0, messages_received = 0, bytes_received = 0;
  guint64 buffered_amount = 0;
};

struct PeerConnection {
  guint data_channels_opened = 0, data_channels_closed = 0, data_channels_requested = 0,
        data_channels_accepted = 0;
};

struct Report {
  double timestamp = 0; // ms, of the monotonic clock
  PeerConnection peer_connection;
  std::vector<Codec> codecs;
  std::vector<Inbound> inbound;
  std::vector<Outbound> outbound;
  std::vector<RemoteInbound> remote_inbound;
  std::vector<Transport> transports;
  std::vector<CandidatePair> pairs;
  std::vector<IceCandidate> local_candidates, remote_candidates;
  std::vector<DataChannel> data_channels;
};

double now (); // milliseconds
// Any thread. Transfer full.
GstStructure *build (const Report &report);
} // namespace reach::rtc::stats
