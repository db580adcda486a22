// SPDX-License-Identifier: LGPL-2.1-or-later
// How much may be sent to one peer: delay and loss from transport-wide feedback, probes, pacing.
// The owner asks next_send () before each packet, tells sent (), and drains after each input.
#pragma once
#include "congestion_delay.h"
#include "congestion_loss.h"
#include "congestion_pacer.h"
#include "congestion_probe.h"
#include "congestion_queue.h"
#include "congestion_rate.h"
#include "twcc_sender.h"

namespace reach::rtc {
class CongestionController {
public:
  struct Config { // bit/s
    double min = 30000, max = 50e6, start = 300000;
    bool probing = true;                   // needs padding, or media that waits
    Duration probe_interval = seconds (2); // while nothing is known to limit
    double pacing = 2.5;                   // packets leave so much faster than the estimate
    std::size_t log = 8192;                // packets
  };
  struct Stats {
    double delay_rate = 0, loss_rate = 0, acked_rate = 0, loss = 0;
    std::uint64_t feedbacks = 0, probes = 0, overuses = 0;
    Duration rtt{}, queue{};
  };

  CongestionController (const Config &config, TimePoint now);

  // A packet of that size, with all headers, leaves now. Its transport-wide number.
  std::uint16_t sent (std::size_t bytes, TimePoint now);
  void input (const TwccFeedback &f, TimePoint now);
  // Of a peer without transport-wide feedback: receiver reports and REMB.
  void input_report (double fraction_lost, Duration rtt, TimePoint now);
  void input_remb (std::uint64_t bitrate) { remb_ = std::max (static_cast<double> (bitrate), 1.0); }
  void forget_remb () { remb_ = 0; }
  void set_rtt (Duration rtt) { rtt_ = rtt; }
  void set_limits (double min, double max);
  void timeout (TimePoint now);
  TimePoint poll_timeout () const { return next_; }

  // For encoders, retransmissions included. The change since the last call, if it is worth telling.
  std::optional<double> poll_change ();
  double bitrate () const { return estimate_; }
  TimePoint next_send () const { return pacer_.next (); }
  // More than 0: a probe wants padding now; as much, or a packet's worth.
  std::size_t padding_wanted (TimePoint now) { return pacer_.padding_wanted (now); }
  bool probing () const { return pacer_.probing (); }
  std::size_t in_flight () const { return log_.in_flight (); }
  Stats stats () const;

private:
  enum class State : std::uint8_t { hold, increase };
  void take (std::span<const PacketResult> results, TimePoint now);
  void adapt (PathUse use, TimePoint now);
  void decrease (TimePoint now);
  void increase (TimePoint now);
  void apply (const ProbeResults::Result &r, TimePoint now);
  void combine ();
  bool draining () const;
  bool sending () const { return log_.last_sent () != TimePoint{}; } // something was sent
  void probe (double rate, TimePoint now);
  void maybe_probe (TimePoint now);

  Config config_;
  TwccSender log_;
  DelayDetector detector_;
  LossLimit loss_;
  AckedRate acked_;
  QueueDelay queue_;
  Pacer pacer_;
  ProbeResults probes_;
  State state_ = State::increase;
  double rate_;     // by delay
  double estimate_; // of all
  double told_ = 0;
  double remb_ = 0;                       // 0: none
  double capacity_ = 0, deviation_ = 0.4; // of the link where it was last overused; 0: not known
  double before_drop_ = 0;
  Duration rtt_ = milliseconds (100);
  TimePoint now_{}, next_{}, increased_{}, decreased_{}, probed_{}, heard_{}, leapt_{};
  std::uint16_t cluster_ = 0;
  Stats stats_;
};
} // namespace reach::rtc
