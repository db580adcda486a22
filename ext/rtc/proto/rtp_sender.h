// SPDX-License-Identifier: LGPL-2.1-or-later
// One stream to one peer: counts what is sent, keeps it for NACKs, writes sender reports and reads
// the reports of the peer about it. Sends nothing itself.
#pragma once
#include "common/proto/fifo.h"
#include "rtcp_feedback.h"
#include "rtcp_reports.h"
#include "rtp_history.h"
#include "rtp_time.h"

namespace reach::rtc {
class SenderStream {
public:
  struct Config {
    std::uint32_t ssrc = 0, rtx_ssrc = 0; // rtx_ssrc 0: none
    std::uint32_t clock_rate = 90000;
    NtpClock ntp;
    PacketHistory::Limits history;
    std::size_t max_pending = 512; // numbers that are asked for and not yet sent again
  };
  struct Stats {
    std::uint64_t packets = 0, bytes = 0;         // of media; payload alone (RFC 3550, 6.4.1)
    std::uint64_t header_bytes = 0;               // of those: header, extensions, padding
    std::uint64_t rtx_packets = 0, rtx_bytes = 0; // payload alone, as well
    std::uint64_t nacks = 0, asked = 0;           // NACK packets, numbers in them
    std::uint64_t refused = 0;                    // of these too old, too soon, unknown, too many
    std::uint64_t plis = 0, firs = 0;
    // Of the peer's last report.
    double fraction_lost = 0;
    std::int32_t total_lost = 0;
    Duration jitter{};
    std::optional<Duration> rtt;
    Duration rtt_total{}; // of all measurements
    std::uint64_t rtts = 0;
  };

  explicit SenderStream (const Config &config);

  // `packet`: as the rewriter took it, its type has a view (); sequence, timestamp, header (what is
  // no payload) and payload: as the peer gets them. captured: when the samples of that timestamp
  // were made, for synchronisation.
  void sent (Handle packet, std::uint16_t sequence, std::uint32_t timestamp, std::size_t header,
      std::size_t payload, TimePoint captured, TimePoint now);
  void sent_rtx (std::size_t payload);

  // Feedback that is about this stream; of others nothing is taken.
  void input (const ReportBlock &b, TimePoint now);
  void input (const Nack &n);
  // True: a key frame is wanted. A FIR that is only repeated says so once.
  bool input (const Pli &p);
  bool input (const Fir &f);
  void set_rtt (Duration rtt) { stats_.rtt = rtt; } // from elsewhere

  // What is to be sent again now, one after the other; valid until the next call of anything.
  std::optional<PacketHistory::Entry> poll_resend (TimePoint now);
  const PacketHistory &history () const { return history_; }

  // For SR and RR; nothing before the first packet.
  std::optional<SenderInfo> sender_info (TimePoint now) const;
  Duration rtt () const { return stats_.rtt.value_or (milliseconds (100)); }
  const Stats &stats () const { return stats_; }
  std::uint32_t ssrc () const { return config_.ssrc; }
  std::uint32_t rtx_ssrc () const { return config_.rtx_ssrc; }

private:
  void read_rtt (const ReportBlock &b, TimePoint now);

  Config config_;
  PacketHistory history_;
  Fifo<std::uint16_t> asked_;
  Stats stats_;
  bool started_ = false;
  std::uint32_t timestamp_ = 0;
  TimePoint captured_{};
  std::optional<std::uint8_t> fir_;
};
} // namespace reach::rtc
