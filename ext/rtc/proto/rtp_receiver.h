// SPDX-License-Identifier: LGPL-2.1-or-later
// One stream of a peer: statistics, NACKs, jitter buffer, key frame requests, reports. Sans-IO:
// after each input () and timeout () drain poll_event () and poll_transmit (), then wait for
// poll_timeout () at most.
#pragma once
#include "jitter_buffer.h"
#include "jitter_clock.h"
#include "jitter_delay.h"
#include "jitter_latency.h"
#include "rtcp_feedback.h"
#include "rtp_keyframe.h"
#include "rtp_nack.h"
#include "rtp_statistics.h"
#include "rtp_sync.h"

namespace reach::rtc {
class ReceiverStream {
public:
  struct Config {
    std::uint32_t local_ssrc = 0; // of feedback
    std::uint32_t clock_rate = 90000;
    bool nack = true;      // agreed upon
    bool keyframes = true; // a picture that needs what was lost: PLI
    bool samples = false;  // of audio: what the jitter buffer emits is counted in samples
    NackGenerator::Config nacks;
    JitterBuffer::Limits buffer;
    JitterLatency::Config latency;
    KeyframeRequester::Config requests;
    ReceiveStatistics::Limits numbers;
  };
  struct Packet : MediaPacket {
    bool discont = false; // the first, or behind a loss or a restart
  };
  using Lost = JitterBuffer::Lost;
  struct Restarted { // another SSRC, or another place of the numbers
    std::uint32_t ssrc = 0;
  };
  using Event = std::variant<Packet, Lost, Restarted>;
  struct Stats {
    std::uint64_t packets = 0, bytes = 0; // payload; without RTX
    std::uint64_t header_bytes = 0;       // of those: header, extensions, padding
    std::uint64_t recovered = 0;          // by RTX or FEC, that were of use
    std::uint64_t duplicates = 0, late = 0, strange = 0;
    std::uint64_t lost = 0; // numbers that nothing brought in time
    std::uint64_t restarts = 0;
    // The sender's last report, and how many there were.
    std::optional<SenderInfo> report;
    std::uint64_t reports = 0;
  };

  explicit ReceiverStream (const Config &config);

  // An SRTP-decrypted packet of this stream, `owner` keeps its bytes. An SSRC other than before is
  // a restart. recovered: from RTX (restore_original ()) or FEC.
  void input (const RtpPacket &p, Handle owner, TimePoint now, bool recovered = false);
  void input (const SenderInfo &s, TimePoint now);
  void timeout (TimePoint now);

  std::optional<Event> poll_event ();
  // Appends NACK and PLI that are due; true if any. Call until it says no.
  bool poll_transmit (RtcpWriter &to);
  std::optional<TimePoint> poll_timeout () const;

  // A decoder, or what looks into the payload, needs one or has got one.
  void request_keyframe () { requests_.want (now_); }
  bool keyframe_wanted () const { return requests_.wanted (); }
  void keyframe_received () { requests_.received (); }

  // For SR and RR; nothing before the first packet.
  std::optional<ReportBlock> report (TimePoint now);
  // Of the last packet that came in its own place; for sync_delay ().
  std::optional<SyncPoint> sync_point () const;
  void set_rtt (Duration rtt) { nacks_.set_rtt (rtt); }
  void set_latency (Duration fixed) { latency_.set_fixed (fixed); }
  // What a consumer adds to a packet's `time` to be sure that it is there.
  Duration latency () const { return latency_.value (); }
  Duration jitter () const { return statistics_.jitter (); }
  std::int64_t total_lost () const { return statistics_.lost (); }
  std::optional<std::uint32_t> ssrc () const { return ssrc_; }
  const Stats &stats () const { return stats_; }
  const NackGenerator::Stats &nack_stats () const { return nacks_.stats (); }
  std::uint64_t keyframe_requests () const { return requests_.requests (); }
  const JitterBuffer &buffer () const { return buffer_; }
  const JitterDelay::Counts &delay () const { return delay_.counts (); }

private:
  void restart (std::uint32_t ssrc);
  bool in_place (const RtpPacket &p, TimePoint now, MediaPacket &m);
  void lost (const Lost &l);

  Config config_;
  ReceiveStatistics statistics_;
  NackGenerator nacks_;
  JitterClock clock_;
  JitterLatency latency_;
  JitterBuffer buffer_;
  JitterDelay delay_;
  KeyframeRequester requests_;
  StreamClock sender_clock_;
  SeenWindow delivered_; // whichever way they came
  std::optional<std::uint32_t> ssrc_;
  bool restarted_ = false, discont_ = true;
  std::uint32_t last_timestamp_ = 0;
  TimePoint last_time_{}, now_{};
  Stats stats_;
};
} // namespace reach::rtc
