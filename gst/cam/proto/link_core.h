// SPDX-License-Identifier: LGPL-2.1-or-later
// The state machine of one link (docs/protocol-cam.md, "A link"): hello and answer, keeping it
// alive, byte credits, orderly end. Sans-IO; the same over every transport.
#pragma once
#include "close_reason.h"
#include "common/proto/fifo.h"
#include "hello.h"
#include "incoming.h"
#include <memory>
#include <variant>

namespace reach::cam {

constexpr std::uint8_t ping_wants_pong = 1; // MessageHeader::flags of a ping

class LinkCore {
public:
  static constexpr Duration forever = Duration::max ();
  struct Config {
    bool initiator = true;            // sends the hello
    LinkRole role = LinkRole::sender; // what we are
    Duration timeout = seconds (3); // the peer is gone when silent, or taking nothing, for so long
    Duration handshake = seconds (10); // an acceptor's limit for the hello, whatever `timeout` is
    Duration idle = forever;           // close when nothing but pings was sent for so long
    bool relay = false;      // a media server, acceptor: takes on the role that the hello leaves
    bool by_request = false; // pull: frames leave only against byte credits
    Duration clock_interval = seconds (1); // sender: how often the peer gets a clock sample
    std::size_t max_credit = 64u << 20;
  };

  // What the owner learns. Received holds every message that is about streams, commands and files.
  struct HelloCame {
    Hello hello;
  }; // acceptor: answer with accept () or refuse ()
  struct Established {
    Hello peer;
  };
  struct Received {
    Incoming message;
  };
  struct KeyWanted {
    std::uint16_t stream;
  };
  struct ClockSample {
    Ping ping;
  };
  struct StreamsChanged {
    StreamList list;
  };
  struct PingDue {}; // make a ping with the clock read now and send_control () it
  struct IdleTooLong {};
  struct Failed {
    CloseReason why;
    std::string detail;
    std::optional<ByeReason> bye;
    std::optional<RefuseCode> refused; // the peer's refusal
  };
  using Event = std::variant<PingDue, IdleTooLong, HelloCame, Established, Received, KeyWanted,
      ClockSample, StreamsChanged, Failed>;

  LinkCore (Config config, TimePoint now);

  void opened (
      const Hello &ours, TimePoint now); // the transport is open; an initiator's hello goes out
  void input (Incoming m, TimePoint now);
  // The same for a frame in its place: true when nothing is to be done but to give it to the owner.
  bool passes (const Incoming &m, TimePoint now);
  void heard (TimePoint now) { heard_ = now; }         // any bytes came
  void progressed (TimePoint now) { progress_ = now; } // any bytes left
  void accept (const Welcome &ours, TimePoint now);
  void refuse (const Refuse &why, TimePoint now);
  void finish (ByeReason why, TimePoint now); // says bye; the owner closes the transport draining
  void transport_closed (CloseReason why, std::string detail);

  // Sending. Control messages first; then, while may_send (), what the owner has queued.
  void send_control (MessageRef m) { control_.push_back (std::move (m)); }
  MessageRef poll_transmit ();
  bool quiet () const { return control_.empty (); }
  bool may_send () const
  {
    return established_ && !over_ && (!config_.by_request || credit_ > 0 || peer_.unlimited);
  }
  void sent (const Message &m, TimePoint now);
  bool clock_due (TimePoint now) const; // a ping that may travel with what is sent anyway

  std::optional<Event> poll_event ();
  // `pending`: something is queued or unsent, so that no progress means a stalled peer.
  void timeout (TimePoint now, bool pending);
  TimePoint poll_timeout (bool pending) const; // forever: TimePoint::max ()

  bool established () const { return established_; }
  bool over () const { return over_; }
  // Our hello did not take all streams: a streams message has to follow when it is established.
  bool list_cut () const { return list_cut_; }
  const Hello &peer () const { return peer_; }
  std::int64_t credit () const { return credit_; }
  void set_idle (Duration idle) { config_.idle = idle; }
  void set_timeout (Duration timeout) { config_.timeout = timeout; }

private:
  void emit (Event e) { events_.push_back (std::make_unique<Event> (std::move (e))); }
  void fail (CloseReason why, std::string detail, std::optional<RefuseCode> refused = {});
  void establish (Hello peer, TimePoint now);
  void on_hello (const Incoming &m, TimePoint now);
  void on_answer (const Incoming &m, TimePoint now);
  void on_established_message (Incoming m, TimePoint now);
  bool direction_ok (Kind k) const;
  bool from_relay () const { return config_.initiator && peer_.relay; }
  Duration ping_interval () const;
  TimePoint ping_time () const;
  MessageRef control (Kind kind, std::vector<std::uint8_t> body, TimePoint now) const;

  Config config_;
  MediaType type_ = MediaType::video;
  Fifo<MessageRef> control_;
  Fifo<std::unique_ptr<Event>, 0> events_; // seldom any
  Hello peer_;
  TimePoint started_, heard_, progress_, sent_, pinged_, used_, ponged_;
  std::int64_t credit_ = 0;
  std::optional<ByeReason> bye_; // what the peer said
  bool established_ = false, hello_seen_ = false, over_ = false, ping_asked_ = false,
       idle_told_ = false, list_cut_ = false,
       was_pending_ = false; // as of the last look
};
} // namespace reach::cam
