// SPDX-License-Identifier: LGPL-2.1-or-later
// All streams to one peer: each packet gets the peer's header, waits where the congestion control
// says so, and leaves by the MediaSender. Streaming threads send, the loop thread does the rest;
// sources may hold it longer than its peer connection lives.
#pragma once
#include "common/proto/fifo.h"
#include "media_source.h"
#include "rtc/net/media_sender.h"
#include "rtc/proto/congestion_control.h"
#include "rtc/proto/rtp_rewriter.h"
#include "rtc/proto/rtp_sender.h"
#include <functional>

namespace reach::rtc {
using StreamKey = std::uint32_t; // of the peer connection

struct SendingStream {
  StreamKey key = 0;
  std::string name;   // of statistics: its mid
  RewriteRules rules; // of these the numbers to begin with are chosen here
  std::uint32_t clock_rate = 90000;
  MediaKind kind = MediaKind::video;
  Codec codec;           // to tell key frames by
  bool left_out = false; // for now nothing of it is sent
  // RED and FEC of these payload types go with it (RFC 2198, RFC 5109). Of its own packets the
  // rules have `parity` as the source's payload type.
  struct Protection {
    std::uint8_t red = 0, red_rtx = 0, ulpfec = 0, parity = 0;
    unsigned percentage = 0; // parity packets for 100 of media, to 100
    bool operator== (const Protection &) const = default;
  };
  std::optional<Protection> protection;
};

class Sending final : public std::enable_shared_from_this<Sending> {
public:
  struct Config {
    CongestionController::Config congestion;
    PacketHistory::Limits history;
    NtpClock ntp;
    std::size_t queue = 2048;              // packets that wait for their turn
    Duration longest = milliseconds (250); // they wait so long at most
  };
  // Any thread; never waits.
  struct Owner {
    std::function<void ()> wake;          // next_timeout () is earlier than it was
    std::function<void ()> codec_changed; // of a source
  };
  struct StreamStats {
    StreamKey key = 0;
    std::string name;
    MediaKind kind = MediaKind::video;
    std::uint32_t ssrc = 0, rtx_ssrc = 0;
    SenderStream::Stats stats;
  };
  struct Stats {
    std::vector<StreamStats> streams;
    CongestionController::Stats congestion;
    double bitrate = 0;
    std::size_t waiting = 0;
    std::uint64_t dropped = 0; // too many that waited, or too long for a datagram
  };

  Sending (const Config &config, Owner owner);
  ~Sending ();

  // Loop thread.
  // The way to the peer; null: none now. Packets go from now on, or not any more.
  void open (std::shared_ptr<MediaSender> sender);
  // transport_wide: the peer tells when packets came.
  void configure (std::vector<SendingStream> streams, bool transport_wide);
  std::shared_ptr<MediaSource::Output> output (StreamKey key); // for a source
  void close ();                                               // the owner is not called any more

  void input (const ReportBlock &b, TimePoint now);
  void input (const Nack &n, TimePoint now);
  void input (const TwccFeedback &f, TimePoint now);
  void input (const Remb &r, TimePoint now);
  // The stream that a key frame is wanted of.
  std::optional<StreamKey> input (const Pli &p);
  void input (const Fir &f, std::vector<StreamKey> &wanted);
  void timeout (TimePoint now);
  std::optional<TimePoint> poll_timeout ();
  // The estimate for encoders, in bit/s, when it has changed.
  std::optional<double> poll_change ();
  void set_limits (double min, double max);
  // Of video nothing but key frames: for a peer that is slower than what is encoded for all. All of
  // it comes again from the next key frame on. What it was before.
  bool set_keyframes_only (bool only)
  {
    return std::exchange (state_.lock ()->keyframes_only, only);
  }

  // One that comes back goes on with its next key frame.
  void set_left_out (StreamKey key, bool left_out);

  struct Info {
    std::uint32_t ssrc;
    SenderInfo info;
  };
  std::vector<Info> infos (TimePoint now); // for sender reports
  std::vector<std::uint32_t> ssrcs ();
  std::optional<Duration> rtt ();
  Stats stats ();

private:
  class Port;
  struct Stream;
  struct Waiting {
    StreamKey key = 0;
    SourcePacket packet;
    TimePoint captured{}, since{};
  };
  struct State {
    std::vector<std::unique_ptr<Stream>> streams;
    CongestionController congestion;
    Fifo<Waiting> waiting;
    std::shared_ptr<MediaSender> sender; // null: sources' packets are nobody's
    bool transport_wide = false, keyframes_only = false;
    std::uint64_t dropped = 0;
    explicit State (const CongestionController::Config &c);
    ~State ();
    Stream *find (StreamKey key);
    Stream *of_ssrc (std::uint32_t ssrc);
  };
  struct Batch;
  static Batch &batch ();

  void send (StreamKey key, std::span<const SourcePacket> packets, TimePoint captured);
  bool protect (State &s, Stream &t, TimePoint now);
  bool put (State &s, Stream &t, const SourcePacket &p, TimePoint captured, TimePoint now);
  bool write (State &s, Stream &t, const SourcePacket &p, TimePoint captured, TimePoint now);
  void resend (State &s, Stream &t, TimePoint now);
  void pad (State &s, TimePoint now);
  PacketStamps stamps (State &s, std::size_t size, TimePoint now);
  void flush (State &s, TimePoint now);
  static void leave (const std::shared_ptr<MediaSender> &to); // what is in the batch

  const Config config_;
  Guarded<Owner> owner_;
  std::atomic<bool> open_{false};
  Guarded<State> state_;
};
} // namespace reach::rtc
