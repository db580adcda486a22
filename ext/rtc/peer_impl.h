// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind an rtcpeer element: its pads, its peer session, and what both and the application
// tell each other.
#pragma once
#include "connection_settings.h"
#include "media_inputs.h"
#include "media_outputs.h"
#include "peer/peer_session.h"
#include "peer_data.h"
#include "webrtc/data_channel.h"
#include "webrtc/transceiver.h"
#include <map>

namespace reach::rtc {
// As properties show it; any thread reads it.
struct PeerStatus {
  using Text = std::shared_ptr<const std::string>; // SDP, null: none
  TransportState transport = TransportState::fresh;
  IceState ice = IceState::fresh;
  GatheringState gathering = GatheringState::fresh;
  SignalingState signaling = SignalingState::stable;
  Text local, remote, current_local, current_remote, pending_local, pending_remote;
  bool we_answered = false, silent = false; // silent: nothing has come from the peer for 30 s
  guint bitrate = 0;                        // the estimate, bit/s
  std::string peer;
};

class PeerImpl final : public BinHost, public PeerSession::Owner, public Signaller::Owner {
public:
  explicit PeerImpl (GstElement *e);
  ~PeerImpl () override;

  // State changes of the element.
  bool prepare (); // NULL to READY; false: an ERROR was posted
  bool start ();   // READY to PAUSED
  void stop ();    // PAUSED to READY
  void release (); // READY to NULL
  void set_playing (bool playing);
  void dispose (); // the pads that were not released

  // Application thread.
  GstPad *request_pad (GstPadTemplate *templ, const char *name, const GstCaps *caps);
  bool release_pad (GstPad *pad);
  PeerStatus status () { return *status_.lock (); }
  void apply_settings (); // those that may change at any time
  Ref<GstWebRTCDataChannel> create_data_channel (const char *label, const GstStructure *options);
  std::vector<Ref<GstWebRTCRTPTransceiver>> transceivers ();
  Ref<GstWebRTCRTPTransceiver> add_transceiver (Direction direction, const GstCaps *caps);

  // Runs on the loop with the session there is; false: there is none, as in NULL.
  using Task = std::function<void (PeerSession &)>;
  bool post (Task what);
  bool call (const Task &what); // waits for it

  Guarded<ConnectionSettings> settings;

private:
  // peer_impl.cpp
  void begin_run ();
  void end_run ();
  void make_session (
      PeerSession::Mode mode, const std::function<void (PeerSession &)> &prepare = {});
  void end_session ();
  void update_inputs ();
  // peer_events.cpp
  void update_status ();
  void negotiation_needed ();
  // peer_transceivers.cpp
  void update_transceivers ();
  Ref<GstWebRTCRTPTransceiver> handle_of (const Transceiver &t);
  void forget_transceivers ();

  // PeerSession::Owner, loop thread
  void on_description (PeerSession &, DescriptionType, const std::string &sdp) override;
  void on_candidate (PeerSession &, const CandidateInit &) override;
  void on_jsep (PeerSession &, const JsepEvent &) override;
  void on_negotiated (PeerSession &, const Negotiated &) override;
  void on_gathering (PeerSession &, GatheringState) override;
  void on_transport (PeerSession &, TransportState) override;
  void on_ice (PeerSession &, IceState) override;
  void on_pair (PeerSession &, const IcePair &) override;
  bool accept_local (PeerSession &, const Candidate &) override;
  bool accept_remote (PeerSession &, const Candidate &) override;
  bool accept_pair (PeerSession &, const IcePair &) override;
  bool accept_binding (PeerSession &, const Address &) override;
  std::string edit_local (PeerSession &, DescriptionType, const std::string &) override;
  void on_media (PeerSession &, std::span<ReceivedPacket> packets) override;
  void on_estimate (PeerSession &, double) override;
  void on_datagram (PeerSession &, Bytes d) override { data_.on_datagram (d); }
  DataHub::Ends on_incoming_channel (PeerSession &, const DataChannels::Channel &) override;
  void on_silence (PeerSession &, bool silent) override;
  void on_warning (PeerSession &, const std::string &) override;

  // Signaller::Owner, loop thread
  void on_peer (const std::string &id, bool polite, bool offers) override;
  void on_description (const std::string &type, const std::string &sdp) override;
  void on_candidate (const SignalledCandidate &c) override;
  void on_message (const std::string &json) override;
  void on_ice_servers (const IceLinks &links) override;
  void on_peer_left (const std::string &reason) override;
  void on_signalling_error (const std::string &why, bool fatal) override;
  std::string local_sdp () override;

  MediaInputs inputs_;
  PeerData data_;
  Guarded<PeerStatus> status_;
  Guarded<std::map<TransceiverId, Ref<GstWebRTCRTPTransceiver>>> handles_;

  // Loop thread.
  std::unique_ptr<Signaller> signaller_;
  std::unique_ptr<PeerSession> session_;
  PeerConfig config_;
  std::shared_ptr<MediaOutputs> outputs_; // of a run
  std::string peer_id_;
  bool used_ = false, connected_told_ = false, silent_ = false, needed_ = false;
  bool ending_session_ = false; // by ourselves
  bool came_again_ = false;     // the peer; its next offer says whether it has begun anew
};

void install_peer_signals (GType type);
} // namespace reach::rtc
