// SPDX-License-Identifier: LGPL-2.1-or-later
// The packets sent and not yet settled, by packet number: round-trip time, acknowledgement, loss
// detection (RFC 9002, sections 5 and 6, with a reordering threshold that adapts).
#pragma once
#include "datagram_packet.h"

namespace reach::cam {

struct SentPacket {
  enum class State : std::uint8_t { outstanding, acked, lost, ignored };
  TimePoint sent{};
  std::uint64_t first_fragment = 0;        // of n_new consecutive ids, sent for the first time
  std::array<std::uint64_t, 2> repeated{}; // ids of fragments sent again
  std::uint16_t size = 0;
  std::uint8_t n_new = 0, n_repeated = 0;
  State state = State::ignored;
};

class RttEstimate {
public:
  void sample (Duration rtt, Duration ack_delay, TimePoint now);
  bool known () const { return known_; }
  Duration smoothed () const { return smoothed_; }
  Duration variation () const { return variation_; }
  Duration latest () const { return latest_; }
  Duration minimum () const { return std::min (minimum_[0], minimum_[1]); }
  // Time after which a later packet's acknowledgement means loss.
  Duration loss_delay () const;
  // Time after which silence means loss.
  Duration probe_delay () const;
  // How long the peer may hold an acknowledgement back.
  void set_ack_delay (Duration d) { ack_delay_ = d; }

private:
  bool known_ = false;
  Duration smoothed_ = milliseconds (100), variation_ = milliseconds (50), latest_{};
  Duration ack_delay_ = least_ack_delay;
  // Minima of the running and of the last 10 s: a route may get longer.
  std::array<Duration, 2> minimum_{Duration::max (), Duration::max ()};
  TimePoint window_start_{};
};

class SentPackets {
public:
  // What became of packets; called from on_ack () and timeout ().
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_packet_acked (const SentPacket &p, bool was_lost) = 0;
    virtual void on_packet_lost (const SentPacket &p) = 0;
    // No answer in time, but no proof of loss either.
    virtual void on_packet_silent (const SentPacket &p) = 0;
  };

  SentPackets (std::size_t limit, Owner &owner) : limit_ (limit), owner_ (owner) {}

  void set_latency (Duration latency);

  // Takes the next packet number. The caller fills in what an ack-eliciting packet carried.
  std::uint64_t next_number () const { return ring_.end (); }
  SentPacket &add (TimePoint now, std::size_t size, bool eliciting);
  bool full () const { return ring_.size () >= limit_ || ring_.end () >= max_packet_number; }
  bool exhausted () const { return ring_.end () >= max_packet_number; }

  // False: it acknowledges what was never sent.
  bool on_ack (const AckFrame &ack, TimePoint now);
  // Declares packets lost or silent whose time has come. True: something must be sent for an
  // answer.
  bool timeout (TimePoint now);
  TimePoint deadline () const { return std::min (loss_time_, probe_time_); }

  const RttEstimate &rtt () const { return rtt_; }
  void first_rtt (Duration d, TimePoint now) { rtt_.sample (d, {}, now); }
  std::size_t bytes_in_flight () const { return bytes_in_flight_; }
  std::uint64_t outstanding () const { return outstanding_; }

private:
  void settle (SentPacket &p, SentPacket::State s);
  void acked (std::uint64_t number, TimePoint now);
  void take_new (const AckFrame &ack, std::uint64_t from, TimePoint now);
  void take_holes (const AckFrame &ack, TimePoint now);
  void detect_loss (TimePoint now);
  void pop (TimePoint now);
  void trouble (TimePoint now);
  Duration probe_wait () const;
  void arm_probe ();

  IndexedRing<SentPacket> ring_;
  // Numbers below the largest acknowledged that were not acknowledged; only these are looked at
  // again.
  std::vector<std::uint64_t> holes_;
  std::size_t limit_;
  Owner &owner_;
  RttEstimate rtt_;
  std::uint64_t next_acked_ = 0; // one more than the largest acknowledged
  // How much later than others a packet may arrive without being lost: grows when one does.
  std::uint64_t reordering_ = 3;
  Duration lateness_{};
  TimePoint last_reordering_{};
  std::size_t bytes_in_flight_ = 0;
  std::uint64_t outstanding_ = 0;
  unsigned probes_ = 0;       // without an answer
  std::uint64_t probing_ = 0; // those before it were probed for, or need not be
  TimePoint last_probe_{};
  Duration calm_delay_ = least_ack_delay;
  std::optional<TimePoint> trouble_; // a loss or a silence, the last
  TimePoint loss_time_ = TimePoint::max (), probe_time_ = TimePoint::max ();
};
} // namespace reach::cam
