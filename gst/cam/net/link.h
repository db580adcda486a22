// SPDX-License-Identifier: LGPL-2.1-or-later
// One link: a transport, the state machine above it and the queue of what waits to be sent.
// Loop thread only. The owner destroys it through Loop::destroy_later, never from within a
// callback.
#pragma once
#include "cam/proto/link_core.h"
#include "cam/proto/media_queue.h"
#include "common/loop.h"
#include "common/rate_meter.h"
#include "transport.h"

namespace reach::cam {

class Link final : public Transport::Owner {
public:
  struct End {
    CloseReason why = CloseReason::none;
    std::string detail;
    std::optional<ByeReason> bye; // what the peer said
    bool was_established = false;
    std::optional<RefuseCode> refused;
    // Who was replaced lets the other be, or they would replace each other without end.
    Duration least_wait () const
    {
      return bye == ByeReason::replaced ? Duration (seconds (10)) : Duration::zero ();
    }
    // Another try would be refused too.
    bool for_good () const
    {
      return why == CloseReason::unauthorized ||
             (refused && *refused != RefuseCode::busy && *refused != RefuseCode::limit);
    }
  };
  class Owner {
  public:
    virtual ~Owner () = default;
    // An initiator's hello, asked for when the transport is open (so that its clock sample is
    // fresh).
    virtual Hello make_hello (Link &) = 0;
    virtual Ping make_ping () = 0;
    virtual void on_hello (Link &, const Hello &) = 0; // acceptor: call accept () or refuse ()
    virtual void on_established (Link &, const Hello &peer) = 0;
    virtual void on_received (Link &, Incoming) = 0;
    virtual void on_key_wanted (Link &, std::uint16_t stream) {}
    virtual void on_clock (Link &, const Ping &) {}
    virtual void on_streams (Link &, const StreamList &) {}
    virtual void on_idle (Link &) {} // idle too long: finish () it
    virtual void on_sent (Link &) {} // something left the queue
    virtual void on_bandwidth (Link &, std::uint64_t bits_per_second) {} // UDP
    virtual void on_ended (Link &, const End &) = 0;                     // the last call
  };

  Link (Loop &loop, Owner &owner, std::unique_ptr<Transport> transport, LinkCore::Config config,
      std::uint64_t link_key);
  ~Link () override;

  void start () { transport_->start (*this); }
  void accept (const Welcome &ours);
  void refuse (RefuseCode code, std::string text);
  // What to send from: set once established (or before); null detaches.
  void set_queue (MediaQueue *queue) { queue_ = queue; }
  void send_control (MessageRef m); // ahead of the queue
  // Into the queue, or past it when nothing waits: pump () follows and writes it.
  void push (const MessageRef &m, TimePoint now);
  void pump (TimePoint now = Clock::now ()); // the queue has something, or credit came
  void finish (ByeReason why);               // says bye, drains; on_ended follows
  void set_idle (Duration idle);
  void set_timeout (Duration timeout) { core_.set_timeout (timeout); }
  // The next frame is preceded by a clock sample.
  void clock_changed () { clock_told_ = false; }

  const LinkCore &core () const { return core_; }
  std::uint64_t key () const { return link_key_; }
  std::string peer () const { return transport_->peer (); }
  TransportStats stats (); // with the rates
  TlsInfo security () const { return transport_->security (); }
  bool drained () const { return (!queue_ || queue_->empty ()) && transport_->idle (); }
  void prefetch_transport () const { transport_->prefetch (); } // see common/prefetch.h
  std::uint64_t messages_sent () const { return messages_sent_; }

private:
  void on_open () override;
  void on_message (Incoming m) override;
  void on_room () override { pump (); }
  void on_bandwidth (std::uint64_t bits_per_second) override
  {
    owner_.on_bandwidth (*this, bits_per_second);
  }
  void on_closed (CloseReason why, const std::string &detail) override;

  void on_timer ();
  bool fill (TimePoint now, bool &media);
  void transmit (MessageRef m, TimePoint now);
  void tell_clock (TimePoint now);
  void measure (TimePoint now);
  void arm ();
  void drain_events ();
  bool pending () const;
  void end ();

  Loop &loop_;
  Owner &owner_;
  std::unique_ptr<Transport> transport_;
  LinkCore core_;
  std::uint64_t link_key_;
  MediaQueue *queue_ = nullptr;
  Timer timer_;
  std::uint64_t seen_in_ = 0, seen_out_ = 0, messages_sent_ = 0;
  RateMeter in_, out_;
  TimePoint measured_{};
  const bool has_clock_;    // else frames are not of ours: a media server
  std::optional<End> end_;  // set when the core is over; told when the transport has closed
  bool clock_told_ = false; // the peer can place our frames in time
  bool passed_ = false;     // the transport has a message that did not come from the queue
  bool pumping_ = false, draining_ = false, told_ = false, transport_over_ = false;
};
} // namespace reach::cam
