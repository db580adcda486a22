// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind an rtcpool element: one membership, and a peer session for each other member.
#pragma once
#include "connection_settings.h"
#include "media_inputs.h"
#include "media_outputs.h"
#include "peer_data.h"
#include "signalling/pool_client.h"
#include "webrtc/data_channel.h"
#include <map>

namespace reach::rtc {
struct PoolSettings : ConnectionSettings {
  std::string pool;
  guint version = 0; // of the protocol; 0: whichever
};

// As properties show it; any thread reads it.
struct PoolStatus {
  struct Connection {
    std::string peer, description;
    TransportState transport = TransportState::fresh;
    bool polite = false;
    guint bitrate = 0;
  };
  std::string id, pool;
  std::vector<Connection> connections;
};

class PoolImpl final : public BinHost, public PeerSession::Owner, public PoolSignaller::Owner {
public:
  explicit PoolImpl (GstElement *e);
  ~PoolImpl () override;

  // State changes of the element.
  bool prepare ();
  bool start ();
  void stop ();
  void release ();
  void set_playing (bool playing) { data_.set_playing (playing); }
  void dispose ();

  // Application thread.
  GstPad *request_pad (GstPadTemplate *templ, const char *name);
  bool release_pad (GstPad *pad);
  PoolStatus status () { return *status_.lock (); }
  void apply_settings ();
  void join (const std::string &pool);
  void leave ();
  void restart_ice (const std::string &peer); // empty: all
  bool send_app_message (const std::string &type, const std::string &json);
  void receive (const std::string &type, const std::string &json); // the application's transport
  std::string description (const std::string &peer);               // JSON; empty: none
  Ref<GstWebRTCDataChannel> create_data_channel (
      const std::string &peer, const char *label, const GstStructure *options);
  // Of all peers, or one. False: nobody of that name.
  void mute (MediaKind kind, bool on) { inputs_.mute (kind, on); }
  bool muted (MediaKind kind) const { return inputs_.muted (kind); }
  bool mute_peer (const std::string &peer, MediaKind kind, bool on);
  GstStructure *statistics (const std::string &peer); // transfer full; null: nobody

  Guarded<PoolSettings> settings;

private:
  struct Member {
    std::string id, description;
    bool polite = false, mute_video = false, mute_audio = false, connected = false;
    bool slow = false; // is sent key frames alone
    double bitrate = 0;
    std::unique_ptr<PeerSession> session;
    std::shared_ptr<MediaOutputs> outputs;
  };

  void begin_run ();
  void end_run ();
  void add_member (const std::string &id, const std::string &description, bool polite);
  void remove_member (std::string id);
  void remove_all ();
  void end_member (std::unique_ptr<Member> m);
  Member *find (const std::string &id);
  Member *find (const PeerSession &session);
  void update_inputs ();
  void update_inputs (Member &m);
  void update_status ();
  void share_bitrate ();

  // PeerSession::Owner, loop thread
  void on_description (PeerSession &, DescriptionType, const std::string &sdp) override;
  void on_candidate (PeerSession &, const CandidateInit &) override;
  void on_negotiated (PeerSession &, const Negotiated &) override;
  void on_transport (PeerSession &, TransportState) override;
  void on_media (PeerSession &, std::span<ReceivedPacket> packets) override;
  void on_estimate (PeerSession &, double) override;
  DataHub::Ends on_incoming_channel (PeerSession &, const DataChannels::Channel &) override;
  void on_warning (PeerSession &, const std::string &) override;

  // PoolSignaller::Owner, loop thread
  void on_joined (const std::string &id, const std::string &pool,
      const std::vector<PoolSignaller::Peer> &there) override;
  void on_peer (const std::string &id) override;
  void on_peer_described (const std::string &id, const std::string &json) override;
  void on_peer_closed (const std::string &id) override;
  void on_description (
      const std::string &peer, const std::string &type, const std::string &sdp) override;
  void on_candidate (const std::string &peer, const SignalledCandidate &c) override;
  void on_stopped () override;
  void on_lost (const std::string &why) override;
  void on_error (const std::string &message, bool fatal) override;
  void on_app_message (const std::string &type, const std::string &json) override;
  void on_send (const std::string &type, const std::string &json) override;

  MediaInputs inputs_;
  PeerData data_;
  Guarded<PoolStatus> status_;
  std::atomic<unsigned> leaves_asked_{0};

  // Loop thread.
  unsigned leaves_done_ = 0;
  std::unique_ptr<PoolSignaller> signaller_;
  std::map<std::string, std::unique_ptr<Member>> members_;
  std::vector<std::shared_ptr<MediaOutputs>> all_outputs_; // of this run, to be ended with it
  std::shared_ptr<std::size_t> pads_;                      // likewise, that they have
  PeerConfig config_;
  std::string id_, pool_;
};

void install_pool_signals (GType type);
void install_pool_properties (GObjectClass *klass);
bool set_pool_property (PoolImpl &impl, guint id, const GValue *value);
bool get_pool_property (PoolImpl &impl, guint id, GValue *value);
PoolImpl &pool_impl (GstElement *rtcpool);
} // namespace reach::rtc
