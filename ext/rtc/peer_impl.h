// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind an rtcpeer element: its pads, its peer session, and what both and the application
// tell each other.
#pragma once
#include "pads/input_pad.h"
#include "pads/output_pad.h"
#include "peer/peer_session.h"
#include "peer_data.h"
#include "threads.h"
#include "webrtc/data_channel.h"
#include "webrtc/transceiver.h"
#include <map>

namespace reach::rtc {
enum class DtlsChoice : std::uint8_t { automatic, client, server };

struct PeerSettings {
  std::string signalling_uri, signalling_token, tls_ca_file;
  bool tls_verify = true;
  std::string ice_servers; // URIs with commas between
  std::string stun_server; // as webrtcbin has it
  std::vector<std::string> turn_servers;
  bool relay_only = false, ice_tcp = true;
  guint min_port = 0, max_port = 0;
  std::string certificate, key;
  DtlsChoice role = DtlsChoice::automatic;
  guint latency = 200; // ms
  bool depayload = true, adapt = false, datagrams = false, dtls = true;
  guint max_pairs = 100;
  guint silence = 30000; // ms
  guint min_bitrate = 100'000, max_bitrate = 10'000'000, start_bitrate = 1'000'000; // bit/s
  std::string video_codecs, audio_codecs; // names with commas between; empty: all
};

// As properties show it; any thread reads it.
struct PeerStatus {
  TransportState transport = TransportState::fresh;
  IceState ice = IceState::fresh;
  GatheringState gathering = GatheringState::fresh;
  SignalingState signaling = SignalingState::stable;
  std::string local, remote, current_local, current_remote, pending_local, pending_remote; // SDP
  bool we_answered = false, silent = false; // silent: nothing has come from the peer for 30 s
  guint bitrate = 0;                        // the estimate, bit/s
  std::string peer;
};

class PeerImpl final : public PeerSession::Owner,
                       public Signaller::Owner,
                       public InputPad::Owner,
                       public OutputPad::Owner {
public:
  explicit PeerImpl (GstElement *e) : element_ (e), bin_ (GST_BIN (e)), data_ (*this, e) {}
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
  // Runs on the events thread, unless this run has ended by then.
  void tell (std::function<void ()> what);

  Guarded<PeerSettings> settings;

private:
  struct Input {
    std::unique_ptr<InputPad> pad;
    std::string track;
    bool added = false, described = false; // has a transceiver; its codecs were told
  };
  // A remote track's way out. Made and ended on the events thread, fed on the loop.
  struct Output {
    MediaKind kind = MediaKind::video;
    std::string mid, stream, name;
    std::optional<TrackKey> track; // none: its peer has gone, the pad waits for the next
    OutputPad *pad = nullptr;      // null: on its way
    std::vector<ReceivedPacket> early;
    std::optional<Codec> codec; // of what came last
    bool codec_told = false;    // to the pad
  };
  // Pads that there are. Whoever takes one out of it ends it; not on the loop.
  using Made = std::map<const Output *, std::unique_ptr<OutputPad>>;

  // peer_impl.cpp
  void begin_run ();
  void end_run ();
  bool make_config (const PeerSettings &s, PeerConfig &config);
  void make_session (PeerSession::Mode mode);
  void end_session ();
  void fail (const std::string &what); // the element cannot do its job: ERROR
  // The signal with the fields in a structure, and a message of the same. transfer full
  void tell (const char *signal, GstStructure *fields);
  // peer_inputs.cpp
  void update_inputs ();
  Input *find_input (const InputPad *pad);
  // peer_outputs.cpp
  void update_outputs (const Negotiated *n);
  void use (Output &o, const NegotiatedMedia &m, TrackKey key);
  void make_output (std::shared_ptr<Output> o); // events thread
  void output_made (std::shared_ptr<Output> o, OutputPad *pad);
  void end_output (const std::shared_ptr<Output> &o);
  static void feed (Output &o, const ReceivedPacket &p);
  void sync_outputs ();
  // peer_events.cpp
  void update_status ();
  void negotiation_needed ();
  // peer_transceivers.cpp
  void update_transceivers ();
  Ref<GstWebRTCRTPTransceiver> handle_of (const Transceiver &t);
  void forget_transceivers ();

  // InputPad::Owner, streaming threads
  void on_input_formats (InputPad &pad) override;
  // OutputPad::Owner, streaming threads
  void on_keyframe_wanted (OutputPad &pad) override;

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
  std::string edit_local (PeerSession &, DescriptionType, const std::string &) override;
  void on_media (PeerSession &, ReceivedPacket) override;
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
  void on_peer_left (const std::string &reason) override;
  void on_signalling_error (const std::string &why, bool fatal) override;
  std::string local_sdp () override;

  GstElement *const element_; // owns us
  GstBin *const bin_;
  PeerData data_;
  std::shared_ptr<PeerThreads> threads_; // from READY on
  Loop *loop_ = nullptr;
  std::shared_ptr<std::atomic<bool>> alive_; // false once a run has ended

  Guarded<std::map<GstPad *, std::shared_ptr<Input>>> pads_;
  Guarded<PeerStatus> status_;
  Guarded<Made> made_;
  Guarded<std::map<TransceiverId, Ref<GstWebRTCRTPTransceiver>>> handles_;

  // Loop thread.
  std::unique_ptr<Signaller> signaller_;
  std::unique_ptr<PeerSession> session_;
  PeerConfig config_;
  std::vector<std::shared_ptr<Input>> inputs_;
  std::vector<std::shared_ptr<Output>> outputs_;
  std::string peer_id_;
  bool running_ = false, used_ = false, connected_told_ = false, silent_ = false, needed_ = false;
  unsigned next_output_ = 0;
  TimePoint synced_{};
};

void install_peer_signals (GType type);
} // namespace reach::rtc
