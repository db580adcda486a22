// SPDX-License-Identifier: LGPL-2.1-or-later
// Offer and answer of one peer connection (RFC 9429, W3C webrtc-pc), sans-IO. Policies: max-bundle,
// rtcp-mux required, so there is one transport. All calls are synchronous and atomic: what returns
// an error has changed nothing. Who calls from several threads serialises them (the operations
// chain of webrtc-pc is then the order of the calls). After each call events are drained.
#pragma once
#include "codec_offer.h"
#include "common/proto/fifo.h"
#include "jsep_check.h"
#include "jsep_negotiated.h"

namespace reach::rtc {
class Negotiator {
public:
  Negotiator (JsepConfig config, Random random);

  // Takes a transceiver that could send and never did, or makes one.
  Outcome<TransceiverId> add_track (
      MediaKind kind, std::string track, std::vector<std::string> streams);
  JsepError remove_track (TransceiverId id);
  Outcome<TransceiverId> add_transceiver (MediaKind kind, TransceiverInit init);
  JsepError set_direction (TransceiverId id, Direction d);
  JsepError set_streams (TransceiverId id, std::vector<std::string> streams);
  // Simulcast: the layers that the next offer has, best first; up to max_rids. One alone needs no
  // rid, unless there were more before. Layers that a peer refused are offered again.
  JsepError set_encodings (TransceiverId id, std::vector<Rid> encodings);
  JsepError replace_track (TransceiverId id, std::string track); // needs no negotiation
  // Of the configuration's codecs, in the order wanted; empty: all of them.
  JsepError set_codec_preferences (TransceiverId id, std::vector<Codec> codecs);
  JsepError stop (TransceiverId id);
  JsepError add_data_channel (); // from now on descriptions have data channels

  Outcome<sdp::Description> create_offer (bool ice_restart = false);
  Outcome<sdp::Description> create_answer ();
  // Offer or answer, whichever the state asks for.
  JsepError set_local ();
  // May have been edited: codecs, directions of m-lines, extensions; not m-lines, mids, ICE.
  JsepError set_local (DescriptionType type, const sdp::Description &d = {});
  // An offer in have-local-offer rolls that back first.
  JsepError set_remote (DescriptionType type, const sdp::Description &d = {});
  // The next offer has new credentials; holds until that is negotiated.
  void restart_ice ();
  JsepError add_candidate (const CandidateInit &c);
  // What ICE has found, into the local description. The value: where it belongs, to be signalled.
  Outcome<CandidateInit> add_local_candidate (const Candidate &c, std::string_view ufrag);
  Outcome<CandidateInit> end_local_candidates (std::string_view ufrag);
  void close ();

  std::optional<JsepEvent> poll_event ();

  SignalingState state () const { return state_; }
  bool needed () const { return needed_; }
  const std::vector<Transceiver> &transceivers () const { return transceivers_; }
  const Transceiver *find (TransceiverId id) const;
  // Pending, else current; nullptr: none.
  const sdp::Description *local () const { return pick (pending_local_, current_local_); }
  const sdp::Description *remote () const { return pick (pending_remote_, current_remote_); }
  const sdp::Description *current_local () const { return pick (current_local_, current_local_); }
  const sdp::Description *current_remote () const
  {
    return pick (current_remote_, current_remote_);
  }
  bool answered () const { return we_answered_; } // what is in force, or will be
  const Negotiated *negotiated () const { return negotiated_ ? &*negotiated_ : nullptr; }

private:
  using Slot = std::optional<sdp::Description>;
  struct Data {
    bool wanted = false;
    std::string mid;
    std::optional<std::size_t> mline;
  };
  // What a rollback brings back.
  struct Snapshot {
    std::vector<Transceiver> transceivers;
    Data data;
    IceCredentials ice;
    std::optional<DtlsRole> role;
    std::vector<Candidate> candidates;
    bool candidates_end = false;
  };

  static const sdp::Description *pick (const Slot &a, const Slot &b)
  {
    return a ? &*a : b ? &*b : nullptr;
  }

  // jsep.cpp
  Transceiver *get (TransceiverId id);
  Transceiver *at_mline (std::size_t mline);
  Transceiver &make (MediaKind kind, Direction d);
  JsepError usable (TransceiverId id, Transceiver *&t);
  std::uint32_t random_u32 ();
  std::string random_text (std::size_t size); // ice-chars
  std::string random_id ();                   // a token
  // The smallest number that no description, no transceiver and none of `also` has.
  std::string unused_mid (const std::vector<std::string> &also) const;
  void tell (JsepEvent e) { events_.push_back (std::move (e)); }
  void set_state (SignalingState s);
  const std::vector<Codec> &codecs_of (const Transceiver &t) const;
  const std::vector<sdp::ExtMap> &extensions_of (MediaKind kind) const;

  // jsep_candidates.cpp
  Outcome<CandidateInit> local_target (std::string_view ufrag) const;

  // jsep_offer.cpp
  struct Build;
  sdp::Media offered_media (
      Build &b, const Transceiver &t, const std::string &mid, std::size_t mline);
  sdp::Media offered_data (const std::string &mid) const;
  void offer_slot (Build &b, std::size_t mline);
  void offer_new (Build &b);
  bool place (Build &b, std::size_t mline);
  void bundle_offer (Build &b);
  IceCredentials offer_ice (bool restart);
  void sender_lines (const Transceiver &t, sdp::Media &m) const;
  sdp::Description begin_description ();
  sdp::TransportParameters our_transport (const IceCredentials &ice, sdp::Setup setup) const;
  void put_candidates (sdp::Description &d, const IceCredentials &ice) const;

  // jsep_answer.cpp
  sdp::Media answered (const sdp::Media &offered, std::size_t mline, const sdp::Media *transport);
  sdp::Media answered_media (const sdp::Media &offered, const Transceiver &t);
  sdp::Media answered_data (const sdp::Media &offered) const;
  IceCredentials answer_ice ();
  DtlsRole answer_role () const;

  // jsep_local.cpp
  JsepError set_local_offer (const sdp::Description &d);
  JsepError set_local_answer (DescriptionType type, const sdp::Description &d);
  void apply_local_answer (const sdp::Description &d);
  void take_local_ice (const sdp::Description &d);

  // jsep_remote.cpp
  JsepError check_remote (DescriptionType type, const sdp::Description &d) const;
  void apply_remote (DescriptionType type, sdp::Description d);
  void apply_remote_media (DescriptionType type, const sdp::Media &m, std::size_t mline);
  Transceiver *associate (const sdp::Media &m, std::size_t mline);
  void apply_remote_data (DescriptionType type, const sdp::Media &m, std::size_t mline);
  void tell_remote (const sdp::Description &d);
  void take_simulcast (DescriptionType type, const sdp::Media &m, Transceiver &t);

  // jsep_state.cpp
  void take_snapshot ();
  JsepError rollback (SignalingState expected);
  void undo ();
  void restore (Transceiver &now, const Transceiver &before);
  void disassociate (Transceiver &t);
  void receive (Transceiver &t, const sdp::Media *m);
  void set_current (Transceiver &t, std::optional<Direction> d);
  void stop_now (Transceiver &t);
  void finish (bool provisional, bool we_answered);
  void remove_stopped ();
  void settle_data ();
  void end_transport ();
  bool check_needed () const;
  bool is_needed (const Transceiver &t) const;
  void update_needed ();

  JsepConfig config_;
  Random random_;
  SignalingState state_ = SignalingState::stable;
  std::vector<Transceiver> transceivers_;
  TransceiverId last_id_ = 0;
  Data data_;
  Slot current_local_, current_remote_, pending_local_, pending_remote_;
  // What was created last; and of the offer, which transceiver an m-line is for.
  Slot last_offer_, last_answer_;
  std::vector<std::optional<TransceiverId>> plan_;
  std::optional<Snapshot> snapshot_;
  IceCredentials ice_;                      // of the local description
  std::optional<IceCredentials> ice_next_;  // of one that was created
  std::vector<IceCredentials> ice_replace_; // those in use when restart_ice () was called
  std::vector<Candidate> candidates_;       // of ice_
  bool candidates_end_ = false;
  std::optional<DtlsRole> role_;
  std::optional<Negotiated> negotiated_;
  bool we_answered_ = false; // what is in force
  std::string session_id_;
  std::uint64_t session_version_ = 1;
  bool needed_ = false, needed_told_ = false;
  Fifo<JsepEvent, 0> events_;
};
} // namespace reach::rtc
