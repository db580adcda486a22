// SPDX-License-Identifier: LGPL-2.1-or-later
// What a Negotiator takes and tells.
#pragma once
#include "codec.h"
#include "sdp.h"
#include "transport_types.h"
#include <functional>
#include <variant>

namespace reach::rtc {
enum class SignalingState : std::uint8_t {
  stable,
  have_local_offer,
  have_remote_offer,
  have_local_pranswer,
  have_remote_pranswer,
  closed
};
enum class DescriptionType : std::uint8_t { offer, pranswer, answer, rollback };
std::string_view to_string (SignalingState s);
std::string_view to_string (DescriptionType t);

enum class JsepFault : std::uint8_t {
  none,
  wrong_state,    // not in this signaling state, or closed
  bad_argument,   // a value that no description could carry
  unknown,        // no such transceiver, m-line or mid
  stopped,        // the transceiver is
  too_many,       // transceivers, m-lines
  modified,       // not what was created last
  mline_mismatch, // number, kind, mid or order of m-lines
  no_ice,         // ufrag or pwd are missing
  no_fingerprint,
  insecure, // SDES keys or plain RTP, no DTLS
  no_rtcp_mux,
  bad_setup,   // a DTLS role that cannot be
  not_bundled, // accepted outside of the BUNDLE group
  no_codec,    // accepted without a codec that both have
  bad_candidate,
  unknown_ufrag, // a candidate of a generation that is over
};
std::string_view to_string (JsepFault f);

struct JsepError {
  JsepFault fault = JsepFault::none;
  std::size_t mline = 0; // of faults in a description
  explicit operator bool () const { return fault != JsepFault::none; }
};

template <typename T> struct Outcome {
  JsepError error;
  T value{};
  explicit operator bool () const { return !error; }
  const T &operator* () const { return value; }
  const T *operator->() const { return &value; }
};

using Random = std::function<void (std::span<std::uint8_t>)>;
using TransceiverId = std::uint32_t; // never used again

namespace uri {
constexpr std::string_view audio_level = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
constexpr std::string_view abs_send_time =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
constexpr std::string_view transport_cc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
constexpr std::string_view mid = "urn:ietf:params:rtp-hdrext:sdes:mid";
constexpr std::string_view rid = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
constexpr std::string_view repaired_rid = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
} // namespace uri
// All of the above that the kind has.
SharedList<sdp::ExtMap> default_extensions (MediaKind kind);

struct JsepConfig {
  SharedList<Codec> audio = default_codecs (MediaKind::audio);
  SharedList<Codec> video = default_codecs (MediaKind::video);
  SharedList<sdp::ExtMap> audio_extensions = default_extensions (MediaKind::audio);
  SharedList<sdp::ExtMap> video_extensions = default_extensions (MediaKind::video);
  std::vector<sdp::Fingerprint> fingerprints; // of our certificate; at least one
  std::vector<std::string> ice_options = {"trickle"};
  // What an answer chooses. The DTLS server picks the SRTP profile.
  DtlsRole role = DtlsRole::server;
  // New m-lines but the first are offered bundle-only with port 0 (RFC 8829, max-bundle). Off: with
  // port 9 and the same transport in each, for peers that take port 0 as a refusal.
  bool bundle_only = true;
  bool signal_ssrcs = true; // a=ssrc and a=ssrc-group:FID of what is sent without rids
  std::string cname;        // empty: a random one
  std::uint16_t sctp_port = 5000;
  std::uint64_t max_message_size = 262144;
  std::size_t max_transceivers = 64, max_rids = 4;
};

struct TransceiverInit {
  Direction direction = Direction::sendrecv;
  std::string track;                // empty: nothing to send yet
  std::vector<std::string> streams; // ids of the MediaStreams
  std::vector<Rid> encodings;       // simulcast, best quality first as the application likes it
};

struct Transceiver {
  TransceiverId id = 0;
  MediaKind kind = MediaKind::audio;
  std::string mid; // empty: not associated with an m-line
  std::optional<std::size_t> mline;
  Direction direction = Direction::sendrecv;
  std::optional<Direction> current_direction;
  bool stopping = false, stopped = false;
  std::vector<Codec> preferences; // empty: those of the configuration
  // What we send.
  std::string track;     // empty: none now
  std::string sender_id; // the track of a=msid
  std::vector<std::string> streams;
  std::vector<Rid> encodings;
  std::uint32_t ssrc = 0, rtx_ssrc = 0;
  bool has_sent = false; // was sendrecv or sendonly once
  // What we receive.
  bool receiving = false; // a track was reported
  std::string remote_track;
  std::vector<std::string> remote_streams;
  bool by_track = false, by_remote = false; // who made it: add_track (), a remote description
  bool track_added = false;                 // add_track () gave it its track
};

struct RemoteTransport {
  IceCredentials ice;
  bool lite = false;
  std::vector<std::string> options; // trickle, renomination
  std::vector<sdp::Fingerprint> fingerprints;
  std::optional<sdp::Setup> setup;
  std::string tls_id;
  bool operator== (const RemoteTransport &) const = default;
};

struct CandidateInit {
  std::string candidate; // empty: the end of this generation
  std::optional<std::string> mid;
  std::optional<std::size_t> mline;
  std::optional<std::string> ufrag;
};

namespace event {
// To be looked at when it is taken: needed () may be over by then.
struct NegotiationNeeded {};
struct Signaling {
  SignalingState state;
};
struct TransceiverAdded { // by a remote description
  TransceiverId id;
};
// Its id is not known any more.
struct TransceiverRemoved {
  TransceiverId id;
};
// Again when its streams change.
struct TrackAdded {
  TransceiverId id;
  std::string track;
  std::vector<std::string> streams;
};
struct TrackRemoved {
  TransceiverId id;
};
struct CurrentDirection {
  TransceiverId id;
  std::optional<Direction> direction; // nothing: stopped
};
// ICE has these credentials from now on; gathers when they are new. After a rollback: the old ones.
// Empty: there is no transport, before the first negotiation or since all m-lines were refused.
struct LocalIce {
  IceCredentials ice;
};
struct Remote {
  RemoteTransport transport;
};
// No candidate: the end of them.
struct RemoteCandidate {
  std::string mid, ufrag;
  std::optional<Candidate> candidate;
};
// negotiated () changed.
struct Negotiated {};
// The peer takes no data channels.
struct DataRefused {};
} // namespace event

using JsepEvent = std::variant<event::NegotiationNeeded, event::Signaling, event::TransceiverAdded,
    event::TransceiverRemoved, event::TrackAdded, event::TrackRemoved, event::CurrentDirection,
    event::LocalIce, event::Remote, event::RemoteCandidate, event::Negotiated, event::DataRefused>;
} // namespace reach::rtc
