// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer connection, and who says when to negotiate: the application, or perfect negotiation
// (W3C webrtc-pc, 10.7) over a way of signalling. Loop thread.
#pragma once
#include "peer_connection.h"
#include "rtc/proto/perfect_negotiation.h"
#include "rtc/signalling/signaller.h"

namespace reach::rtc {
// What an input may be sent as, as the configuration has it: codecs in the order wanted, with RTX
// and FEC. Of H.264 each profile will do when the very one is not known. Empty: none of them.
std::vector<Codec> offered_codecs (std::span<const Codec> known, std::span<const Codec> wanted);

class PeerSession final : PeerConnection::Owner, PerfectNegotiation::Owner {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // Only of a session that negotiates by itself. Descriptions and candidates for the peer.
    virtual void on_description (PeerSession &, DescriptionType, const std::string &sdp) = 0;
    virtual void on_candidate (PeerSession &, const CandidateInit &) = 0;
    virtual void on_jsep (PeerSession &, const JsepEvent &) {}
    virtual void on_negotiated (PeerSession &, const Negotiated &) {}
    virtual void on_gathering (PeerSession &, GatheringState) {}
    virtual void on_transport (PeerSession &, TransportState) {}
    virtual void on_ice (PeerSession &, IceState) {}
    virtual void on_pair (PeerSession &, const IcePair &) {}
    virtual bool accept_local (PeerSession &, const Candidate &) { return true; }
    virtual bool accept_remote (PeerSession &, const Candidate &) { return true; }
    virtual bool accept_pair (PeerSession &, const IcePair &) { return true; }
    virtual bool accept_binding (PeerSession &, const Address &) { return true; }
    // Of a session that negotiates by itself: what becomes the local description instead, or
    // nothing.
    virtual std::string edit_local (PeerSession &, DescriptionType, const std::string &)
    {
      return {};
    }
    virtual void on_media (PeerSession &, std::span<ReceivedPacket>) {}
    virtual void on_estimate (PeerSession &, double) {}
    virtual void on_datagram (PeerSession &, Bytes) {}
    virtual DataHub::Ends on_incoming_channel (PeerSession &, const DataChannels::Channel &)
    {
      return {};
    }
    virtual void on_silence (PeerSession &, bool) {} // true: nothing comes any more
    virtual void on_warning (PeerSession &, const std::string &) {}
  };
  using Mode = PerfectNegotiation::Mode;
  struct Input {
    std::shared_ptr<MediaSource> source;
    std::string track, stream; // ids of a=msid
    Direction direction = Direction::sendrecv;
    std::string rid; // not empty: a layer of that track, which has an m-line of its own, sendonly
    std::size_t place = 0; // among the layers that were added, of which the first is the best
  };

  PeerSession (Loop &loop, Owner &owner, PeerConfig config, Mode mode);

  PeerConnection &connection () { return connection_; }
  Negotiator &negotiator () { return connection_.negotiator (); }
  Mode mode () const { return negotiation_.mode (); }
  void set_mode (Mode mode) { negotiation_.set_mode (mode); } // of an automatic one to another

  // Layers of one track come one by one. Nothing: not possible, by JsepError.
  std::optional<TransceiverId> add_input (Input input);
  bool has_input (
      const MediaSource *source, const std::string &track, const std::string &rid) const;
  // What it can be sent as; before it is offered.
  void describe_input (const MediaSource *source, std::span<const Codec> codecs);
  void set_codecs (TransceiverId id, std::span<const Codec> codecs); // none: all
  void remove_input (const MediaSource *source);
  std::optional<TransceiverId> transceiver_of (const MediaSource *source) const;

  // While inputs are not known yet what the peer offers waits, and nothing is offered; for 3 s at
  // most.
  void set_hold (bool hold);
  // Offers that are not needed at once leave the first word to the peer for so long.
  void wait_before_offer (Duration wait);
  // Whether it comes from another peer connection than what came before.
  bool is_of_another (const std::string &sdp);
  void take_description (const std::string &type, const std::string &sdp);
  void take_candidate (const SignalledCandidate &c);
  void restart_ice ();
  // The way of signalling was lost for a while, and maybe an offer with it.
  void resume ();
  void close () { connection_.close (); }

private:
  struct Layer {
    std::string rid;
    std::shared_ptr<MediaSource> source;
  };
  struct Added {
    std::string track;
    TransceiverId transceiver = 0;
    std::vector<Layer> layers; // without simulcast one, without a rid
    std::vector<Codec> codecs; // that were told
    std::string refused;       // layers, as they were told

    const Layer *find (const MediaSource *source) const;
  };
  // PeerConnection::Owner
  void on_jsep (const JsepEvent &e) override;
  void on_negotiated (const Negotiated &n) override;
  void on_local_candidate (const CandidateInit &c) override { owner_.on_candidate (*this, c); }
  void on_gathering (GatheringState g) override { owner_.on_gathering (*this, g); }
  void on_transport (TransportState s) override { owner_.on_transport (*this, s); }
  void on_ice (IceState s) override;
  void on_pair (const IcePair &p) override { owner_.on_pair (*this, p); }
  bool accept_local (const Candidate &c) override { return owner_.accept_local (*this, c); }
  bool accept_remote (const Candidate &c) override { return owner_.accept_remote (*this, c); }
  bool accept_pair (const IcePair &p) override { return owner_.accept_pair (*this, p); }
  bool accept_binding (const Address &a) override { return owner_.accept_binding (*this, a); }
  void on_media (std::span<ReceivedPacket> p) override { owner_.on_media (*this, p); }
  void on_estimate (double rate) override { owner_.on_estimate (*this, rate); }
  void on_datagram (Bytes b) override { owner_.on_datagram (*this, b); }
  DataHub::Ends on_incoming_channel (const DataChannels::Channel &c) override
  {
    return owner_.on_incoming_channel (*this, c);
  }
  void on_silence (bool silent) override
  {
    silent_ = silent;
    owner_.on_silence (*this, silent);
  }
  void on_warning (const std::string &w) override { owner_.on_warning (*this, w); }

  Added *added (const MediaSource *source);
  std::optional<TransceiverId> make_transceiver (const Input &input);
  JsepError offer_layers (const Added &a);
  void tell_refused (const Negotiated &n);

  // PerfectNegotiation::Owner
  void on_local_description (DescriptionType type, const std::string &sdp) override
  {
    owner_.on_description (*this, type, sdp);
  }
  std::string edit_local_description (DescriptionType type, const std::string &sdp) override
  {
    return owner_.edit_local (*this, type, sdp);
  }
  void on_negotiator_changed () override { connection_.changed (); }
  void on_negotiation_warning (const std::string &w) override { owner_.on_warning (*this, w); }
  void schedule ();

  Owner &owner_;
  PeerConnection connection_;
  PerfectNegotiation negotiation_;
  std::vector<Added> inputs_;
  bool silent_ = false;
  TimePoint restart_from_{};
  Timer negotiation_timer_, restart_timer_;
};
} // namespace reach::rtc
