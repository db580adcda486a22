// SPDX-License-Identifier: LGPL-2.1-or-later
// All streams of one peer: whose an RTP packet is, RTX, RED and FEC undone, put in order, and the
// feedback about it. Loop thread; sends nothing itself.
#pragma once
#include "common/ref.h"
#include "rtc/proto/fec_ulp.h"
#include "rtc/proto/jsep_negotiated.h"
#include "rtc/proto/rtp_demux.h"
#include "rtc/proto/rtp_receiver.h"
#include "rtc/proto/twcc_receiver.h"
#include <functional>

namespace reach::rtc {
using TrackKey = std::uint32_t; // of the peer connection: a transceiver, or a layer of one

struct ReceivedPacket {
  TrackKey track = 0;
  const Codec *codec = nullptr; // valid during the call
  Ref<GstBuffer> rtp;           // one whole packet
  TimePoint time{};             // of its timestamp, on our clock
  bool discont = false;
};

class Receiving {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_media (std::span<ReceivedPacket> packets) = 0; // of one track, in order
    virtual void on_lost (TrackKey track, std::int64_t packets) = 0;
  };
  struct Config {
    Duration latency = milliseconds (200); // of the jitter buffer
    std::size_t tracks = 64;
  };
  struct TrackStats {
    TrackKey key = 0;
    std::string mid, codec;
    MediaKind kind = MediaKind::video;
    std::uint32_t ssrc = 0;
    ReceiverStream::Stats stats;
    NackGenerator::Stats nacks;
    std::uint64_t keyframe_requests = 0, fec_recovered = 0;
    Duration jitter{}, latency{};
    std::int64_t total_lost = 0;
    JitterDelay::Counts delay;
    std::uint64_t dropped = 0; // by the jitter buffer, as too many waited
  };

  Receiving (Owner &owner, const Config &config) : owner_ (owner), config_ (config) {}

  // key: of an m-line and a rid (empty: none).
  using KeyOf = std::function<TrackKey (const NegotiatedMedia &, const std::string &rid)>;
  void configure (const Negotiated &n, std::uint32_t local_ssrc, const KeyOf &key_of);

  // Plain RTP, after SRTP; changed in place. What it completes is told by timeout ().
  void input (std::span<std::uint8_t> packet, TimePoint now);
  void input (std::uint32_t ssrc, const SenderInfo &s, TimePoint now);
  void bye (std::uint32_t ssrc) { demux_.forget (ssrc); }
  void timeout (TimePoint now);
  // Appends feedback that is due, one packet; call until it says no.
  bool poll_transmit (RtcpWriter &to);
  std::optional<TimePoint> poll_timeout () const;
  // For SR and RR: at most 31.
  std::vector<ReportBlock> reports (TimePoint now);

  void request_keyframe (TrackKey key);
  void set_latency (Duration latency);
  void set_rtt (Duration rtt);
  std::vector<TrackStats> stats () const;
  std::uint64_t unroutable () const { return unroutable_; }
  // How much later this one is to be shown, so that the tracks of its stream are in time.
  Duration sync_delay (TrackKey key) const;

private:
  struct Track {
    TrackKey key = 0;
    std::string mid, group; // group: what is kept in time with it
    MediaKind kind = MediaKind::video;
    std::vector<NegotiatedCodec> codecs;
    std::optional<std::uint8_t> red, ulpfec;
    std::unique_ptr<ReceiverStream> stream;
    std::unique_ptr<FecReceiver> fec;
    const Codec *codec = nullptr; // of codecs: what comes
    std::uint16_t left_out = 0;   // numbers that were no media's
    const Codec *find (std::uint8_t payload_type) const;
  };
  Track *find (TrackKey key);
  Track make_track (const NegotiatedMedia &m, TrackKey key, std::uint32_t local_ssrc) const;
  DemuxStream demux_of (const NegotiatedMedia &m, TrackKey key, const std::string &rid) const;
  void take (Track &t, Bytes packet, TimePoint now, bool recovered);
  void take_red (Track &t, std::span<std::uint8_t> packet, TimePoint now, bool recovered);
  void take_fec (Track &t, TimePoint now);
  void drain (Track &t);

  Owner &owner_;
  Config config_;
  BundleDemux demux_;
  BundleDemux::Ids ids_;
  std::uint8_t transport_id_ = 0;
  std::vector<std::unique_ptr<Track>> tracks_;
  std::optional<TwccReceiver> twcc_;
  std::vector<ReceivedPacket> batch_; // that drain () tells of
  std::uint64_t unroutable_ = 0;
};
} // namespace reach::rtc
