// SPDX-License-Identifier: LGPL-2.1-or-later
// One peer connection: descriptions decide (Negotiator), the Transport carries, Sending and
// Receiving do RTP, DataHub data channels. All on one loop's thread, with any number of others on
// it; only sources send from threads of their own.
#pragma once
#include "data_hub.h"
#include "receiving.h"
#include "rtc/net/transport.h"
#include "rtc/proto/jsep.h"
#include "rtc/proto/keyframe_gate.h"
#include "sending.h"
#include <map>

namespace reach::rtc {
enum class GatheringState : std::uint8_t { fresh, gathering, complete };

struct PeerConfig {
  IceSettings ice;
  JsepConfig jsep; // fingerprints: those of `dtls`
  std::shared_ptr<const DtlsContext> dtls;
  Sending::Config sending;
  Receiving::Config receiving;
  SctpSettings sctp;
  bool datagrams = false;          // in DTLS, instead of SCTP
  bool plain = false;              // and without DTLS
  Duration silence = seconds (30); // nothing authentic for so long: ICE restarts
};

class PeerConnection final : Transport::Owner, Receiving::Owner, DataHub::Owner {
public:
  // Loop thread. None may destroy the connection.
  class Owner {
  public:
    virtual ~Owner () = default;
    // As the Negotiator tells; after LocalIce, Remote and the like were done.
    virtual void on_jsep (const JsepEvent &) {}
    // What has been agreed upon, before anything is sent or received by it.
    virtual void on_negotiated (const Negotiated &) {}
    virtual void on_local_candidate (const CandidateInit &) {} // without text: the end
    virtual void on_gathering (GatheringState) {}
    virtual void on_transport (TransportState) {}
    virtual void on_ice (IceState) {}
    virtual void on_pair (const IcePair &) {}
    virtual bool accept_local (const Candidate &) { return true; }
    virtual bool accept_remote (const Candidate &) { return true; }
    virtual bool accept_pair (const IcePair &) { return true; }
    virtual bool accept_binding (const Address &) { return true; }
    virtual void on_media (std::span<ReceivedPacket>) {}
    virtual void on_estimate (double) {} // bit/s
    virtual void on_datagram (Bytes) {}
    // Without a listener it is closed again.
    virtual DataHub::Ends on_incoming_channel (const DataChannels::Channel &) { return {}; }
    virtual void on_silence (bool) {} // true: nothing comes any more
    virtual void on_warning (const std::string &) {}
  };

  PeerConnection (Loop &loop, Owner &owner, PeerConfig config);
  ~PeerConnection () override;

  // Descriptions. After calls of this, changed () does what they caused.
  Negotiator &negotiator () { return negotiator_; }
  void changed ();

  // What a transceiver sends, for one layer (rid) of it or for all; null: nothing. Until there is
  // one nothing is sent. Where the peer takes no layers the first is sent; place: among those that
  // are attached.
  void attach (TransceiverId id, std::shared_ptr<MediaSource> source, const std::string &rid = {},
      std::size_t place = 0);
  // Which of the negotiated codecs the source has; the first is used.
  const Negotiated *negotiated () const { return negotiator_.negotiated (); }
  TrackKey key_of (TransceiverId id, const std::string &rid); // the same each time
  std::string rid_of (TrackKey key) const;

  // A layer that there is no room for now: it is not sent, and needs no negotiation to come back.
  void set_left_out (const MediaSource *source, bool left_out);
  bool is_left_out (const MediaSource *source) const;

  // Parity packets (RFC 5109) for 100 packets of video, up to 100, where the peer takes FEC in RED;
  // 0, the default: none.
  void set_protection (TransceiverId id, unsigned percentage);

  // More than the configuration has; see Ice::add_servers ().
  void add_ice_servers (const std::vector<IceServer> &servers);

  void request_keyframe (TrackKey key);
  void set_latency (Duration latency);
  void set_bitrate_limits (double min, double max) { sending_->set_limits (min, max); }
  void set_keyframes_only (bool only); // of video; see Sending
  Duration sync_delay (TrackKey key) const { return receiving_.sync_delay (key); }
  void close ();

  DataHub &data () { return data_; }
  bool send_datagram (Bytes bytes);
  std::size_t max_datagram () const { return transport_ ? transport_->max_datagram () : 0; }

  TransportState state () const;
  IceState ice_state () const;
  bool pair_refused () const { return transport_ && transport_->pair_refused (); }
  bool controlling () const { return controlling_; } // of this generation of ICE
  GatheringState gathering () const { return gathering_; }
  std::string fault () const { return transport_ ? transport_->fault () : std::string (); }
  std::optional<IcePair> pair () const;
  const PeerConfig &config () const { return config_; }
  TransportStats transport_stats () const;
  Sending::Stats sending_stats () { return sending_->stats (); }
  std::vector<Receiving::TrackStats> receiving_stats () const { return receiving_.stats (); }

private:
  struct Track {
    TrackKey key = 0;
    TransceiverId transceiver = 0;
    std::string rid;
  };
  struct Attached {
    TransceiverId transceiver = 0;
    std::string rid;
    std::uint32_t ssrc = 0; // of a layer: descriptions do not tell it
    std::uint32_t rtx_ssrc = 0;
    std::shared_ptr<MediaSource> source;
    std::shared_ptr<MediaSource::Output> output;
    StreamKey key = 0;
    bool listening = false; // to the source; not while the peer does not take this layer
    bool left_out = false;
    KeyframeGate keyframes;
  };

  std::optional<SendingStream::Protection> protection_of (const NegotiatedMedia &m) const;

  // Transport::Owner
  void on_state (TransportState state) override;
  void on_local_candidate (const std::string &candidate) override;
  void on_gathered () override;
  void on_ice_state (IceState state) override;
  void on_pair (const IcePair &pair) override { owner_.on_pair (pair); }
  bool accept_local (const Candidate &c) override { return owner_.accept_local (c); }
  bool accept_remote (const Candidate &c) override { return owner_.accept_remote (c); }
  bool accept_pair (const IcePair &p) override { return owner_.accept_pair (p); }
  bool accept_binding (const Address &a) override { return owner_.accept_binding (a); }
  void on_rtp (std::span<std::uint8_t> packet) override;
  void on_rtcp (std::span<std::uint8_t> packet) override;
  void on_datagram (Bytes d) override { owner_.on_datagram (d); }
  void on_data_connected (std::uint16_t streams) override { data_.on_connected (streams); }
  void on_data_message (std::uint16_t stream, std::uint32_t ppid, Bytes bytes) override
  {
    data_.on_message (stream, ppid, bytes);
  }
  void on_data_reset (std::uint16_t s, bool incoming) override { data_.on_reset (s, incoming); }
  void on_data_low (std::uint16_t stream) override { data_.on_low (stream); }
  void on_data_closed (SctpFault fault) override { data_.on_closed (fault); }
  void on_silence (bool silent) override;
  void on_warning (const std::string &what) override { owner_.on_warning (what); }
  // Receiving::Owner
  void on_media (std::span<ReceivedPacket> p) override { owner_.on_media (p); }
  void on_lost (TrackKey, std::int64_t) override {}
  // DataHub::Owner
  Sctp *sctp () override { return transport_ ? transport_->sctp () : nullptr; }
  DataHub::Ends on_incoming_channel (const DataChannels::Channel &c) override
  {
    return owner_.on_incoming_channel (c);
  }

  void take (const JsepEvent &e);
  void local_ice (const IceCredentials &ice);
  void end_transport ();
  void negotiated_changed ();
  void set_peer (const Negotiated &n);
  void take_candidate (const event::RemoteCandidate &c);
  void configure_sending ();
  static void listen (Attached &a, bool on);
  bool rules_of (const NegotiatedMedia &m, const Attached &a, SendingStream &s) const;
  void set_gathering (GatheringState g);

  void read_rtcp (const RtcpPacket &p, TimePoint now);
  void keyframe_wanted (StreamKey key);
  void ask_for_keyframes (TimePoint now);
  void send_reports (TimePoint now);
  void send_feedback ();
  void send_rtcp (Bytes datagram);
  void schedule (); // work (), once at the end of this round
  void work ();

  Loop &loop_;
  Owner &owner_;
  const PeerConfig config_;
  // What streaming threads post may come after the end.
  const std::shared_ptr<PeerConnection *> self_;
  Negotiator negotiator_;
  std::unique_ptr<Transport> transport_;
  IceCredentials local_ice_;
  std::vector<IceServer> more_servers_;
  bool servers_came_ = false;
  std::string peer_ufrag_; // that the transport has
  bool controlling_ = false;
  // Of descriptions that are not in force yet.
  std::vector<event::RemoteCandidate> early_candidates_;
  std::shared_ptr<Sending> sending_;
  Receiving receiving_;
  DataHub data_;
  std::vector<Attached> attached_;
  std::map<TransceiverId, unsigned> protection_; // percentages
  std::vector<Track> tracks_;
  TrackKey next_track_ = 0;
  GatheringState gathering_ = GatheringState::fresh;
  std::uint32_t report_ssrc_ = 1;
  bool draining_ = false, reduced_size_ = false, scheduled_ = false;
  std::optional<TimePoint> next_report_;
  Timer timer_;
};
} // namespace reach::rtc
